"""The journal's file: its schema, how it is opened, and the state that must be whole before anything is believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from appliance.store.entry import Row
from appliance.store.merkle import TILE_HEIGHT, TILE_WIDTH, Edge, Tile, TileReader, leaf_hash

APPLICATION_ID = 0x52547231
"""`RTr1`, so that `file` and others can tell what the database is."""
SCHEMA_VERSION = 2
"""2: the IDs of an order's fills are the names of the fills' records, where 1 kept them in the order's. A build that
knows 1 alone would take every fill for a new one: it refuses 2."""
READABLE_VERSIONS = frozenset({1, SCHEMA_VERSION})
"""A journal of 1 is raised when it is first opened for writing; its orders keep what they hold."""

SCHEMA = {
    "checkpoint": "CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), note TEXT NOT NULL) STRICT",
    "entry": "CREATE TABLE entry (seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT",
    "record": (
        "CREATE TABLE record (kind TEXT NOT NULL, id TEXT NOT NULL, live INTEGER NOT NULL, at TEXT NOT NULL, "
        "seq INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID"
    ),
    "record_at": "CREATE INDEX record_at ON record (kind, at)",
    "record_live": "CREATE INDEX record_live ON record (kind, at) WHERE live = 1",
    "tile": (
        "CREATE TABLE tile (level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL, "
        "PRIMARY KEY (level, number)) STRICT, WITHOUT ROWID"
    ),
}
"""Every object of the database by name. Any other one, a trigger above all, is a sign of tampering."""

WAL_PAGES_MAX = 4096
"""Pages (of 4 KiB) in the write-ahead log before they are moved to the database: 16 MiB, some thousand entries."""
BUSY_TIMEOUT_MS = 5000

_REPLACE_RECORD = (
    " ON CONFLICT DO UPDATE SET live = excluded.live, at = excluded.at, seq = excluded.seq, body = excluded.body"
)
_REPLACE_TILE = " ON CONFLICT DO UPDATE SET hashes = excluded.hashes"


class JournalUnavailable(Exception):
    """The journal cannot be read or written now. Nothing may be sent on the strength of it."""


class JournalCorrupt(Exception):
    """The file is not the journal that was written: damaged, edited, of another key, or of another version."""


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, with the path: a file that makes no sense is corrupt, all else is unavailable."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise JournalCorrupt(f"{path}: not a whole journal ({error})") from error
    except (apsw.FullError, apsw.IOError) as error:
        raise JournalUnavailable(
            f"{path}: cannot be read or written ({error}): is the disk full? Make room on the disk of {path.parent}, "
            "then do the same again"
        ) from error
    except apsw.Error as error:
        raise JournalUnavailable(f"{path}: cannot be opened or read ({error})") from error


def open_writer(path: Path, vfs: str | None) -> apsw.Connection:
    """The one connection that writes: durable at every commit (WAL, synchronous=FULL)."""
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE, vfs)
    with named_errors(path):
        mode = connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", 2)
        connection.pragma("fullfsync", 1)
        connection.pragma("wal_autocheckpoint", WAL_PAGES_MAX)
    if mode != "wal":
        raise JournalUnavailable(f"{path}: the file system does not allow a write-ahead log (journal mode {mode!r})")
    return connection


def open_reader(path: Path, vfs: str | None = None) -> apsw.Connection:
    """A connection that can only read; it sees whole commits, and hinders none."""
    connection = _connect(path, apsw.SQLITE_OPEN_READONLY, vfs)
    with named_errors(path):
        connection.pragma("query_only", 1)
    return connection


def _connect(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    with named_errors(path):
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.pragma("trusted_schema", 0)
        connection.pragma("cell_size_check", 1)
    return connection


def is_blank(connection: apsw.Connection) -> bool:
    """Whether nothing was ever committed to the file, as after a crash while it was made."""
    return connection.pragma("user_version") == 0 and connection.execute("SELECT * FROM sqlite_schema").get is None


def create_schema(connection: apsw.Connection) -> None:
    """Make the tables, inside the caller's transaction."""
    for statement in SCHEMA.values():
        connection.execute(statement)
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", SCHEMA_VERSION)


