"""A wheel as its bytes say: what it installs, under which names, and nothing that reaches beyond importing it.

Everything here looks at bytes that are in memory already; nothing is imported, unpacked to disk or run. Every wheel of
a plugin passes, the plugin's own and its dependencies'. (Source: the binary distribution format, packaging.python.org.)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.machinery import EXTENSION_SUFFIXES

from msgspec import Struct

from appliance.plugin_host.wheels import elf
from appliance.plugin_host.wheels.archive import read_archive
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.wheels.tags import Interpreter, WheelName, fits, parse_name

RESERVED = frozenset({"__main__", "appliance", "readytrader_sdk", "builtin_plugins", "pluggy", "msgspec"})
"""What a plugin's calls pass through: a wheel that brings its own is refused."""

_ROOTS = ("purelib", "platlib")
"""The folders of `*.data` whose files are installed like those at the top; a wheel with any other is refused."""
_BYTECODE = ".pyc"


class Wheel(Struct, frozen=True, kw_only=True):
    """One wheel, read and found sound."""

    file_name: str
    named: WheelName
    files: Mapping[str, bytes]
    """As in the archive."""
    installed: Mapping[str, bytes]
    """As `files`, under the names that they have where they are installed."""
    dist_info: str
    """The name of the folder with the metadata."""
    distribution: str
    version: str

    @property
    def is_compiled(self) -> bool:
        """Whether any of it is machine code."""
        return any(elf.is_elf(content) for content in self.files.values())

    def text(self, name: str) -> str | None:
        """A file of the metadata folder; None where there is none."""
        content = self.files.get(f"{self.dist_info}/{name}")
        return None if content is None else _utf8(self.file_name, name, content)


def read_wheel(file_name: str, data: bytes, here: Interpreter | None = None) -> Wheel:
    """The wheel in these bytes. Raises `WheelRefused` for one that is not sound, or does not run `here`, if given."""
    named = parse_name(file_name)
    if named is None:
        raise WheelRefused(file_name, "is not named like a wheel (name-version-python-abi-platform.whl)")
    if here is not None and not fits(named, here):
        raise WheelRefused(file_name, f"does not run here ({here.abi}, {here.machine})")
    files = read_archive(file_name, data)
    dist_info = _metadata_folder(file_name, named, files)
    installed = _installed(file_name, files)
    _demand_importable_only(file_name, installed)
    if here is not None:
        for name, content in installed.items():
            elf.demand_runs_here(file_name, name, content, here.machine)
    metadata, wheel = (_headers(file_name, files, f"{dist_info}/{name}") for name in ("METADATA", "WHEEL"))
    distribution, version = metadata.get("name", ""), metadata.get("version", "")
    if not wheel.get("wheel-version", "").startswith("1."):
        raise WheelRefused(file_name, "is a wheel of an unknown version", wheel.get("wheel-version") or "none")
    if not version or _plain(distribution) != _plain(named.distribution):
        raise WheelRefused(file_name, "is not what its metadata names", f"{distribution} {version}")
    return Wheel(
        file_name=file_name,
        named=named,
        files=files,
        installed=installed,
        dist_info=dist_info,
        distribution=distribution,
        version=version,
    )


def demand_distinct(wheels: tuple[Wheel, ...]) -> None:
    """Refuse wheels that would bring parts of one another: each module and package is of one wheel alone.

    Only a namespace package, which is a folder without code of its own, may be shared.
    """
    owners: dict[str, str] = {}
    shared: dict[str, str] = {}
    for wheel in wheels:
        units, namespaces = _units(wheel)
        for name in sorted(units):
            other = owners.get(name) or shared.get(name)
            if other:
                raise WheelRefused(wheel.file_name, f"brings a module that {other} brings too", name)
        for name in sorted(namespaces & owners.keys()):
            raise WheelRefused(wheel.file_name, f"reaches into a package of {owners[name]}", name)
        owners |= dict.fromkeys(units, wheel.file_name)
        shared |= dict.fromkeys(namespaces, wheel.file_name)


