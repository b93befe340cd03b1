"""Changes to the configuration file that a command makes: `[[plugin]]` tables alone, everything else as it was written.

The new file must load under the environment of the moment before it takes the old one's place, and must differ from
the old one in nothing but its plugins.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from appliance.config.loading import load
from appliance.config.problems import ConfigurationError
from appliance.config.values import Configuration
from appliance.durable import locked_folder, put_in_place, staged_file
from appliance.plugin_host.entries import InstalledPlugin

_PLUGIN = "plugin"


class EditRefused(Exception):
    """The file was left as it was. The message says why."""


def put_plugin(path: Path, environ: Mapping[str, str], plugin: InstalledPlugin, *, try_only: bool = False) -> None:
    """Write a plugin's table, in the place of the one of that name or at the end. Raises `EditRefused`.

    `try_only` finds out whether it would be refused, and writes nothing.
    """
    fields = _fields(plugin)

    def edit(tables: AoT) -> None:
        table = _find(tables, plugin.name)
        if table is None:
            table = tomlkit.table()
            tables.append(table)
            table = tables[-1]
        for name, value in fields.items():
            table[name] = value
        for name in set(table) - set(fields):
            del table[name]

    _change(path, environ, edit, try_only=try_only)


def enable_plugin(path: Path, environ: Mapping[str, str], name: str, *, enabled: bool) -> None:
    """Set a plugin's `enabled`. Raises `EditRefused`."""

    def edit(tables: AoT) -> None:
        table = _find(tables, name)
        if table is None:
            raise EditRefused(f"{path}: has no [[plugin]] named {name}")
        table["enabled"] = enabled

    _change(path, environ, edit)


def drop_plugin(path: Path, environ: Mapping[str, str], name: str) -> None:
    """Take a plugin's table out. Raises `EditRefused`."""

    def edit(tables: AoT) -> None:
        position = next((at for at, table in enumerate(tables) if table.get("name") == name), None)
        if position is None:
            raise EditRefused(f"{path}: has no [[plugin]] named {name}")
        del tables[position]

    _change(path, environ, edit)


def _change(path: Path, environ: Mapping[str, str], edit: Callable[[AoT], None], *, try_only: bool = False) -> None:
    # A link stays a link: what it leads to is replaced.
    real = Path(os.path.realpath(path))
    try:
        with locked_folder(real.parent):
            found = real.stat()
            document = tomlkit.parse(real.read_bytes())
            tables = document.get(_PLUGIN)
            if tables is None:
                tables = tomlkit.aot()
                edit(tables)
                document.append(_PLUGIN, tables)
            elif isinstance(tables, AoT):
                edit(tables)
                if not tables:
                    del document[_PLUGIN]
            else:
                raise EditRefused(f"{path}: plugin is not written as [[plugin]] tables")
            before = _loaded(real, environ)
            content = tomlkit.dumps(document).encode()
            with staged_file(real, content, found.st_mode & 0o777) as new:
                _check(path, new, before, environ)
                if not try_only:
                    put_in_place(new, real)
    except OSError as fault:
        raise EditRefused(f"{path}: cannot be changed: {fault.strerror} (readytrader init makes one)") from fault
    except (TOMLKitError, UnicodeDecodeError) as fault:
        raise EditRefused(f"{path}: is not TOML: {fault}") from fault


def _loaded(path: Path, environ: Mapping[str, str]) -> Configuration | None:
    try:
        return load(path, environ)
    except ConfigurationError:
        return None


def _check(path: Path, new: Path, before: Configuration | None, environ: Mapping[str, str]) -> None:
    """Refuse a new file that does not load, or that decides anything else than the old one beside its plugins."""
    try:
        after = load(new, environ)
    except ConfigurationError as refusal:
        problems = "\n".join(str(problem).replace(str(new), str(path)) for problem in refusal.problems)
        raise EditRefused(f"nothing is changed: the configuration would be refused\n{problems}") from None
    if before is not None and _without_plugins(before) != _without_plugins(after):
        raise EditRefused(f"{path}: cannot be changed without changing other settings; edit it by hand")


def _without_plugins(configuration: Configuration) -> Configuration:
    return msgspec.structs.replace(configuration, plugins=(), effective=(), digest="")


def _find(tables: AoT, name: str) -> Table | None:
    return next((table for table in tables if table.get("name") == name), None)


def _fields(plugin: InstalledPlugin) -> dict[str, object]:
    """A plugin's table as it is written: empty lists are left out."""
    fields: dict[str, object] = {
        "name": plugin.name,
        "wheel": plugin.wheel,
        "version": plugin.version,
        "sha256": plugin.sha256,
        "publisher": plugin.publisher,
        "kinds": [kind.value for kind in plugin.kinds],
        "hosts": [str(host) for host in plugin.hosts],
        "secrets": list(plugin.secrets),
        "file_settings": list(plugin.file_settings),
        "enabled": plugin.enabled,
        "dependencies": dict(plugin.dependencies),
    }
    return {name: value for name, value in fields.items() if value not in ([], {})}