def require_schema(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file of a version that is not known, or with any object that is not ours."""
    application_id, version = connection.pragma("application_id"), connection.pragma("user_version")
    if application_id != APPLICATION_ID or version not in READABLE_VERSIONS:
        newer = ", which a newer build has written" if version > SCHEMA_VERSION else ""
        raise JournalCorrupt(
            f"{path}: expected a journal of version {SCHEMA_VERSION}, got version {version}{newer} "
            f"(application id {application_id:#x})"
        )
    found = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    odd = sorted(name for name in found.keys() | SCHEMA.keys() if found.get(name) != SCHEMA.get(name))
    if odd:
        raise JournalCorrupt(f"{path}: the schema is not the journal's, see {', '.join(odd)}")


def raise_version(connection: apsw.Connection) -> None:
    """Before anything is written as this version writes it: older builds take the file no more."""
    if connection.pragma("user_version") != SCHEMA_VERSION:
        connection.pragma("user_version", SCHEMA_VERSION)


def read_checkpoint(connection: apsw.Connection, path: Path) -> str:
    """The newest signed checkpoint, unverified."""
    rows = list(connection.execute("SELECT id, note FROM checkpoint"))
    if len(rows) != 1 or rows[0][0] != 1 or not isinstance(rows[0][1], str):
        raise JournalCorrupt(f"{path}: expected one checkpoint, got {len(rows)}")
    return rows[0][1]


def read_tile(connection: apsw.Connection, level: int, number: int) -> bytes:
    """The stored hashes of one tile; empty where there is none."""
    hashes = connection.execute("SELECT hashes FROM tile WHERE level = ? AND number = ?", (level, number)).get
    return hashes if isinstance(hashes, bytes) else b""


def tile_reader(connection: apsw.Connection, size: int) -> TileReader:
    """Read the tiles of a tree of `size` leaves; the unfinished row of leaf hashes is made from the leaves."""

    def read(level: int, number: int) -> bytes:
        if level == 0 and number == size // TILE_WIDTH:
            return _tail_hashes(connection, size)
        return read_tile(connection, level, number)

    return read


def _tail_hashes(connection: apsw.Connection, size: int) -> bytes:
    """The hashes of the leaves behind the last full tile."""
    span = (size - size % TILE_WIDTH, size)
    leaves = connection.execute("SELECT leaf FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq", span)
    return b"".join(leaf_hash(leaf) for (leaf,) in leaves)


def read_edge(connection: apsw.Connection, path: Path) -> Edge:
    """The right edge of the stored tree, from at most 255 leaves and one tile a level."""
    last = connection.execute("SELECT max(seq) FROM entry").get
    size = 0 if last is None else int(last) + 1
    open_tiles = {0: _tail_hashes(connection, size)}
    level = 1
    while size >> (TILE_HEIGHT * level):
        if size >> (TILE_HEIGHT * level) & (TILE_WIDTH - 1):
            open_tiles[level] = read_tile(connection, level, size >> (TILE_HEIGHT * (level + 1)))
        level += 1
    try:
        return Edge.restore(size, open_tiles)
    except ValueError as error:
        raise JournalCorrupt(f"{path}: {error}") from error


def write_group(
    connection: apsw.Connection,
    leaves: Sequence[tuple[int, bytes]],
    rows: Sequence[Row],
    tiles: Sequence[Tile],
    note: str,
) -> None:
    """Commit entries, projection, tree edge and checkpoint as one; on return they are on the disk."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _insert(connection, "INSERT INTO entry VALUES ", leaves, "")
        _insert(connection, "INSERT INTO record VALUES ", rows, _REPLACE_RECORD)
        _insert(connection, "INSERT INTO tile VALUES ", tiles, _REPLACE_TILE)
        connection.execute("UPDATE checkpoint SET note = ?", (note,))
        connection.execute("COMMIT")
    except apsw.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _insert(connection: apsw.Connection, head: str, rows: Sequence[Sequence[object]], tail: str) -> None:
    """Insert many rows with few statements: each one hands the interpreter lock over, and may wait to have it back."""
    for start, count in _chunks(len(rows)):
        chunk = rows[start : start + count]
        one = "(" + ",".join("?" * len(chunk[0])) + ")"
        connection.execute(head + ",".join([one] * count) + tail, [value for row in chunk for value in row])


def _chunks(total: int) -> Iterator[tuple[int, int]]:
    """Cut `total` into powers of two, at most 64, so that few different statements are ever prepared."""
    start = 0
    while start < total:
        count = min(64, 1 << (total - start).bit_length() - 1)
        yield start, count
        start += count
