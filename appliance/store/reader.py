"""Reading a journal: its entries, and its records. Sees whole commits only, and hinders no writer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import apsw

from appliance.store import database
from appliance.store.entry import Leaf, Record, Row, decode_leaf, record_from_row, text_from_time

_CHUNK = 512
"""Rows read at once. No statement stays open between chunks, so that the write-ahead log can always be moved."""
_COLUMNS = "SELECT kind, id, live, at, seq, body FROM record WHERE kind = ?"
_ONE = f"{_COLUMNS} AND id = ?"
_ALL_OLDEST_FIRST = f"{_COLUMNS} AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?"
_LIVE_OLDEST_FIRST = f"{_COLUMNS} AND live = 1 AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?"
_NEWEST_FIRST = f"{_COLUMNS} ORDER BY at DESC, id DESC LIMIT ?"
_NEWEST_FIRST_BEFORE = f"{_COLUMNS} AND (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT ?"
_IDS = "SELECT id FROM record WHERE kind = ? AND id >= ? AND id < ? ORDER BY id"
_LEAVES = "SELECT leaf FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq"
_SEQ_LIMIT = 1 << 62


class JournalReader:
    """A journal as it is on disk. Used by one thread at a time."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._reader = connection

    @classmethod
    def open_read_only(cls, path: Path) -> JournalReader:
        """Read a journal, also while another process writes it. Raises JournalUnavailable and JournalCorrupt."""
        connection = database.open_reader(path)
        try:
            database.require_schema(connection, path)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def load(self, kind: str, *, live_only: bool = True, since: datetime | None = None) -> Iterator[Record]:
        """Records of one kind, the oldest first: those in play, or all; `since` leaves out what is older."""
        query = _LIVE_OLDEST_FIRST if live_only else _ALL_OLDEST_FIRST
        at, record_id = "" if since is None else text_from_time(since), ""
        while True:
            rows = self._rows(query, (kind, at, record_id, _CHUNK))
            yield from map(record_from_row, rows)
            if len(rows) < _CHUNK:
                return
            at, record_id = rows[-1].at, rows[-1].id

    def record(self, kind: str, record_id: str) -> Record | None:
        """The record of this kind and id; None where there is none."""
        rows = self._rows(_ONE, (kind, record_id))
        return record_from_row(rows[0]) if rows else None

    def ids_under(self, kind: str, prefix: str) -> list[str]:
        """What follows `prefix` in the IDs that begin with it, of the records of one kind. It must not be empty."""
        following = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return [record_id[len(prefix) :] for (record_id,) in self._reader.execute(_IDS, (kind, prefix, following))]

    def page(self, kind: str, *, limit: int = 50, before: tuple[datetime, str] | None = None) -> list[Record]:
        """Up to `limit` records of one kind, the newest first; `before` is the time and id of the last one seen."""
        if before is None:
            rows = self._rows(_NEWEST_FIRST, (kind, limit))
        else:
            at, record_id = before
            rows = self._rows(_NEWEST_FIRST_BEFORE, (kind, text_from_time(at), record_id, limit))
        return [record_from_row(row) for row in rows]

    def entries(self, first: int = 0, last: int | None = None) -> Iterator[Leaf]:
        """The entries from `first` to `last`, both included; to the newest where `last` is None."""
        start, stop = first, _SEQ_LIMIT if last is None else last + 1
        while start < stop:
            upper = min(start + _CHUNK, stop)
            leaves = list(self._reader.execute(_LEAVES, (start, upper)))
            yield from (decode_leaf(leaf) for (leaf,) in leaves)
            if len(leaves) < upper - start:
                return
            start = upper

    def stored(self, first: int, last: int) -> Iterator[tuple[Leaf, str]]:
        """The entries from `first` to `last`, both included, each with its bytes as text."""
        for (leaf,) in list(self._reader.execute(_LEAVES, (first, last + 1))):
            yield decode_leaf(leaf), leaf.decode("utf-8", "replace")

    def first_at(self, text: str, size: int) -> int:
        """The first of `size` entries whose time, as text, is not before `text`; `size` where there is none.

        Found by halving, for entries are in order of time. Where the clock was set back they are not quite; the same
        journal still gives the same answer.
        """
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            leaf = self._reader.execute("SELECT leaf FROM entry WHERE seq = ?", (middle,)).get
            if isinstance(leaf, bytes) and decode_leaf(leaf).at < text:
                low = middle + 1
            else:
                high = middle
        return low

    def newest_checkpoint(self) -> str:
        """The newest signed checkpoint on disk, unverified. Raises JournalCorrupt where there is none."""
        return database.read_checkpoint(self._reader, Path("the journal"))

    def written(self) -> int:
        """How many entries are on disk."""
        last = self._reader.execute("SELECT max(seq) FROM entry").get
        return 0 if last is None else int(last) + 1

    def close(self) -> None:
        """Give the file back."""
        self._reader.close()

    def _rows(self, query: str, values: tuple[str | int, ...]) -> list[Row]:
        return [Row(*row) for row in self._reader.execute(query, values)]
