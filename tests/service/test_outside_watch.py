"""The watchdog process's mind: when it acts, that it does not stop before a venue says so, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from readytrader_sdk.errors import Unavailable
from readytrader_sdk.instruments import Symbol, VenueId
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState
from readytrader_sdk.ports import Notice

from appliance.service.notices import Notices
from appliance.service.outside_watch import OutsideWatch
from appliance.service.patience import Patience
from appliance.service.sign_of_life import Life, Listening, SignFile
from tests.plugin_host.rig import until
from tests.service.test_sign_of_life import Stopwatch

AFTER_S = 30.0
KRAKEN = VenueId("kraken")
BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
QUICK = Patience(
    sweep_delays=(timedelta(milliseconds=1),),
    outside_look_every=timedelta(milliseconds=1),
    outside_check_every=timedelta(milliseconds=1),
    call=timedelta(seconds=5),
)


def utc_now() -> datetime:
    return datetime.now(UTC)


class OneByOne:
    """A venue that cancels single orders, each known under one instrument."""

    is_ours = False

    def __init__(self, *orders: str, symbol: Symbol = BTC) -> None:
        self.open = {ClientOrderId(order): symbol for order in orders}
        self.faults = 0
        """How many calls fail still."""
        self.asked = 0

    @property
    def reads(self) -> OneByOne:
        return self

    def _may_fail(self) -> None:
        self.asked += 1
        if self.faults:
            self.faults -= 1
            raise Unavailable("not now")

    async def open_orders(self) -> Sequence[ExecutionReport]:
        self._may_fail()
        return [report(order, OrderState.OPEN) for order in self.open]

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        self._may_fail()
        if self.open.get(client_order_id) != symbol:
            return report(client_order_id, OrderState.ABSENT)
        del self.open[client_order_id]
        return report(client_order_id, OrderState.CANCELLED)


class AllAtOnce(OneByOne):
    """A venue that cancels everything at once."""

    async def cancel_all_orders(self) -> None:
        self._may_fail()
        self.open.clear()


class Stubborn(OneByOne):
    """A venue that says of the first cancellations that they are done, and goes on listing the order."""

    refusals = 3

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        if self.refusals:
            self.refusals -= 1
            return report(client_order_id, OrderState.CANCELLED)
        return await super().cancel_order(client_order_id, symbol)


class Kept:
    """A notifier that keeps what it was given."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def notify(self, notice: Notice) -> None:
        self.subjects.append(notice.subject)


def report(client_order_id: ClientOrderId, state: OrderState) -> ExecutionReport:
    return ExecutionReport(client_order_id=client_order_id, state=state, reported_at=utc_now())


class Scene:
    """A watch over a folder, with a core that says what the test says."""

    def __init__(self, folder: Path, venue: OneByOne) -> None:
        self.core = SignFile(folder / "core.alive", utc_now)
        self.own = SignFile(folder / "watchdog.alive", utc_now)
        self.stopwatch = Stopwatch()
        self.told = Kept()
        self.venue = venue
        self.notices = Notices({"kept": self.told}, utc_now, QUICK)
        self.watch = OutsideWatch(
            Listening(self.core, self.stopwatch), self.own, {KRAKEN: venue}, (BTC, ETH),  # type: ignore[dict-item]
            timedelta(seconds=AFTER_S), self.notices, QUICK,
        )  # fmt: skip

    async def until(self, condition: Callable[[], bool]) -> None:
        await until(condition)

    @property
    def problems(self) -> tuple[str, ...]:
        sign = self.own.read()
        return () if sign is None else sign.problems


def play(folder: Path, venue: OneByOne, scenario: Callable[[Scene], Awaitable[None]], *, core: Life | None) -> Scene:
    """Run the watch beside a scenario; at the end it is stopped as by SIGTERM."""
    scene = Scene(folder, venue)

    async def run() -> None:
        if core is not None:
            scene.core.write(core)
        scene.notices.start()
        watching = asyncio.create_task(scene.watch.run())
        try:
            await scene.until(lambda: not scene.problems and scene.own.path.exists())
            await scenario(scene)
            assert not watching.done()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await scene.notices.aclose()

    asyncio.run(run())
    return scene


async def turns(scene: Scene, count: int = 5) -> None:
    """Let it look so many times."""
    for _ in range(count):
        before = scene.own.read()
        await scene.until(lambda before=before: scene.own.read() != before)


