"""Makes a new plugin's folder from the template of its kind: a package that installs, and passes the kit as it is."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from readytrader_sdk.kinds import Kind

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)
_NAME_MAX = 40
_TAKEN = frozenset({"appliance", "builtin_plugins", "readytrader", "readytrader_sdk", "test", "tests"})
_LEFT_OUT = ("__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache")


class ScaffoldRefused(ValueError):
    """Nothing was made. The message names what was wrong and what was seen."""


def create(kind: Kind | str, name: str, target: Path) -> Path:
    """Make the folder `target / name` with a plugin of this kind and name; returns the folder.

    The name is the plugin's, its distribution's, and (with `_` for `-`) its package's. Raises `ScaffoldRefused` for a
    kind or a name that cannot be, and for a folder that is there already; `OSError` when it cannot be written.
    """
    kind = _kind(kind)
    package = _package(name)
    folder = target / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError as fault:
        raise ScaffoldRefused(f"{folder} is there already; nothing was changed") from fault
    words = {
        "acme_plugin": package,
        "acme-plugin": name,
        "Acme": "".join(part.capitalize() for part in package.split("_")),
    }
    for path, content in _files(files("readytrader_sdk") / "template" / kind.value, ()):
        made = folder.joinpath(*(_renamed(part, words) for part in path))
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(_renamed(content, words), encoding="utf-8")
    return folder


def _kind(kind: Kind | str) -> Kind:
    try:
        return Kind(kind.replace("-", "_"))
    except ValueError as fault:
        raise ScaffoldRefused(f"expected one of {', '.join(Kind)}, got {str(kind)[:40]!r}") from fault


def _package(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _NAME_MAX:
        wanted = f"up to {_NAME_MAX} lower-case letters and digits, in parts joined by - or _, first a letter"
        raise ScaffoldRefused(f"name: expected {wanted}, got {name[:80]!r}")
    package = name.replace("-", "_")
    if package in _TAKEN or package in sys.stdlib_module_names or keyword.iskeyword(package):
        raise ScaffoldRefused(f"name: {package} is taken by a module of Python or of ReadyTrader")
    return package


def _files(folder: Traversable, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every file of a template, with the names that lead to it."""
    for entry in folder.iterdir():
        if entry.name in _LEFT_OUT:
            continue
        if entry.is_dir():
            yield from _files(entry, (*above, entry.name))
        else:
            yield (*above, entry.name), entry.read_text(encoding="utf-8")


def _renamed(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)
