"""Files that are whole at every moment: written beside, synced, and put in place by one rename."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Put `content` at `path` with that mode: after a crash the old file is there, or the new one. Raises `OSError`."""
    with staged_file(path, content, mode) as staged:
        put_in_place(staged, path)


@contextmanager
def staged_file(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A synced file beside `path`, to be looked at and put in place; gone afterwards when it was not."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as fault:  # of a write, which does not know the file's name
            raise OSError(fault.errno, fault.strerror, str(path)) from fault
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def make_file(path: Path, content: bytes, mode: int) -> None:
    """A new file at `path`, whole or not at all. Raises `FileExistsError` rather than replace one, and `OSError`."""
    with staged_file(path, content, mode) as staged:
        os.link(staged, path)
        sync_folder(path.parent)


def put_in_place(staged: Path, path: Path) -> None:
    """Rename a staged file to its place, on the disk too."""
    staged.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in a folder last (fsync(2) of the folder)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def sole_holder(path: Path) -> Iterator[None]:
    """Hold a file for this process alone, until the end of the block or of the process (flock(2)).

    Raises `BlockingIOError` where another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Let one process at a time change what lies in a folder; the others wait (flock(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
