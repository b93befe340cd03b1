"""A SQLite file layer that remembers every change to every file, so that a power loss can be played at each of them.

A disk may lose any part of what was written since the last fsync of a file, and keep any other, in pieces of 512 bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

SECTOR = 512


class Write(NamedTuple):
    name: str
    offset: int
    data: bytes


class Truncate(NamedTuple):
    name: str
    size: int


class Sync(NamedTuple):
    name: str


class Delete(NamedTuple):
    name: str


class Acknowledged(NamedTuple):
    """Not a change: from here on, so many entries are promised."""

    size: int


Event = Write | Truncate | Sync | Delete | Acknowledged


@contextmanager
def recording_vfs(events: list[Event], name: str = "recording") -> Iterator[str]:
    """Register a VFS that appends to `events`."""

    class File(apsw.VFSFile):
        def __init__(self, filename: str | apsw.URIFilename | None, flags: list[int]) -> None:
            super().__init__("", filename, flags)
            path = filename.filename() if isinstance(filename, apsw.URIFilename) else filename
            self.name = Path(str(path)).name

        def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
            events.append(Write(self.name, offset, bytes(data)))
            super().xWrite(data, offset)

        def xTruncate(self, size: int) -> None:  # noqa: N802
            events.append(Truncate(self.name, size))
            super().xTruncate(size)

        def xSync(self, flags: int) -> None:  # noqa: N802
            super().xSync(flags)
            events.append(Sync(self.name))

    class Vfs(apsw.VFS):
        def __init__(self) -> None:
            super().__init__(name, "", iVersion=2)

        def xOpen(self, filename: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
            return File(filename, flags)

        def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
            super().xDelete(filename, syncdir)
            events.append(Delete(Path(filename).name))

    vfs = Vfs()
    try:
        yield name
    finally:
        vfs.unregister()


class Disk:
    """What the files hold: as it would be read now, and what is certain to survive."""

    def __init__(self) -> None:
        self.synced: dict[str, bytearray] = {}
        self.pending: dict[str, list[Write | Truncate]] = {}
        self.promised = 0

    def apply(self, event: Event) -> None:
        match event:
            case Acknowledged(size):
                self.promised = size
            case Delete(name):
                self.synced.pop(name, None)
                self.pending.pop(name, None)
            case Sync(name):
                for change in self.pending.pop(name, []):
                    _change(self.synced.setdefault(name, bytearray()), change)
            case Write() | Truncate():
                self.pending.setdefault(event.name, []).append(event)

    def lose_power(self, folder: Path, chance: random.Random) -> None:
        """Write the files as they may be found: all that was synced, and some of what was not, torn at sectors."""
        for name in self.synced.keys() | self.pending.keys():
            content = bytearray(self.synced.get(name, b""))
            for change in self.pending.get(name, []):
                if isinstance(change, Write):
                    for piece in _sectors(change):
                        if chance.random() < 0.5:
                            _change(content, piece)
                elif chance.random() < 0.5:
                    _change(content, change)
            (folder / name).write_bytes(content)


def _sectors(change: Write) -> Iterator[Write]:
    start = 0
    while start < len(change.data):
        stop = min(len(change.data), start + SECTOR - (change.offset + start) % SECTOR)
        yield Write(change.name, change.offset + start, change.data[start:stop])
        start = stop


def _change(content: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        return
    if len(content) < change.offset:
        content.extend(bytes(change.offset - len(content)))
    content[change.offset : change.offset + len(change.data)] = change.data
