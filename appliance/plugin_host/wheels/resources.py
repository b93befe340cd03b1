"""`importlib.resources` over files in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable, TraversableResources
from os import PathLike
from typing import IO, Any


class MemoryPath(Traversable):
    """A file or folder, in one folder or in several that are seen as one."""

    def __init__(self, files: Mapping[str, bytes], paths: Sequence[str]) -> None:
        self._files = files
        self._paths = tuple(paths)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self._paths[0].rpartition("/")[2]

    def __str__(self) -> str:
        return self._paths[0]

    def is_file(self) -> bool:
        """Whether it has content."""
        return any(path in self._files for path in self._paths)

    def is_dir(self) -> bool:
        """Whether there is anything in it."""
        return any(True for _ in self._below())

    def iterdir(self) -> Iterator[MemoryPath]:
        """What is in it, by name. Raises `NotADirectoryError`."""
        names = sorted({name.partition("/")[0] for name in self._below()})
        if not names:
            raise NotADirectoryError(20, "no such folder in the plugin's wheels", str(self))
        return (self.joinpath(name) for name in names)

    def joinpath(self, *descendants: str | PathLike[str]) -> MemoryPath:
        """A file or folder below; it need not be there. Raises `ValueError` for a name that leads elsewhere."""
        parts = [part for one in descendants for part in str(one).split("/") if part not in ("", ".")]
        if ".." in parts:
            raise ValueError(f"expected names below {self}, got {descendants!r}")
        return MemoryPath(self._files, ["/".join((path, *parts)) for path in self._paths])

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:
        """Its content, as text or bytes. Raises `FileNotFoundError`; nothing can be written."""
        if mode not in ("r", "rb"):
            raise ValueError(f"expected the mode r or rb, got {mode!r}")
        content = io.BytesIO(self.read_bytes())
        return content if mode == "rb" else io.TextIOWrapper(content, *args, **kwargs)

    def read_bytes(self) -> bytes:
        """Its content. Raises `FileNotFoundError`."""
        for path in self._paths:
            if path in self._files:
                return self._files[path]
        raise FileNotFoundError(2, "no such file in the plugin's wheels", str(self))

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Its content as text, UTF-8 unless told otherwise, with every end of a line as `\\n`."""
        with self.open("r", encoding=encoding or "utf-8", errors=errors) as file:
            return str(file.read())

    def _below(self) -> Iterator[str]:
        for path in self._paths:
            prefix = path + "/"
            yield from (one.removeprefix(prefix) for one in self._files if one.startswith(prefix))


class MemoryResources(TraversableResources):
    """The resources of one package."""

    def __init__(self, files: Mapping[str, bytes], folders: Sequence[str]) -> None:
        self._root = MemoryPath(files, folders)

    def files(self) -> MemoryPath:
        """The package's folder."""
        return self._root
