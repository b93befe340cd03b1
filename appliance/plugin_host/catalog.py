"""The plugin catalog: which plugins there are, and the workers that a configuration makes of them.

There are two kinds of plugins: built-ins, which are entry points of this very distribution, and wheels in the plugins
folder that the configuration names with their hash and publisher. Nothing here imports a plugin, and nothing that
somebody installed beside the appliance is ever used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, distributions
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.hooks import ENTRY_POINT_GROUP

from appliance.home import Home, private_folder
from appliance.plugin_host.entries import Configured, InstalledPlugin, Instance
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.specs import BuiltIn, Package, Rights, Wheels, WorkerSpec
from appliance.plugin_host.wheels.claims import CLAIMS_FILE, Claims, parse_claims
from appliance.plugin_host.wheels.refusal import WheelRefused

DISTRIBUTION = "readytrader"
MOVES_VALUE = frozenset({Kind.EXCHANGE, Kind.ROUTER, Kind.SIGNER})
"""Kinds whose workers are given the key that permits are checked with."""


WATCHDOG = "-watchdog"
"""Ends the names of the watchdog process's instances."""

InstanceT = TypeVar("InstanceT", bound=Instance)


class CatalogError(Exception):
    """A plugin that cannot be used as it is. The message names it, says what is wrong, and what was seen."""


class BuiltInPlugin(Struct, frozen=True, kw_only=True):
    """A plugin that comes with the appliance."""

    name: str
    module: str
    claims: Claims


class Beside(Struct, frozen=True, kw_only=True, order=True):
    """A plugin of another distribution in this interpreter: told, and never used."""

    plugin: str
    distribution: str
    version: str


@cache
def built_ins() -> Mapping[str, BuiltInPlugin]:
    """The plugins of this distribution, by name; none of them is imported. Raises `CatalogError`."""
    try:
        own = distribution(DISTRIBUTION)
    except PackageNotFoundError as fault:
        raise CatalogError(f"the metadata of {DISTRIBUTION} is missing: this installation is broken") from fault
    found = (_built_in(entry_point) for entry_point in own.entry_points.select(group=ENTRY_POINT_GROUP))
    return {plugin.name: plugin for plugin in sorted(found, key=lambda plugin: plugin.name)}


def installed_beside(installed: Iterable[Distribution] | None = None) -> tuple[Beside, ...]:
    """What other distributions offer as plugins: `pip install` brings a package, and no trust.

    `installed` are the distributions to look at; by default those of the running interpreter.
    """
    found = {
        Beside(plugin=entry_point.name, distribution=one.name, version=one.version)
        for one in (distributions() if installed is None else installed)
        for entry_point in one.entry_points.select(group=ENTRY_POINT_GROUP)
        if one.name != DISTRIBUTION
    }
    return tuple(sorted(found))


def worker_specs(configuration: Configured, home: Home, permit_key: bytes) -> tuple[WorkerSpec, ...]:
    """The workers that a configuration asks for, in its order; their state folders are made.

    `permit_key` is the core's raw Ed25519 public key, or empty where no permit may be good. Raises `CatalogError`, and
    `HomeRefused` for a state folder that is open to others.
    """
    return tuple(worker_spec(configuration, home, permit_key, instance) for instance in configuration.instances)


def worker_spec(configuration: Configured, home: Home, permit_key: bytes, instance: Instance) -> WorkerSpec:
    """One of them. Its rights are what the operator granted the plugin, and what they granted this instance."""
    offer = _offer(configuration, home, instance.plugin)
    if instance.kind not in offer.kinds:
        kinds = ", ".join(offer.kinds)
        raise CatalogError(f"{instance.name}: plugin {instance.plugin} may register {kinds}, not {instance.kind}")
    return WorkerSpec(
        name=instance.name,
        plugin=instance.plugin,
        kind=instance.kind,
        kinds_granted=offer.kinds,
        package=offer.package,
        settings=instance.settings,
        rights=Rights(
            hosts=_joined(offer.hosts, instance.hosts),
            private_hosts=instance.private_hosts,
            secrets=offer.secrets,
            optional_secrets=offer.optional_secrets,
            read_paths=_read_paths(instance, offer.file_settings, home),
        ),
        state_folder=str(private_folder(home.plugin_state / instance.name)),
        secrets_folder=str(home.secrets / instance.name),
        cage_required=tuple(sorted(configuration.cage_required)),
        permit_key=permit_key if instance.kind in MOVES_VALUE else b"",
        venue=instance.venue,
    )


