"""The appender is killed at its system calls, and its disk fails and fills; nothing acknowledged is ever lost."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.store.audit import verify
from tests.store import traced
from tests.store.journals import VKEY, append_all, make_journal, open_journal

CALLS = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "unlink")
APPENDS = 12
BEFORE = 240
"""Entries in the journal before a run: the next 24 complete a tile."""
POINTS_PER_CALL = 6
"""`SWEEP=full` takes every point instead."""


def start_from_nothing(folder: Path) -> None:
    folder.mkdir()


def start_from_closed(folder: Path) -> None:
    folder.mkdir()
    make_journal(folder, BEFORE)


def start_from_unmoved(folder: Path) -> None:
    """A journal whose entries are still in the write-ahead log, as a killed process leaves it."""
    made = folder.with_name(folder.name + "-made")
    made.mkdir()
    journal = open_journal(made)
    append_all(journal, BEFORE)
    shutil.copytree(made, folder)
    journal.close()


STAGES: dict[str, tuple[Callable[[Path], None], int, int]] = {
    "making": (start_from_nothing, 0, 0),
    "appending": (start_from_closed, APPENDS, BEFORE),
    "recovering": (start_from_unmoved, 0, BEFORE),
}
"""How each run begins, how often it appends, and how many entries were acknowledged before."""


def points(count: int) -> list[int]:
    if os.environ.get("SWEEP") == "full" or count <= POINTS_PER_CALL:
        return list(range(1, count + 1))
    return sorted({1 + (count - 1) * step // (POINTS_PER_CALL - 1) for step in range(POINTS_PER_CALL)})


def require_whole(folder: Path, acknowledged: int) -> None:
    """The journal opens, goes on from where it was, and holds at least what was acknowledged."""
    journal = open_journal(folder)
    size = journal.size
    assert size >= acknowledged
    assert size % 2 == 0, "half an append is on disk"
    append_all(journal, 1)
    journal.close()
    report = verify(folder / "journal.db", VKEY)
    assert (report.findings, report.size) == ((), size + 1)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_kill_at_any_system_call_loses_nothing_that_was_acknowledged(tmp_path: Path, stage: str) -> None:
    start, appends, before = STAGES[stage]
    start(tmp_path / "counted")
    counts = traced.count_calls(tmp_path / "counted", appends, CALLS)
    assert counts["fdatasync"] >= max(1, appends), "each commit is one fdatasync"
    for name, count in counts.items():
        for point in points(count):
            folder = tmp_path / f"{name}-{point}"
            start(folder)
            inject = f"inject={name}:signal=SIGKILL:when={point}"
            done = traced.run(folder, appends, "-o", "/dev/null", "-e", f"trace={name}", "-e", inject)
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), f"{name} {point} was not killed"
            require_whole(folder, max(before, traced.acknowledged(done.stdout)))


@pytest.mark.parametrize(("call", "error"), [("pwrite64", "ENOSPC"), ("fdatasync", "EIO")])
def test_a_full_or_failing_disk_refuses_at_once_and_for_good(tmp_path: Path, call: str, error: str) -> None:
    start_from_closed(tmp_path / "counted")
    count = traced.count_calls(tmp_path / "counted", APPENDS, (call,))[call]
    folder = tmp_path / "failing"
    start_from_closed(folder)
    inject = f"inject={call}:error={error}:when={count // 2}+"
    done = traced.run(folder, APPENDS, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
    assert done.returncode == 3, done.stderr
    assert done.stdout.endswith("refused\n")
    assert "could not be written" in done.stderr
    assert BEFORE < traced.acknowledged(done.stdout) < BEFORE + 2 * APPENDS
    require_whole(folder, traced.acknowledged(done.stdout))
