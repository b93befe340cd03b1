"""A live core is killed between each two of its writes and sends: at the venue all of it happened once, or never."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from readytrader_sdk.errors import Unavailable
from readytrader_sdk.orders import ClientOrderId

from appliance.service.enquiries import UNCERTAIN
from appliance.service.outcomes import Placed
from tests.crash.far_venue import LOST_BEFORE, WilfulVenue, standing
from tests.crash.live_life import asked_for, at
from tests.service.checker import entries_of
from tests.service.live import Live, live_configuration
from tests.service.rig import BTC, require_whole
from tests.strace import strace

ROOT = Path(__file__).parents[2]
CALLS = ("fdatasync", "sendto", "pwrite64")
"""A commit is made durable; a message leaves for the venue (or, from the journal's thread, wakes the loop); a commit is
begun."""
HELD_UP = {"pwrite64": ("fcntl", "8000")}
"""The locks before a commit take so long (in microseconds) that what does not wait for it happens before the kill."""
POINTS_MIN = 12
"""Of each call at least; were there fewer, the life would not be what it is meant to be."""
FIRST_COMMITS_MAX = 40
"""Within so many commits a first life is open."""
ENDED = {"filled", "cancelled", "expired", "rejected", "absent"}


class World:
    """A home and the venue that it trades at; each kill has its own."""

    def __init__(self, folder: Path, venue: WilfulVenue, socket: Path) -> None:
        self.folder = folder
        self.venue = venue
        self.socket = socket

    def trace(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run one life under strace."""
        search = [str(ROOT / "plugins"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [strace(), "-f", "-qq", *options, sys.executable, "-m", "tests.crash.live_life"]
        return subprocess.run(
            [*command, str(self.folder), str(self.socket)],
            capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False,
        )  # fmt: skip

    @property
    def journal(self) -> Path:
        return self.folder / "home" / "journal.db"


@contextmanager
def a_world(prepared: Path, folder: Path) -> Iterator[World]:
    """A copy of the prepared home, and a venue as new as it."""
    shutil.copytree(prepared, folder)
    # A Unix socket's path has 107 bytes at most (unix(7)).
    with TemporaryDirectory(prefix="venue-") as short, standing_venue(folder, Path(short) / "s") as venue:
        yield World(folder, venue, Path(short) / "s")


@contextmanager
def standing_venue(folder: Path, socket: Path) -> Iterator[WilfulVenue]:
    (instrument,) = (one for one in live_configuration(folder).instruments if one.symbol == BTC)
    venue = WilfulVenue(lambda: datetime.now(UTC), instrument)
    with standing(venue, socket):
        yield venue


async def nothing(_rig: Live) -> None:
    """To be there is all."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that has taken over the venue's balances and knows its agent."""
    folder = tmp_path_factory.mktemp("prepared")

    with TemporaryDirectory(prefix="venue-") as short, standing_venue(folder, Path(short) / "s"):
        at(folder, nothing, Path(short) / "s")
    return folder


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Thread and name of each system call of one whole life, in order."""
    with a_world(prepared, tmp_path_factory.mktemp("undisturbed") / "life") as world:
        done = world.trace("-o", str(world.folder / "trace"), "-e", f"trace={','.join(CALLS)}")
        assert done.returncode == 0, done.stderr
        assert "halted" in done.stdout
        assert len(world.venue.sent) == 6
        assert world.venue.open_ids() == set()
        pattern = re.compile(rf"^(\d+) +({'|'.join(CALLS)})\(")
        found = (pattern.search(line) for line in (world.folder / "trace").read_text().splitlines())
        return [(m[1], m[2]) for m in found if m]


def points(undisturbed: list[tuple[str, str]], name: str) -> list[int]:
    """Which calls to die at: every one, and of writes the first of each commit. strace counts each thread's own."""
    busiest = "fdatasync" if name == "pwrite64" else name
    thread, _ = Counter(caller for caller, called in undisturbed if called == busiest).most_common(1)[0]
    own = [called for caller, called in undisturbed if caller == thread and called in {name, busiest}]
    numbers, number = [], 0
    for before, called in pairwise([busiest, *own]):
        number += called == name
        if called == name and busiest in (before, name):
            numbers.append(number)
    return numbers


def recover(world: World) -> None:
    """Start again: what was in doubt is found out, nothing is sent for it, and the agent's keys bring the same back."""
    venue, sent = world.venue, list(world.venue.sent)
    ids = {key: order_id for order_id, key in read(world.journal)[0].items()}

    async def look(rig: Live) -> None:
        await rig.until(lambda: not _doubtful(rig))
        await rig.turn()
        assert venue.sent == sent
        assert rig.watch.reconciliation.drifts == ()
        assert rig.events("foreign_order.found") == []
        await rig.core.halt.resume("operator", "after the crash")
        await rig.core.beat()
        await ask_again(rig, venue, ids)

    at(world.folder, look, world.socket)
    require_whole(world.journal, world.folder / "home" / "keys" / "checkpoint.key")


async def ask_again(rig: Live, venue: WilfulVenue, ids: dict[str, str]) -> None:
    """The agent, which knows nothing of the crash, asks for everything once more; `ids` are what it got by then."""
    for key, intent in asked_for(ClientOrderId(ids.get("resting", ""))).items():
        before = len(venue.sent)
        outcome = await rig.send(intent, key=key)
        if key in ids:
            assert isinstance(outcome, Placed), f"{key}: {outcome}"
            assert (outcome.order.client_order_id, outcome.replayed) == (ids[key], True)
            assert len(venue.sent) == before, f"{key} was sent again"
    await rig.until(lambda: not _doubtful(rig))


def _doubtful(rig: Live) -> list[ClientOrderId]:
    return [order.client_order_id for order in rig.core.state.live_orders.values() if order.state in UNCERTAIN]


def require_agreement(world: World, output: str) -> None:
    """By the journal's file and the venue's own book alone: everything once, the same on both sides, answers kept."""
    permitted, states, fills = read(world.journal)
    venue = world.venue
    assert len(venue.sent) == len(set(venue.sent)), "an order reached the venue twice"
    assert set(venue.sent) <= permitted.keys(), "an order reached the venue that no permit was written for"
    for order_id in permitted:
        book = venue.book.get(ClientOrderId(order_id))
        assert (book is None) == (states[order_id] == "absent"), f"{order_id} is {states[order_id]}"
        if book is not None:
            assert states[order_id] == str(book.state)
            assert fills[order_id] == {fill.fill_id for fill in book.fills}
    for line in output.splitlines():
        answer, _, identifier = line.rpartition(" ")
        state = answer.partition(":")[2]
        if state:
            assert identifier in permitted, f"{answer}: {identifier} was answered and is lost"
            assert state not in ENDED or states[identifier] == state


def read(journal: Path) -> tuple[dict[str, str], dict[str, str], dict[str, set[str]]]:
    """Per order the agent's key for it, the last state that was written, and its fills; from the file alone."""
    permitted: dict[str, str] = {}
    states: dict[str, str] = {}
    fills: dict[str, set[str]] = {}
    for kind, _at, body in entries_of(journal):
        if kind == "order.permitted":
            order_id = body["permitted"]["payload"]["client_order_id"]
            assert order_id not in permitted, f"{order_id} was permitted twice"
            permitted[order_id] = body["request"].get("idempotency_key", "")
            states[order_id], fills[order_id] = "permitted", set()
        elif kind == "order.reported":
            report = body["report"]
            order_id, state = report["client_order_id"], report["state"]
            late = state in ("open", "unknown", "partly_filled") and states[order_id] in ENDED | {"partly_filled"}
            states[order_id] = states[order_id] if late else state
            fills[order_id] |= {fill["fill_id"] for fill in report.get("fills", ())}
    return permitted, states, fills


def killing(name: str, point: int) -> list[str]:
    """The options of strace for a kill at the call of that number."""
    held, delay = HELD_UP.get(name, (name, "0"))
    options = ["-e", f"trace={name},{held}", "-e", f"inject={name}:signal=SIGKILL:when={point}"]
    return options if held == name else [*options, "-e", f"inject={held}:delay_enter={delay}"]


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_a_live_core_killed_between_any_two_writes_or_sends_loses_and_doubles_nothing(
    tmp_path: Path, prepared: Path, undisturbed: list[tuple[str, str]], name: str
) -> None:
    killed = 0
    for point in points(undisturbed, name):
        with a_world(prepared, tmp_path / str(point)) as world:
            done = world.trace("-o", "/dev/null", *killing(name, point))
            if done.returncode == 0:
                break  # lives differ by a few calls: this one was over before
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), f"{name} {point}: {done.stderr[-2000:]}"
            killed += 1
            recover(world)
            require_agreement(world, done.stdout)
    assert killed >= POINTS_MIN, killed


@pytest.mark.slow
def test_a_core_killed_while_it_takes_over_a_venue_takes_over_all_of_it_or_nothing(tmp_path: Path) -> None:
    """What was half taken over would be a drift in every later life."""
    home = tmp_path / "not taken over"
    home.mkdir()
    with TemporaryDirectory(prefix="venue-") as short, standing_venue(home, Path(short) / "s") as venue:
        venue.always["balances"] = Unavailable("dark")
        at(home, nothing, Path(short) / "s", fit=False)
    for point in range(1, FIRST_COMMITS_MAX):
        with a_world(home, tmp_path / str(point)) as world:
            done = world.trace("-o", "/dev/null", *killing("fdatasync", point))
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
            opened = "open" in done.stdout
            at(world.folder, require_all_known, world.socket)
        if opened:
            return
    pytest.fail("no life came so far as to be open")


async def require_all_known(rig: Live) -> None:
    await rig.until(lambda: not _doubtful(rig))
    await rig.turn()
    assert rig.watch.reconciliation.drifts == ()
    assert {str(asset) for asset, _ in rig.core.state.held("binance")} == {"USDT", "BTC"}


def test_what_a_life_leaves_at_the_venue_is_what_the_journal_says(tmp_path: Path, prepared: Path) -> None:
    """The undisturbed life, read by the same rules: they are not true of anything whatever."""
    with a_world(prepared, tmp_path / "life") as world:
        done = world.trace("-o", "/dev/null", "-e", "trace=none")
        assert done.returncode == 0, done.stderr
        require_agreement(world, done.stdout)
        quantities = [book.order.quantity for book in world.venue.book.values()]
        assert len(quantities) == 6
        assert LOST_BEFORE not in quantities
        world.venue.sent.append(world.venue.sent[0])
        with pytest.raises(AssertionError, match="twice"):
            require_agreement(world, done.stdout)
