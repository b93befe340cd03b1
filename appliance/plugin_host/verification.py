"""What is wrong with the plugins on the disk: the same checks as before a worker loads them, told without loading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from appliance.home import Home
from appliance.plugin_host.catalog import CatalogError, optional_secrets_of, secrets_of, wheels_of
from appliance.plugin_host.entries import Configured, InstalledPlugin, Instance
from appliance.plugin_host.secret_files import wrong_with_secret
from appliance.plugin_host.wheels.manifest import Manifest
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.wheels.verified import open_verified


class Finding(Struct, frozen=True, kw_only=True):
    """One plugin, instance or folder that was looked at. Without anything wrong, it is sound."""

    subject: str
    wrong: tuple[str, ...] = ()


def verify_plugins(configuration: Configured, home: Home, only: str | None = None) -> tuple[Finding, ...]:
    """Every installed plugin, every instance, and what lies in the plugins folder without belonging there.

    `only` is the one plugin to look at, with its instances.
    """
    plugins = (
        Finding(subject=f"plugin {entry.name}", wrong=wrong_with_plugin(entry, home))
        for entry in configuration.plugins
        if only in (None, entry.name)
    )
    instances = verify_instances(configuration, home, only)
    strays = (
        Finding(subject=str(path), wrong=("belongs to no [[plugin]] of the configuration",))
        for path in ([] if only is not None else _strays(configuration, home))
    )
    return (*plugins, *instances, *strays)


def verify_instances(configuration: Configured, home: Home, only: str | None = None) -> Iterator[Finding]:
    """Every instance: whether its worker would be given the secrets that it needs."""
    for one in configuration.instances:
        if only in (None, one.plugin):
            wrong = tuple(_wrong_with_instance(one, configuration, home))
            yield Finding(subject=f"{one.kind} {one.name}", wrong=wrong)


def wrong_with_plugin(entry: InstalledPlugin, home: Home) -> tuple[str, ...]:
    """Why a worker of this plugin would be refused: folder, hash, signature, or a right that it never claimed."""
    try:
        manifest = open_verified(wheels_of(entry, home)).manifest
    except WheelRefused as fault:
        return (str(fault),)
    return tuple(_unlike(entry, manifest))


def _unlike(entry: InstalledPlugin, manifest: Manifest) -> Iterator[str]:
    """Where the catalog's entry and the signed manifest disagree."""
    for what, written, signed in (
        ("name", entry.name, manifest.plugin),
        ("version", entry.version, manifest.version),
    ):
        if written != signed:
            yield f"the configuration says {what} {written}, its publisher signed {signed}"
    claims = manifest.claims
    granted: tuple[tuple[str, Iterable[str], Iterable[str]], ...] = (
        ("kind", entry.kinds, claims.kinds),
        ("host", map(str, entry.hosts), claims.hosts),
        ("secret", entry.secrets, claims.secrets),
        ("file setting", entry.file_settings, claims.file_settings),
    )
    for what, given, claimed in granted:
        for right in sorted(set(given) - set(claimed)):
            yield f"{what} {right} is granted and was never claimed"


def _wrong_with_instance(instance: Instance, configuration: Configured, home: Home) -> Iterator[str]:
    try:
        secrets = secrets_of(configuration, home, instance.plugin)
        optional = optional_secrets_of(configuration, home, instance.plugin)
    except CatalogError as fault:
        yield str(fault)
        return
    for name in secrets:
        if (wrong := wrong_with_secret(home, instance.name, name)) is not None:
            yield wrong
    for name in optional:
        if (wrong := wrong_with_secret(home, instance.name, name, optional=True)) is not None:
            yield wrong


def _strays(configuration: Configured, home: Home) -> list[Path]:
    known = {entry.name for entry in configuration.plugins}
    if not home.plugins.is_dir():
        return []
    return sorted(path for path in home.plugins.iterdir() if path.name not in known)
