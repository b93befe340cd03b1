"""`readytrader plugin install | inspect | diff`: what a wheel asks for, shown before anything of it is trusted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.context import CommandLine, json_option
from appliance.cli.plugin_words import RESTART, agreed, plain, refuse, refusing

if TYPE_CHECKING:
    from appliance.plugin_host.entries import InstalledPlugin
    from appliance.plugin_host.wheels.folder import Candidate
    from appliance.plugin_host.wheels.manifest import Manifest

_wheel_type = click.Path(path_type=Path, exists=True, dir_okay=False)
_FIRST_USE = "trusted on first use: nothing but the wheel itself says that this key is its publisher's"


@click.command("install")
@click.argument("wheel", type=_wheel_type)
@click.option("--publisher", help="The key that it must be signed with, learned elsewhere: ed25519:...")
@click.option("--yes", is_flag=True, help="Do not ask. A plugin that is new here then needs --publisher.")
@click.pass_obj
def install_command(line: CommandLine, wheel: Path, publisher: str | None, yes: bool) -> None:
    """Install or update a plugin from its signed WHEEL: verify it, show what it asks for, ask, and copy it.

    The wheels that it needs are looked for beside it. No instance of it runs until the configuration has one.
    """
    from appliance.plugin_host.wheels.folder import candidate

    with refusing():
        line.home.prepare()
        found = candidate(wheel)
        old = _present(line, found)
        known = _judged_publisher(found.manifest, publisher, old, yes=yes)
        for text in _described(found.manifest, known, is_compiled=found.is_compiled):
            click.echo(text)
        for text in [] if old is None else _changes(line, old, found):
            click.echo(text)
        entry = _entry(found, enabled=old is None or old.enabled)
        _demand_fits(line, entry)
        if not yes:
            agreed(f"Install {entry.name} {entry.version} with these rights?")
        _put(line, entry, found)
    click.echo(f"{entry.name} {entry.version} is installed. {RESTART}")


def _present(line: CommandLine, found: Candidate) -> InstalledPlugin | None:
    """The plugin of that name which is installed already."""
    from appliance.plugin_host.catalog import built_ins

    name = found.manifest.plugin
    if name in built_ins():
        refuse(f"{found.wheel}: a name clash: {name} is a built-in plugin")
    return next((entry for entry in line.configuration().plugins if entry.name == name), None)


def _judged_publisher(manifest: Manifest, given: str | None, old: InstalledPlugin | None, *, yes: bool) -> str:
    """How the publisher's key is known; refused where it is not the one that must have signed."""
    if given is not None and given != manifest.publisher:
        refuse(f"{manifest.plugin}: signed by {manifest.publisher}, and not by {given}")
    if old is not None and old.publisher != manifest.publisher:
        refuse(
            f"{manifest.plugin}: signed by {manifest.publisher}, installed is one of {old.publisher}; "
            f"readytrader plugin remove {manifest.plugin} first"
        )
    if old is not None:
        return "the same as of the one that is installed"
    if given is not None:
        return "as given"
    if yes:
        refuse(f"{manifest.plugin}: with --yes, a plugin that is new here needs --publisher")
    return _FIRST_USE


def _described(manifest: Manifest, known: str, *, is_compiled: bool) -> Iterator[str]:
    """What a person must know before saying yes, line by line."""
    claims = manifest.claims
    code = "compiled: machine code runs in the cage" if is_compiled else "pure Python"
    rows: tuple[tuple[str, Iterable[str]], ...] = (
        ("plugin", [manifest.plugin]),
        ("distribution", [f"{manifest.distribution} {manifest.version}"]),
        ("publisher", [manifest.publisher, known]),
        ("kinds", claims.kinds),
        ("hosts", claims.hosts),
        ("secrets", claims.secrets),
        ("reads files", [f"that the setting {setting} names" for setting in claims.file_settings]),
        ("dependencies", manifest.dependencies),
        ("code", [f"{code}, {len(manifest.files)} files"]),
    )
    for title, values in rows:
        for name, value in zip_longest([title], values or ["none"], fillvalue=""):
            yield f"{name:<14} {plain(value)}"


