"""A SQLite file layer that counts fsyncs, and fails them on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw


class Counts:
    def __init__(self, name: str) -> None:
        self.name = name
        self.syncs = 0
        self.failing = False


@contextmanager
def counting_vfs(name: str = "counting") -> Iterator[Counts]:
    counts = Counts(name)

    class File(apsw.VFSFile):
        def __init__(self, filename: str | apsw.URIFilename | None, flags: list[int]) -> None:
            super().__init__("", filename, flags)

        def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
            counts.syncs += 1
            if counts.failing:
                raise apsw.IOError("fsync failed")
            super().xSync(flags)

    class Vfs(apsw.VFS):
        def __init__(self) -> None:
            super().__init__(name, "", iVersion=2)

        def xOpen(self, filename: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
            return File(filename, flags)

    vfs = Vfs()
    try:
        yield counts
    finally:
        vfs.unregister()