@pytest.mark.parametrize("venue", [OneByOne, AllAtOnce])
def test_a_core_that_is_silent_for_longer_than_allowed_has_its_orders_cancelled(
    tmp_path: Path, venue: type[OneByOne]
) -> None:
    async def scenario(scene: Scene) -> None:
        scene.stopwatch.now += AFTER_S
        await turns(scene)
        assert len(scene.venue.open) == 2, "exactly as long as allowed"
        scene.stopwatch.now += 0.001
        await scene.until(lambda: not scene.venue.open)
        await scene.until(lambda: "the watchdog has emptied kraken" in scene.told.subjects)
        assert scene.told.subjects[0] == "the core is dead or hangs"

    play(tmp_path, venue("one", "two"), scenario, core=Life.RUNNING)


def test_a_core_that_gives_signs_is_left_alone(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        for _ in range(4):
            scene.stopwatch.now += AFTER_S
            scene.core.write(Life.RUNNING)
            await turns(scene, 2)
        assert scene.venue.open
        assert scene.told.subjects == []

    play(tmp_path, OneByOne("one"), scenario, core=Life.RUNNING)


def test_a_core_that_stopped_in_good_order_left_its_orders_on_purpose(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.stopwatch.now += 1000 * AFTER_S
        await turns(scene)
        assert scene.venue.open

    play(tmp_path, OneByOne("one"), scenario, core=Life.STOPPED)


def test_a_core_that_was_never_heard_counts_as_silent(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.stopwatch.now += AFTER_S + 1
        await scene.until(lambda: not scene.venue.open)

    play(tmp_path, OneByOne("one"), scenario, core=None)


@pytest.mark.parametrize("venue", [OneByOne, AllAtOnce])
def test_it_keeps_trying_until_the_venue_says_that_nothing_is_open(tmp_path: Path, venue: type[OneByOne]) -> None:
    async def scenario(scene: Scene) -> None:
        scene.venue.faults = 25
        scene.stopwatch.now += AFTER_S + 1
        await scene.until(lambda: not scene.venue.open)
        await scene.until(lambda: "the watchdog has emptied kraken" in scene.told.subjects)
        assert scene.venue.asked > 25

    play(tmp_path, venue("one", "two", "three"), scenario, core=Life.RUNNING)


def test_what_is_listed_still_was_not_cancelled_whatever_the_venue_said(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.stopwatch.now += AFTER_S + 1
        await scene.until(lambda: "the watchdog has emptied kraken" in scene.told.subjects)
        assert not scene.venue.open

    play(tmp_path, Stubborn("one"), scenario, core=Life.RUNNING)


def test_an_order_is_found_under_whatever_instrument_it_is_of(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.stopwatch.now += AFTER_S + 1
        await scene.until(lambda: not scene.venue.open)

    play(tmp_path, OneByOne("one", symbol=ETH), scenario, core=Life.RUNNING)


def test_an_order_that_arrives_late_is_cancelled_too(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.stopwatch.now += AFTER_S + 1
        await scene.until(lambda: not scene.venue.open)
        scene.venue.open[ClientOrderId("late")] = BTC
        await scene.until(lambda: not scene.venue.open)

    play(tmp_path, OneByOne("one"), scenario, core=Life.RUNNING)


def test_it_stops_when_the_core_is_back_and_acts_again_when_it_goes_again(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.stopwatch.now += AFTER_S + 1
        await scene.until(lambda: not scene.venue.open)
        scene.core.write(Life.RUNNING)
        await scene.until(lambda: "the core is back" in scene.told.subjects)
        scene.venue.open[ClientOrderId("new")] = BTC
        await turns(scene)
        assert scene.venue.open, "the core's own affair"
        scene.stopwatch.now += AFTER_S + 1
        await scene.until(lambda: not scene.venue.open)

    play(tmp_path, OneByOne("one"), scenario, core=Life.RUNNING)


def test_a_venue_that_it_could_not_empty_is_told_before_it_must_and_in_its_sign(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.venue.faults = 10**9
        await scene.until(lambda: bool(scene.problems))
        assert scene.problems == ("kraken: it cannot be asked: Unavailable",)
        await scene.until(lambda: bool(scene.told.subjects))
        assert scene.told.subjects == ["the watchdog could not empty kraken"], "once"
        scene.venue.faults = 0
        await scene.until(lambda: not scene.problems)
        assert scene.venue.open, "looking cancels nothing"

    scene = play(tmp_path, OneByOne("one"), scenario, core=Life.STOPPED)
    last = scene.own.read()
    assert last is not None
    assert last.life is Life.STOPPED
