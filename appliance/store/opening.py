"""Opening the journal's file: held by one process, made whole or not at all, and believed only once it is verified."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import NamedTuple

import apsw

from appliance.store import database
from appliance.store.checkpoint import CheckpointKey, InvalidCheckpoint, Signer, parse_unverified
from appliance.store.database import JournalCorrupt, JournalUnavailable
from appliance.store.merkle import Edge
from appliance.store.writer import Writer


class Opened(NamedTuple):
    """A journal's file, locked and verified."""

    lock: int
    """The descriptor that holds the lock; closing it gives the file back."""
    writer: Writer
    reader: apsw.Connection
    note: str
    """The newest signed checkpoint."""


def open_file(path: Path, key: CheckpointKey, origin: str | None, vfs: str | None) -> Opened:
    """Lock, make where missing, and verify the journal at `path`. Raises as `Journal.open` does."""
    lock = _lock(path)
    try:
        _create_file(path)
        connection = database.open_writer(path, vfs)
        try:
            with database.named_errors(path):
                note, writer = _open_writer(connection, path, key, origin)
            return Opened(lock, writer, database.open_reader(path, vfs), note)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        os.close(lock)
        raise


def _open_writer(connection: apsw.Connection, path: Path, key: CheckpointKey, origin: str | None) -> tuple[str, Writer]:
    if database.is_blank(connection):
        _create(connection, Signer(key, origin or f"readytrader/{secrets.token_hex(8)}"))
    database.require_schema(connection, path)
    note = database.read_checkpoint(connection, path)
    edge = _verified_edge(connection, path, key, note, origin)
    database.raise_version(connection)
    return note, Writer(path, connection, edge, Signer(key, parse_unverified(note).origin))


def _lock(path: Path) -> int:
    """Hold the file `<path>.lock` for this process alone; the lock goes with the process, however it ends."""
    lock_path = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalUnavailable(f"{lock_path}: cannot be opened ({error.strerror})") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise JournalUnavailable(f"{path}: another process holds the journal ({lock_path})") from error
    return descriptor


def _create_file(path: Path) -> None:
    """Make an empty file that only its owner can read, durably, where there is none."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise JournalUnavailable(f"{path}: cannot be made ({error.strerror})") from error
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _create(connection: apsw.Connection, signer: Signer) -> None:
    connection.execute("BEGIN IMMEDIATE")
    database.create_schema(connection)
    connection.execute("INSERT INTO checkpoint VALUES (1, ?)", (signer.sign(0, Edge().root()),))
    connection.execute("COMMIT")


def _verified_edge(connection: apsw.Connection, path: Path, key: CheckpointKey, note: str, origin: str | None) -> Edge:
    """The stored tree's edge, once it is the one that the key signed under the expected name."""
    try:
        checkpoint = key.verifier(origin or parse_unverified(note).origin).verify(note)
    except InvalidCheckpoint as error:
        raise JournalCorrupt(f"{path}: {error}") from error
    edge = database.read_edge(connection, path)
    if (edge.size, edge.root()) != (checkpoint.size, checkpoint.root):
        raise JournalCorrupt(
            f"{path}: the checkpoint is of {checkpoint.size} entries with root {checkpoint.root.hex()}, "
            f"the file has {edge.size} with root {edge.root().hex()}"
        )
    return edge
