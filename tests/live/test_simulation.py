"""Whatever happens to a live appliance, in whatever order: 0 orders lost, 0 duplicated, 0 unexplained.

Hypothesis draws scripts of agents, market, venue, operator and crashes; each is lived in a process of its own, several
at a time, and judged by a checker that reads the journal and the venue's ledger and nothing else. Two lanes: `direct`
calls the venue's model behind the real gate, `caged` goes the whole way through worker, ccxt, broker and wire; a third
of its lives are fed, with their prices coming that way too.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import SEEN
from tests.live.life import Seen, Way, faults_of
from tests.live.script import Course, Step, courses
from tests.live.tally import Tally

ROOT = Path(__file__).parents[2]
FULL = os.environ.get("SWEEP") == "full"
AT_ONCE = 6
"""Lives at a time: they wait more than they compute."""
BATCH = 18
"""Lives of one example."""
SCRIPT = 300
"""Steps of one life."""
FED = 3
"""One caged life of so many is fed: another worker, started with each life of the core, costs as much as all else."""
DIRECT_STEPS = int(os.environ.get("SIMULATION_DIRECT_STEPS", "21600" if FULL else "5400"))
CAGED_STEPS = int(os.environ.get("SIMULATION_CAGED_STEPS", "54000" if FULL else "5400"))
LIFE_S_MAX = 240
BOUND_S = 2700
"""For one lane: 54,000 steps through worker, ccxt and wire take minutes on two idle cores, far more on busy ones."""
UNREPEATABLE = settings(
    deadline=None,
    phases=[Phase.generate],
    derandomize=not FULL,
    database=None,
    suppress_health_check=list(HealthCheck),
)
"""Timers and processes make no run like another: a script is not shrunk, but kept."""

batches = st.lists(courses, min_size=BATCH, max_size=BATCH)


class Broken(AssertionError):
    """A life in which a promise was broken: where its files are, and what was said."""


def new_folder() -> Path:
    """In memory where there is such a file system: what a disk does to a journal is tested elsewhere."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="readytrader-", dir=shared if os.access(shared, os.W_OK) else None))


async def lived(way: Way, script: list[Step]) -> Seen:
    """One life, in a process of its own. Raises `Broken`."""
    folder = new_folder()
    (folder / "script.json").write_bytes(msgspec.json.encode(script))
    paths = os.pathsep.join([str(ROOT / "plugins"), str(ROOT)])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.live.life", way, str(folder),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIFE_S_MAX):
            said, errors = await process.communicate((folder / "script.json").read_bytes())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Broken(f"{folder}: it did not end within {LIFE_S_MAX} s") from None
    if process.returncode:
        raise Broken(f"{folder}: {errors.decode()[-4000:]}")
    shutil.rmtree(folder)
    return msgspec.json.decode(said, type=Seen)


def live_all(lane: str, batch: list[Course], tally: Tally) -> None:
    """Some lives beside one another, each judged."""

    async def one(course: Course, place: int, room: asyncio.Semaphore) -> Seen:
        way = Way.FED if lane == Way.CAGED and place % FED == 0 else Way(lane)
        async with room:
            return await lived(way, course.steps(SCRIPT, f"{tally.steps} {place}"))

    async def all_of_them() -> list[Seen | BaseException]:
        room = asyncio.Semaphore(AT_ONCE)
        lives = (one(course, place, room) for place, course in enumerate(batch))
        return await asyncio.gather(*lives, return_exceptions=True)

    for seen in asyncio.run(all_of_them()):
        if isinstance(seen, BaseException):
            raise seen  # when all have ended: a life that is cut short leaves processes behind
        tally.add(seen.counted, seen.faults)


@pytest.mark.slow
@pytest.mark.timeout(BOUND_S)
@settings(UNREPEATABLE, max_examples=max(1, DIRECT_STEPS // (SCRIPT * BATCH)))
@given(batch=batches)
def test_whatever_happens_nothing_is_lost_doubled_or_unexplained(
    batch: list[Course], tallies: dict[str, Tally]
) -> None:
    live_all("direct", batch, tallies.setdefault("direct", Tally("direct")))


@pytest.mark.slow
@pytest.mark.timeout(BOUND_S)
@settings(UNREPEATABLE, max_examples=max(1, CAGED_STEPS // (SCRIPT * BATCH)))
@given(batch=batches)
def test_neither_is_it_through_worker_ccxt_and_wire(batch: list[Course], tallies: dict[str, Tally]) -> None:
    live_all("caged", batch, tallies.setdefault("caged", Tally("caged")))


@pytest.mark.slow
def test_every_fault_was_really_seen(tallies: dict[str, Tally], record_property: Callable[[str, object], None]) -> None:
    for lane, tally in tallies.items():
        record_property(SEEN, tally.report())
        if tally.steps >= ENOUGH:
            never = set(faults_of(Way.FED if lane == Way.CAGED else Way(lane))) - tally.seen.keys()
            assert not never, f"{lane}: never seen: {never}"


ENOUGH = 5000
"""Steps in which each fault must have come up."""
