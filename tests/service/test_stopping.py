"""A halt empties the venue until the venue says so; a core that dies or cannot write lets the venue's switch do it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.errors import Unavailable
from readytrader_sdk.orders import OrderState

from appliance.domain.codes import Code
from appliance.service.core import EMPTIED_S_MAX
from appliance.service.dead_man import TURNS_IN_TIME, DeadMan
from appliance.service.venue_health import Switch
from tests.service.live import BRISK, Live, open_live, play_live
from tests.service.rig import ManualClock, buy, codes, order_id
from tests.service.scripted_venue import EVERY_OPTION

ONE_BY_ONE = EVERY_OPTION - {"cancel_all_orders"}


async def placed(rig: Live, count: int = 3) -> list[str]:
    return [order_id(await rig.sent(buy("0.01", str(49000 + n)))) for n in range(count)]


@pytest.mark.parametrize("options", [EVERY_OPTION, ONE_BY_ONE], ids=["at once", "one by one"])
def test_a_halt_leaves_nothing_open(tmp_path: Path, options: frozenset[str]) -> None:
    async def scenario(rig: Live) -> None:
        ids = await placed(rig)
        assert await rig.core.stop_trading("operator", "enough") == len(ids)
        assert rig.venue.open_ids() == set()
        assert {rig.of(one).state for one in ids} == {OrderState.CANCELLED}  # type: ignore[arg-type]
        assert rig.core.stopping.under_way == ()
        await rig.core.recorder.written()
        (done,) = rig.events("all_cancel.done")
        assert done.venue == "binance"
        assert Code.TRADING_STATE in codes(await rig.send(buy("0.01", "49000")))

    play_live(tmp_path, scenario, options=options)


def test_a_halt_cancels_orders_of_nobody_here_too(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.foreign.append("theirs")
        await rig.core.stop_trading("operator", "enough")
        assert rig.venue.foreign == []

    play_live(tmp_path, scenario)


@pytest.mark.parametrize("method", ["cancel_all_orders", "cancel_order", "open_orders"])
def test_cancelling_goes_on_until_the_venue_says_that_nothing_is_open(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.service.core.EMPTIED_S_MAX", 0.05)

    async def scenario(rig: Live) -> None:
        await placed(rig)
        rig.venue.foreign.append("theirs")  # which only a request for everything reaches
        rig.venue.always[method] = Unavailable("dark")
        if method == "cancel_order":
            rig.venue.always["cancel_all_orders"] = Unavailable("dark")
        await rig.core.stop_trading("operator", "enough")
        assert rig.core.stopping.under_way == ("binance",)
        await rig.asked(method, 5)
        assert rig.events("all_cancel.done") == []
        rig.venue.always.clear()
        await rig.until(lambda: rig.core.stopping.under_way == ())
        assert rig.venue.open_ids() == set()
        assert len(rig.events("all_cancel.done")) == 1

    assert EMPTIED_S_MAX > 1
    play_live(tmp_path, scenario)


def test_a_venue_that_lists_nothing_is_not_empty_while_an_order_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.service.core.EMPTIED_S_MAX", 0.05)

    async def scenario(rig: Live) -> None:
        rig.venue.before["place_order"].append(RuntimeError("boom"))
        doubtful = order_id(await rig.sent(buy("0.01", "49000")))
        await rig.core.stop_trading("operator", "enough")
        await rig.asked("open_orders", 5)
        assert rig.core.stopping.under_way == ("binance",)
        rig.clock.advance(BRISK.absent_after.total_seconds())
        await rig.until(lambda: rig.core.stopping.under_way == ())
        assert rig.of(doubtful).state is OrderState.ABSENT

    play_live(tmp_path, scenario)


def test_a_sweep_does_not_outlive_its_halt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.service.core.EMPTIED_S_MAX", 0.05)

    async def scenario(rig: Live) -> None:
        await placed(rig, 1)
        rig.venue.always["open_orders"] = Unavailable("dark")
        await rig.core.stop_trading("operator", "enough")
        await rig.core.halt.resume("operator", "go on")
        await rig.core.beat()
        await rig.until(lambda: rig.core.stopping.under_way == ())
        rig.venue.always.clear()
        asked = rig.venue.asked.count("cancel_all_orders")
        fresh = order_id(await rig.sent(buy("0.01", "48000")))
        assert rig.venue.asked.count("cancel_all_orders") == asked
        assert rig.of(fresh).state is OrderState.OPEN

    play_live(tmp_path, scenario)


def test_a_halt_in_force_at_the_start_empties_the_venue_first(tmp_path: Path) -> None:
    async def lives() -> None:
        clock = ManualClock()
        async with open_live(tmp_path, clock=clock) as rig:
            venue = rig.venue
            await placed(rig)
        assert len(venue.open_ids()) == 3  # a stop in good order leaves what rests
        (tmp_path / "home" / "halt").write_text("from outside\n")
        async with open_live(tmp_path, clock=clock, venue=venue, fit=False) as rig:
            await rig.until(lambda: rig.core.stopping.under_way == ())
            assert venue.open_ids() == set()

    asyncio.run(lives())


def test_cancelling_goes_on_without_a_journal(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_live(tmp_path) as rig:
            await placed(rig)
            rig.core.recorder._broken = "the disk is gone"
            await rig.core.cancel_everything("core: the journal cannot be written")
            assert rig.venue.open_ids() == set()

    asyncio.run(lives())


# the venue's own switch


def test_the_dead_mans_switch_is_armed_again_and_again_and_disarmed_by_a_stop_in_good_order(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_live(tmp_path, terms="cancel_after_sec = 10") as rig:
            dead_man, venue = rig.watch._dead_man, rig.venue
            await rig.until(lambda: venue.armed == [10])
            assert TURNS_IN_TIME >= 3
            dead_man._after = timedelta(seconds=0.02)
            await dead_man.aclose()
            venue.armed.clear()
            dead_man.start()
            await rig.until(lambda: len(venue.armed) >= 3)
        assert venue.armed[-1] == 0

    asyncio.run(lives())


def test_a_core_whose_journal_has_failed_neither_arms_nor_disarms_the_switch(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_live(tmp_path, terms="cancel_after_sec = 10") as rig:
            venue = rig.venue
            await rig.until(lambda: venue.armed == [10])
            rig.core.recorder._broken = "the disk is gone"
        assert venue.armed == [10]

    asyncio.run(lives())


def test_no_switch_is_armed_where_the_operator_wants_none_or_the_venue_has_none(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        await rig.turn(3)
        assert rig.venue.armed == []

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    play_live(tmp_path / "a", scenario)
    play_live(tmp_path / "b", scenario, terms="cancel_after_sec = 10", options=EVERY_OPTION - {"cancel_all_after"})


def test_the_switch_says_that_it_waits_fails_or_is_armed_and_never_more_than_is_true(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        dead_man = DeadMan(rig.watch.line, timedelta(seconds=0.02), rig.core.recorder)
        assert dead_man.switch is Switch.WAITING
        rig.venue.always["cancel_all_after"] = Unavailable("dark")
        dead_man.start()
        await rig.until(lambda: dead_man.switch is Switch.FAILING)
        rig.venue.always.clear()
        await rig.until(lambda: dead_man.switch is Switch.ARMED)
        rig.core.recorder._broken = "the disk is gone"
        assert dead_man.switch is Switch.FAILING
        await dead_man.aclose()

    play_live(tmp_path, scenario)


@pytest.mark.parametrize("fault", [Unavailable("dark"), TimeoutError(), RuntimeError("boom")], ids=repr)
def test_an_arming_that_fails_is_tried_again(tmp_path: Path, fault: Exception) -> None:
    async def scenario(rig: Live) -> None:
        dead_man = rig.watch._dead_man
        rig.venue.before["cancel_all_after"].extend([fault, fault])
        dead_man._after = timedelta(seconds=0.02)
        dead_man.start()
        await rig.until(lambda: bool(rig.venue.armed))

    play_live(tmp_path, scenario, patience=msgspec.structs.replace(BRISK, sweep_delays=(timedelta(0),)))