def module_of(path: str) -> tuple[str, bool] | None:
    """The dotted name of the module that a file is, and whether it is a package; None where it is no module."""
    *folders, last = path.split("/")
    suffix = next((suffix for suffix in (".py", *EXTENSION_SUFFIXES) if last.endswith(suffix)), None)
    if suffix is None:
        return None
    stem = last.removesuffix(suffix)
    parts = folders if stem == "__init__" else [*folders, stem]
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts), stem == "__init__"


def entry_points(wheel: Wheel, group: str) -> dict[str, str]:
    """The entry points of a group, by name. Raises `WheelRefused` for a file that says one twice."""
    found: dict[str, str] = {}
    section = ""
    for raw in (wheel.text("entry_points.txt") or "").splitlines():
        line = raw.strip()
        if line.startswith("["):
            section = line.strip("[]").strip()
        elif line and not line.startswith(("#", ";")) and section == group:
            name, _, value = (part.strip() for part in line.partition("="))
            if name in found:
                raise WheelRefused(wheel.file_name, "has an entry point twice", name)
            found[name] = value
    return found


def _metadata_folder(file_name: str, named: WheelName, files: Mapping[str, bytes]) -> str:
    folders = {path.split("/")[0] for path in files if path.split("/")[0].endswith(".dist-info")}
    if len(folders) != 1:
        raise WheelRefused(file_name, "must have one .dist-info folder", ", ".join(sorted(folders)) or "none")
    (folder,) = folders
    distribution, _, version = folder.removesuffix(".dist-info").rpartition("-")
    if _plain(distribution) != _plain(named.distribution) or version != named.version:
        raise WheelRefused(file_name, "is not what its .dist-info folder names", folder)
    return folder


def _installed(file_name: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files where an installer would put them."""
    installed: dict[str, bytes] = {}
    seen: set[str] = set()
    for path, content in files.items():
        name = path
        top, _, rest = path.partition("/")
        if top.endswith(".data"):
            root, _, name = rest.partition("/")
            if root not in _ROOTS or not name:
                raise WheelRefused(file_name, "installs files outside of its packages", path)
        if name.casefold() in seen:
            raise WheelRefused(file_name, "would install two files under one name", path)
        seen.add(name.casefold())
        installed[name] = content
    return installed


def _demand_importable_only(file_name: str, installed: Mapping[str, bytes]) -> None:
    for path in installed:
        top = path.split("/")[0]
        if path.casefold().endswith(".pth"):
            raise WheelRefused(file_name, "has a .pth file, which runs code where nobody looks", path)
        name = top if "/" in path else (module_of(path) or ("", False))[0]
        if name in RESERVED or name in sys.stdlib_module_names:
            whose = "the appliance's" if name in RESERVED else "Python's own"
            raise WheelRefused(file_name, f"would take the place of {whose} module", name)
        if path.endswith(_BYTECODE) and "__pycache__" not in path.split("/"):
            raise WheelRefused(file_name, "has compiled Python code without its source", path)


def _units(wheel: Wheel) -> tuple[set[str], set[str]]:
    """The outermost packages and modules with code of their own, and the namespaces above them."""
    names = dict(filter(None, map(module_of, wheel.installed)))
    units, namespaces = set(), set()
    for name in names:
        parts = name.split(".")
        above = [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        outermost = next(index for index, one in enumerate(above) if one in names)
        units.add(above[outermost])
        namespaces |= set(above[:outermost])
    return units, namespaces


def _headers(file_name: str, files: Mapping[str, bytes], path: str) -> dict[str, str]:
    """The headers of a metadata file, by name in lower case; of one that is repeated, the first."""
    if path not in files:
        raise WheelRefused(file_name, "lacks a file that every wheel has", path)
    found: dict[str, str] = {}
    for line in _utf8(file_name, path, files[path]).splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _utf8(file_name: str, path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise WheelRefused(file_name, "has metadata that is not UTF-8", path) from fault


def _plain(name: str) -> str:
    """A name of a distribution in the form in which two are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
