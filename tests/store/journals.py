"""Builders: a journal in a folder, entries, and the appending of many."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.store.checkpoint import CheckpointKey
from appliance.store.journal import Entry, Journal, Receipt, Record

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
KEY = CheckpointKey(bytes(range(32)))
OTHER_KEY = CheckpointKey(bytes(range(1, 33)))
ORIGIN = "readytrader/test"
VKEY = KEY.verifier(ORIGIN).vkey


def entry(number: int = 0, *, kind: str = "order.permitted") -> Entry:
    return Entry(kind=kind, at=NOON + timedelta(milliseconds=number), body=b'{"number":"%d"}' % number)


def record(number: int = 0, *, kind: str = "order", live: bool = True, body: bytes = b'{"state":"open"}') -> Record:
    return Record(kind=kind, id=f"o-{number}", live=live, at=NOON + timedelta(milliseconds=number), body=body)


def open_journal(folder: Path, *, key: CheckpointKey = KEY, vfs: str | None = None) -> Journal:
    return Journal.open(folder / "journal.db", key, origin=ORIGIN, vfs=vfs)


def append_all(journal: Journal, count: int, *, records: bool = False, batch: int = 500) -> list[Receipt]:
    """Append `count` numbered entries, in transactions of `batch`, each with its record where asked."""

    async def run() -> list[Receipt]:
        receipts = []
        for start in range(0, count, batch):
            numbers = range(start, min(start + batch, count))
            appended = [journal.append([entry(n)], [record(n)] if records else []) for n in numbers]
            receipts += await asyncio.gather(*appended)
        return receipts

    return asyncio.run(run())


def make_journal(folder: Path, count: int, *, records: bool = False, batch: int = 500) -> Path:
    """A closed journal of `count` entries."""
    journal = open_journal(folder)
    append_all(journal, count, records=records, batch=batch)
    journal.close()
    return folder / "journal.db"
