"""The power fails after every single write; whatever the disk kept of the rest, no acknowledged entry is lost."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from appliance.store import database
from appliance.store.audit import verify
from appliance.store.journal import JournalCorrupt
from tests.store.journals import VKEY, entry, open_journal, record
from tests.store.recording_vfs import Acknowledged, Disk, Event, recording_vfs

APPENDS = 30


def record_events(folder: Path) -> list[Event]:
    """Every change to the files while a journal is made, filled, moved out of its write-ahead log, and closed."""
    events: list[Event] = []

    async def run(vfs: str) -> None:
        journal = open_journal(folder, vfs=vfs)
        for number in range(APPENDS):
            receipt = await journal.append([entry(number)], [record(number)])
            events.append(Acknowledged(receipt.last_seq + 1))
        await journal.aclose()

    with recording_vfs(events) as vfs:
        asyncio.run(run(vfs))
    return events


def count_losses(events: list[Event], folder: Path) -> tuple[int, int]:
    """Lose power after each change once: how many states there were, and how many had lost what was promised."""
    disk = Disk()
    chance = random.Random(7)
    states = losses = 0
    for number, event in enumerate(events):
        disk.apply(event)
        found = folder / str(number)
        found.mkdir()
        disk.lose_power(found, chance)
        states += 1
        try:
            journal = open_journal(found)
        except JournalCorrupt:
            losses += 1
            continue
        size = journal.size
        journal.close()
        losses += size < disk.promised or not verify(found / "journal.db", VKEY).whole
    return states, losses


def test_no_power_loss_loses_what_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAL_PAGES_MAX", 40)
    (tmp_path / "recorded").mkdir()
    (tmp_path / "found").mkdir()
    states, losses = count_losses(record_events(tmp_path / "recorded"), tmp_path / "found")
    assert states > 100
    assert losses == 0


def test_the_same_loss_is_seen_where_commits_are_not_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without synchronous=FULL most states must have lost entries, or the test above proves nothing."""
    synced = database.open_writer

    def unsynced(path: Path, vfs: str | None) -> object:
        connection = synced(path, vfs)
        connection.pragma("synchronous", 1)
        return connection

    monkeypatch.setattr(database, "open_writer", unsynced)
    (tmp_path / "recorded").mkdir()
    (tmp_path / "found").mkdir()
    states, losses = count_losses(record_events(tmp_path / "recorded"), tmp_path / "found")
    assert losses > states // 2
