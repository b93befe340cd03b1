"""A quick look at a journal: is the newest checkpoint signed by its key, and does the newest part hang on it?

What `audit.verify` does for all entries takes a while on a long journal; this takes milliseconds on any. It sees a
truncated or foreign file, a checkpoint that was exchanged, and changes in the newest entries; the rest is the audit's.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import apsw
import msgspec
from msgspec import Struct

from appliance.store import database
from appliance.store.checkpoint import InvalidCheckpoint, Verifier
from appliance.store.database import JournalCorrupt
from appliance.store.entry import decode_leaf
from appliance.store.merkle import HASH_SIZE, TILE_WIDTH, leaf_hash


class Glance(Struct, frozen=True, kw_only=True):
    """What was seen."""

    size: int
    """Entries that the signed checkpoint covers."""
    checked: int
    """How many of the newest were compared with the tree."""
    newest_at: datetime | None
    """When the newest was written; None in an empty journal."""


def glance(path: Path, vkey: str, newest: int = TILE_WIDTH) -> Glance:
    """Look at the checkpoint and at `newest` entries before its end, or a few more.

    Raises JournalUnavailable where the file cannot be read, JournalCorrupt where it is not as it was written, and
    InvalidCheckpoint where `vkey` is malformed.
    """
    verifier = Verifier.from_vkey(vkey)
    connection = database.open_reader(path)
    try:
        with database.named_errors(path):
            connection.execute("BEGIN")
            database.require_schema(connection, path)
            return _look(connection, path, verifier, newest)
    finally:
        connection.close()


def _look(connection: apsw.Connection, path: Path, verifier: Verifier, newest: int) -> Glance:
    note = database.read_checkpoint(connection, path)
    try:
        checkpoint = verifier.verify(note)
    except InvalidCheckpoint as error:
        raise JournalCorrupt(f"{path}: {error}") from error
    edge = database.read_edge(connection, path)
    if (edge.size, edge.root()) != (checkpoint.size, checkpoint.root):
        raise JournalCorrupt(
            f"{path}: the checkpoint covers {checkpoint.size} entries, the file has {edge.size}, or their root differs"
        )
    first = max(0, edge.size - newest) // TILE_WIDTH * TILE_WIDTH
    newest_at: datetime | None = None
    for start in range(first, edge.size, TILE_WIDTH):
        newest_at = _check_tile(connection, path, start, edge.size)
    return Glance(size=edge.size, checked=edge.size - first, newest_at=newest_at)


def _check_tile(connection: apsw.Connection, path: Path, start: int, size: int) -> datetime:
    """A tile's leaves against its stored hashes, where it is full; against the root above they were just read for."""
    span = (start, min(start + TILE_WIDTH, size))
    leaves = [
        leaf for (leaf,) in connection.execute("SELECT leaf FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq", span)
    ]
    hashes = b"".join(map(leaf_hash, leaves))
    if len(hashes) != (span[1] - span[0]) * HASH_SIZE:
        raise JournalCorrupt(f"{path}: entries are missing between {span[0]} and {span[1] - 1}")
    if len(leaves) == TILE_WIDTH and database.read_tile(connection, 0, start // TILE_WIDTH) != hashes:
        raise JournalCorrupt(f"{path}: entries {span[0]} to {span[1] - 1} are not those that were signed")
    try:
        return datetime.fromisoformat(decode_leaf(leaves[-1]).at)
    except msgspec.DecodeError as error:
        raise JournalCorrupt(f"{path}: entry {span[1] - 1} is not a journal entry") from error
