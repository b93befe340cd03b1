"""A process is alive while its sign changes: not because a file is there, nor because of any wall clock."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from appliance.service.sign_of_life import Life, Listening, SignFile
from tests.service.rig import open_rig


class Stopwatch:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def sign_file(folder: Path) -> SignFile:
    return SignFile(folder / "core.alive", lambda: datetime.now(UTC))


def test_silence_is_counted_from_the_last_change_of_the_sign(tmp_path: Path) -> None:
    file, watch = sign_file(tmp_path), Stopwatch()
    file.write(Life.RUNNING)
    listening = Listening(file, watch)
    watch.now += 7
    listening.look()
    assert (listening.silent_s, listening.has_heard) == (7, False), "an old file is no sign of life"
    file.write(Life.RUNNING)
    sign = listening.look()
    assert sign is not None
    assert (sign.pid, sign.life) == (os.getpid(), Life.RUNNING)
    assert (listening.silent_s, listening.has_heard) == (0, True)
    watch.now += 3
    listening.look()
    assert listening.silent_s == 3


def test_a_clock_that_is_set_back_silences_nobody_and_revives_nobody(tmp_path: Path) -> None:
    times = iter([datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)])
    file, watch = SignFile(tmp_path / "core.alive", lambda: next(times)), Stopwatch()
    file.write(Life.RUNNING)
    listening = Listening(file, watch)
    watch.now += 5
    file.write(Life.RUNNING)
    listening.look()
    assert listening.silent_s == 0


def test_a_file_that_is_missing_or_cannot_be_read_is_no_sign(tmp_path: Path) -> None:
    file, watch = sign_file(tmp_path), Stopwatch()
    listening = Listening(file, watch)
    watch.now += 4
    assert listening.look() is None
    file.path.write_bytes(b'{"pid":1,"life":"run')
    assert listening.look() is None
    assert listening.silent_s == 4


def test_nothing_but_the_sign_is_left_in_the_folder(tmp_path: Path) -> None:
    file = sign_file(tmp_path)
    for _ in range(3):
        file.write(Life.RUNNING)
    assert [path.name for path in tmp_path.iterdir()] == ["core.alive"]


def test_a_core_says_that_it_runs_and_in_good_order_that_it_stopped(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            file = SignFile(rig.home.core_sign, rig.clock)
            started = file.read()
            assert started is not None
            assert started.life is Life.RUNNING
            rig.core._signed_at = 0.0
            await rig.core.beat()
            beaten = file.read()
            assert beaten is not None
            assert beaten.beat > started.beat
        ended = file.read()
        assert ended is not None
        assert ended.life is Life.STOPPED

    asyncio.run(lives())


def test_a_core_whose_journal_failed_does_not_say_that_it_stopped_in_good_order(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            rig.core.recorder._broken = "the disk is gone"
            file = SignFile(rig.home.core_sign, rig.clock)
        left = file.read()
        assert left is not None
        assert left.life is Life.RUNNING, "so that the watchdog process acts"

    asyncio.run(lives())
