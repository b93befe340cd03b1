"""The writer thread's side of the journal: one transaction for everything that waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
from msgspec import Struct, field

from appliance.store.checkpoint import Signer
from appliance.store.database import JournalUnavailable, write_group
from appliance.store.entry import Receipt, Row
from appliance.store.merkle import Edge, leaf_hash


class Waiting(Struct, frozen=True):
    """One caller's append within a group."""

    first_seq: int
    last_seq: int
    future: asyncio.Future[Receipt]


class Group(Struct):
    """Everything that one transaction will hold, and who waits for it."""

    first_seq: int
    leaves: list[bytes] = field(default_factory=list)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)


class Writer:
    """The only connection that writes, and the tree edge as it is on disk. Used by one thread at a time."""

    def __init__(self, path: Path, connection: apsw.Connection, edge: Edge, signer: Signer) -> None:
        self._path = path
        self._connection = connection
        self._edge = edge
        self._signer = signer
        self._failed: str | None = None

    def commit(self, group: Group) -> str:
        """Make a group durable and return the checkpoint that covers it.

        Raises JournalUnavailable where it could not be written, and ever after: whether that group is on disk is not
        known until the journal is opened anew.
        """
        if self._failed:
            raise JournalUnavailable(self._failed)
        if group.first_seq != self._edge.size:
            self._failed = f"{self._path}: entry {group.first_seq} cannot follow a log of {self._edge.size} entries"
            raise JournalUnavailable(self._failed)
        last_seq = group.first_seq + len(group.leaves) - 1
        try:
            edge, tiles = self._edge.grow(map(leaf_hash, group.leaves))
            note = self._signer.sign(edge.size, edge.root())
            leaves = list(enumerate(group.leaves, group.first_seq))
            write_group(self._connection, leaves, list(group.rows.values()), tiles, note)
        except (apsw.Error, OSError, MemoryError) as error:
            self._failed = f"{self._path}: entries {group.first_seq} to {last_seq} could not be written ({error!r})"
            raise JournalUnavailable(self._failed) from error
        self._edge = edge
        return note

    def close(self) -> None:
        """Give the file back; the write-ahead log is moved into it."""
        self._connection.close()
