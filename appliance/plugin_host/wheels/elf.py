"""What a compiled extension needs: the few facts of an ELF file on which loading it from memory depends.

A library that a wheel brings for its extensions is normally found beside them, by a path. In memory there is no path;
but the loader takes a library that is loaded already, and bears the needed name as its own (its SONAME), for the needed
one. So such libraries are loaded first, by `needed` and `soname`. (Sources: elf(5); dlopen(3).)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from msgspec import Struct

from appliance.plugin_host.wheels.refusal import WheelRefused

_MARK = b"\x7fELF"
_MACHINES = {"x86_64": 62, "aarch64": 183}
_HEADER = struct.Struct("<16s2HL3QL6H")
_SEGMENT = struct.Struct("<2L6Q")
_DYNAMIC = struct.Struct("<qQ")
_LOAD, _DYNAMIC_SEGMENT = 1, 2
_NEEDED, _STRING_TABLE, _SONAME, _END = 1, 5, 14, 0


class Library(Struct, frozen=True, kw_only=True):
    """How a library names itself, and which it needs."""

    soname: str
    """Empty where it has none."""
    needed: tuple[str, ...]


def is_elf(content: bytes) -> bool:
    """Whether this is machine code."""
    return content.startswith(_MARK)


def demand_runs_here(wheel: str, name: str, content: bytes, machine: str) -> None:
    """Refuse machine code for another machine: 64 bits, least significant byte first, and this machine's number."""
    if not is_elf(content):
        return
    number = int.from_bytes(content[18:20], "little")
    if content[4:6] != b"\2\1" or number != _MACHINES.get(machine):
        raise WheelRefused(wheel, f"has machine code that is not for {machine}", f"{name}: machine {number}")


def read_library(wheel: str, name: str, content: bytes) -> Library:
    """The names in the dynamic section. Raises `WheelRefused` for a file that contradicts itself."""
    try:
        return _read(content)
    except (struct.error, ValueError, OverflowError, StopIteration) as fault:
        raise WheelRefused(wheel, "has machine code that cannot be read", name) from fault


def _read(content: bytes) -> Library:
    segments = list(_segments(content))
    dynamic = [(offset, size) for kind, offset, _, size in segments if kind == _DYNAMIC_SEGMENT]
    if not dynamic:
        return Library(soname="", needed=())
    entries = list(_dynamic_entries(content, *dynamic[0]))
    table = next(value for tag, value in entries if tag == _STRING_TABLE)
    strings = next(
        offset + table - address
        for kind, offset, address, size in segments
        if kind == _LOAD and address <= table < address + size
    )
    sonames = [_string(content, strings + value) for tag, value in entries if tag == _SONAME]
    needed = tuple(_string(content, strings + value) for tag, value in entries if tag == _NEEDED)
    return Library(soname=sonames[0] if sonames else "", needed=needed)


def _segments(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Of every segment its kind, where it is in the file and in memory, and its size in the file."""
    header = _HEADER.unpack_from(content)
    start, size, count = header[5], header[9], header[10]
    for index in range(count):
        kind, _, offset, address, _, in_file, _, _ = _SEGMENT.unpack_from(content, start + index * size)
        yield kind, offset, address, in_file


def _dynamic_entries(content: bytes, offset: int, size: int) -> Iterator[tuple[int, int]]:
    for position in range(offset, min(offset + size, len(content)), _DYNAMIC.size):
        tag, value = _DYNAMIC.unpack_from(content, position)
        if tag == _END:
            return
        yield tag, value


def _string(content: bytes, offset: int) -> str:
    return content[offset : content.index(b"\0", offset)].decode("ascii")
