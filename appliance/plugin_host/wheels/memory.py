"""Loads machine code from memory that nobody can change any more.

The bytes go into a memfd that is sealed against writing, growing and shrinking; the loader opens it by its path below
`/proc/self/fd`. (Sources: memfd_create(2), fcntl(2) on seals.)
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence

from appliance.plugin_host.wheels.contents import Wheel
from appliance.plugin_host.wheels.elf import Library, is_elf, read_library
from appliance.plugin_host.wheels.refusal import WheelRefused

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_MFD_NOEXEC_SEAL = 0x0008
"""Linux 6.3: the memory can be mapped as code, but never be started as a program."""
_NAME_MAX = 200


class Libraries:
    """The machine code of some wheels, each file loaded at most once."""

    def __init__(self, wheels: Sequence[Wheel]) -> None:
        """Raises `WheelRefused` where the code could not be loaded from memory."""
        self._by_soname = _bundled(wheels)
        self._loaded: set[str] = set()

    def path_of_extension(self, path: str, content: bytes) -> str:
        """Where the loader finds an extension, once the libraries of the wheels that it needs are loaded."""
        if is_elf(content):
            self._load_needed(read_library(path, path, content))
        return sealed_path(path.rpartition("/")[2], content)

    def _load_needed(self, library: Library) -> None:
        for soname in library.needed:
            if soname in self._loaded or soname not in self._by_soname:
                continue
            self._loaded.add(soname)
            bundled, content = self._by_soname[soname]
            self._load_needed(bundled)
            import ctypes  # most plugins bring no library

            ctypes.CDLL(sealed_path(soname, content))


def sealed_path(name: str, content: bytes) -> str:
    """A path from which these bytes, and no others, can be loaded in this process.

    Its descriptor stays open for good: the dynamic loader knows libraries by their path, and would take a second one
    under the same number for the first.
    """
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        descriptor = os.memfd_create(name[:_NAME_MAX], flags | _MFD_NOEXEC_SEAL)
    except OSError as fault:
        if fault.errno != errno.EINVAL:
            raise
        descriptor = os.memfd_create(name[:_NAME_MAX], flags)
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return f"/proc/self/fd/{descriptor}"


def demand_loadable(wheels: Sequence[Wheel]) -> None:
    """Refuse wheels whose machine code could not be loaded from memory."""
    bundled = _bundled(wheels)
    files = {path.rpartition("/")[2] for path, _, _ in _machine_code(wheels)}
    for path, _, library in _machine_code(wheels):
        for needed in library.needed:
            if needed in files and needed not in bundled:
                raise WheelRefused(path, "needs a library that its wheel brings under no name of its own", needed)


def _bundled(wheels: Sequence[Wheel]) -> dict[str, tuple[Library, bytes]]:
    """The libraries that other machine code of the wheels needs, by their own name. Two of one name are refused."""
    needed = {soname for _, _, library in _machine_code(wheels) for soname in library.needed}
    found: dict[str, tuple[Library, bytes]] = {}
    for path, content, library in _machine_code(wheels):
        if library.soname not in needed:
            continue
        if library.soname in found and found[library.soname][1] != content:
            raise WheelRefused(path, "has a library under the name of another", library.soname)
        found[library.soname] = (library, content)
    return found


def _machine_code(wheels: Sequence[Wheel]) -> Iterator[tuple[str, bytes, Library]]:
    """Every such file: where it is, its content, and the names in it."""
    for wheel in wheels:
        for path, content in wheel.installed.items():
            if is_elf(content):
                yield f"{wheel.file_name}/{path}", content, read_library(wheel.file_name, path, content)