def for_watchdog(instance: InstanceT) -> InstanceT:
    """The same instance as the watchdog process runs it: its name, and so its secrets and its state, are its own.

    No instance of a configuration has such a name: none has a hyphen.
    """
    return msgspec.structs.replace(instance, name=f"{instance.name}{WATCHDOG}")


def wheels_of(entry: InstalledPlugin, home: Home) -> Wheels:
    """Where the wheels of an installed plugin lie, and what they must be."""
    return Wheels(
        folder=str(home.plugins / entry.name),
        wheel=entry.wheel,
        sha256={entry.wheel: entry.sha256, **entry.dependencies},
        publisher=entry.publisher,
    )


def secrets_of(configuration: Configured, home: Home, plugin: str) -> tuple[str, ...]:
    """Names of the secrets that every instance of a plugin is given. Raises `CatalogError`."""
    return _offer(configuration, home, plugin).secrets


def optional_secrets_of(configuration: Configured, home: Home, plugin: str) -> tuple[str, ...]:
    """Names of the secrets that an instance of a plugin is given where it has them. Raises `CatalogError`."""
    return _offer(configuration, home, plugin).optional_secrets


class _Offer(Struct, frozen=True, kw_only=True):
    """What instances of one plugin are made of."""

    package: Package
    kinds: tuple[Kind, ...]
    hosts: tuple[Endpoint, ...]
    secrets: tuple[str, ...]
    file_settings: tuple[str, ...]
    optional_secrets: tuple[str, ...] = ()


def _offer(configuration: Configured, home: Home, plugin: str) -> _Offer:
    entry = next((entry for entry in configuration.plugins if entry.name == plugin), None)
    built_in = built_ins().get(plugin)
    if entry is not None and built_in is not None:
        raise CatalogError(f"plugin {plugin}: an installed plugin has the name of a built-in")
    if built_in is not None:
        claims = built_in.claims
        return _Offer(
            package=BuiltIn(module=built_in.module),
            kinds=claims.kinds,
            hosts=claims.endpoints,
            secrets=claims.secrets,
            file_settings=claims.file_settings,
            optional_secrets=claims.optional_secrets,
        )
    if entry is None:
        raise CatalogError(f"plugin {plugin}: neither a built-in nor in the configuration's catalog")
    if not entry.enabled:
        raise CatalogError(f"plugin {plugin}: disabled (readytrader plugin enable {plugin})")
    return _Offer(
        package=wheels_of(entry, home),
        kinds=entry.kinds,
        hosts=entry.hosts,
        secrets=entry.secrets,
        file_settings=entry.file_settings,
    )


def _built_in(entry_point: EntryPoint) -> BuiltInPlugin:
    """From an entry point and the claims beside its module, which is a package."""
    name, module = entry_point.name, entry_point.value
    package, _, leaf = module.rpartition(".")
    try:
        text = (files(package) / leaf / CLAIMS_FILE).read_text(encoding="utf-8")
        return BuiltInPlugin(name=name, module=module, claims=parse_claims(text, f"{module}: {CLAIMS_FILE}"))
    except (OSError, ModuleNotFoundError) as fault:
        raise CatalogError(f"built-in plugin {name}: {module} has no {CLAIMS_FILE}") from fault
    except WheelRefused as fault:
        raise CatalogError(f"built-in plugin {name}: {fault}") from fault


def _joined(*hosts: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    return tuple(dict.fromkeys(host for some in hosts for host in some))


def _read_paths(instance: Instance, file_settings: Iterable[str], home: Home) -> tuple[str, ...]:
    """The files and folders that an instance's settings name, without links: what it may read beyond its own."""
    named = (
        (setting, text.strip()) for setting in file_settings for text in instance.settings.get(setting, "").split(",")
    )
    paths = (_readable(path, f"{instance.name}: setting {setting}", home) for setting, path in named if path)
    return tuple(dict.fromkeys(paths))


def _readable(path: str, title: str, home: Home) -> str:
    """A path that an operator may let a plugin read: nothing of the home, and nothing around it."""
    if not os.path.isabs(path):  # noqa: PTH117 - text from a setting, not yet a path
        raise CatalogError(f"{title}: expected absolute paths with commas, got {path[:120]!r}")
    real = Path(os.path.realpath(path))
    for private in (home.root, home.config):
        kept = Path(os.path.realpath(private))
        if real == kept or kept in real.parents or real in kept.parents:
            raise CatalogError(f"{title}: {path[:120]!r} would show the plugin {private}")
    return str(real)