def _changes(line: CommandLine, old: InstalledPlugin, found: Candidate) -> Iterator[str]:
    """What an update changes, or why that cannot be said."""
    from appliance.plugin_host.catalog import wheels_of
    from appliance.plugin_host.wheels.publishing import compare
    from appliance.plugin_host.wheels.refusal import WheelRefused
    from appliance.plugin_host.wheels.verified import open_verified

    yield f"\nchanges from {old.version}:"
    try:
        before = open_verified(wheels_of(old, line.home))
    except WheelRefused as fault:
        yield f"  unknown: what is installed is not as it was: {fault}"
        return
    changes = compare(before.manifest, before.wheels[0], found.manifest, found.plugin.wheels[0])
    granted = {*_rights(old.kinds, map(str, old.hosts), old.secrets, old.file_settings), *changes.claims_gained}
    claims = found.manifest.claims
    again = [
        f"granted again: {right}"
        for right in _rights(claims.kinds, claims.hosts, claims.secrets, claims.file_settings)
        if right not in granted
    ]
    yield from (f"  {plain(text)}" for text in [*again, *changes.lines()] or ["none"])


def _rights(*listed: Iterable[str]) -> Iterator[str]:
    """Rights in the words of `Difference`, field by field."""
    for field, values in zip(("kinds", "hosts", "secrets", "file_settings"), listed, strict=True):
        yield from (f"{field}: {value}" for value in values)


def _entry(found: Candidate, *, enabled: bool) -> InstalledPlugin:
    """The catalog's entry: everything that the manifest claims, which is what a person agrees to."""
    from appliance.plugin_host.entries import InstalledPlugin
    from appliance.plugin_host.wheels.manifest import sha256

    manifest, claims = found.manifest, found.manifest.claims
    return InstalledPlugin(
        name=manifest.plugin,
        wheel=found.wheel,
        version=manifest.version,
        sha256=sha256(found.content[found.wheel]),
        publisher=manifest.publisher,
        kinds=claims.kinds,
        hosts=claims.endpoints,
        secrets=claims.secrets,
        file_settings=claims.file_settings,
        dependencies=dict(manifest.dependencies),
        enabled=enabled,
    )


def _demand_fits(line: CommandLine, entry: InstalledPlugin) -> None:
    """Refuse before anybody is asked what the configuration would refuse afterwards."""
    from appliance.config.editing import put_plugin

    put_plugin(line.home.config, os.environ, entry, try_only=True)


def _put(line: CommandLine, entry: InstalledPlugin, found: Candidate) -> None:
    """Files first: an end in between leaves wheels whose hash the configuration does not have, which are not loaded."""
    from appliance.config.editing import put_plugin

    found.place(line.home.plugins / entry.name)
    put_plugin(line.home.config, os.environ, entry)


@click.command("inspect")
@click.argument("wheel", type=_wheel_type)
@json_option
def inspect_command(wheel: Path, as_json: bool) -> None:
    """Verify WHEEL against the manifest in it, and show what it says and claims. Installs nothing."""
    from appliance.plugin_host.wheels.publishing import inspect

    with refusing():
        manifest = inspect(wheel)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(manifest).decode())
        return
    compiled = any(".so" in Path(name).suffixes for name in manifest.files)
    for text in _described(manifest, "the key that it is signed with", is_compiled=compiled):
        click.echo(text)


@click.command("diff")
@click.argument("old", type=_wheel_type)
@click.argument("new", type=_wheel_type)
@json_option
def diff_command(old: Path, new: Path, as_json: bool) -> None:
    """What changes from the signed wheel OLD to NEW: rights first, then publisher, version, dependencies, files."""
    from appliance.plugin_host.wheels.publishing import difference

    with refusing():
        found = difference(old, new)
    if as_json:
        import msgspec

        click.echo(json.dumps(msgspec.to_builtins(found)))
        return
    for text in found.lines() or ("the wheels say the same",):
        click.echo(plain(text))
