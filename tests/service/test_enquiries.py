"""What becomes of orders whose outcome is in doubt: the venue is asked until it is known, and nothing is sent again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, Unavailable, Unsupported
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest, OrderState

from appliance.domain.codes import Code
from appliance.domain.trading_state import TradingState
from tests.service.live import BRISK, Live, open_live, play_live
from tests.service.rig import NOON, ManualClock, buy, codes, order_id, sell

SAID = {"said_not_sent": Unavailable("down"), "said_unsupported": Unsupported("no")}
LOST = OutcomeUnknown("lost")


@pytest.mark.parametrize("reason", SAID)
def test_a_plugins_word_that_nothing_was_sent_is_not_believed(tmp_path: Path, reason: str) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.after["place_order"].append(SAID[reason])
        placed = await rig.sent(buy("0.01", "49000"))
        assert (placed.order.state, placed.order.reason) == (OrderState.UNKNOWN, reason)
        assert placed.order.reserved.value > 0
        await rig.until(lambda: rig.of(order_id(placed)).state is OrderState.OPEN)
        assert rig.venue.sent == [order_id(placed)]

    play_live(tmp_path, scenario)


@pytest.mark.parametrize("reason", SAID)
def test_where_a_plugin_said_so_and_the_venue_agrees_often_enough_it_is_absent_without_waiting_for_the_time(
    tmp_path: Path, reason: str
) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.before["place_order"].append(SAID[reason])
        placed = await rig.sent(buy("0.01", "49000"))
        assert placed.order.state is OrderState.UNKNOWN
        await rig.until(lambda: rig.of(order_id(placed)).state is OrderState.ABSENT)
        assert rig.venue.asked.count("find_order") == BRISK.unseen_min
        assert rig.clock.now == NOON

    play_live(tmp_path, scenario)


def test_a_halted_worker_refuses_and_is_not_believed_either(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.host.set_halted(True)
        placed = await rig.sent(buy("0.01", "49000"))
        assert (placed.order.state, placed.order.reason) == (OrderState.UNKNOWN, "said_permit_refused")
        await rig.until(lambda: rig.of(order_id(placed)).state is OrderState.ABSENT)
        assert rig.venue.sent == []

    play_live(tmp_path, scenario)


def test_the_cores_own_word_that_nothing_left_is_believed_at_once(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.host["binance"].is_up.clear()
        placed = await rig.sent(buy("0.01", "49000"))
        assert (placed.order.state, placed.order.reason) == (OrderState.ABSENT, "not_sent")
        assert placed.order.reserved.value == 0
        assert rig.venue.sent == []

    play_live(tmp_path, scenario)


def test_where_a_venue_cannot_say_that_it_has_none_a_person_is_told_without_waiting_and_nothing_is_guessed(
    tmp_path: Path,
) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.after["place_order"].append(LOST)
        rig.venue.always["find_order"] = Unsupported("it cannot say")
        placed = await rig.sent(buy("0.01", "49000"))
        await rig.until(lambda: rig.events("outcome.unresolved"))
        assert rig.venue.asked.count("find_order") >= BRISK.unseen_min
        assert rig.clock.now == NOON
        rig.clock.now = NOON + BRISK.unresolved_after  # however long it takes
        await rig.until(lambda: rig.venue.asked.count("find_order") > 2 * BRISK.unseen_min)
        assert rig.of(order_id(placed)).state is OrderState.UNKNOWN
        assert rig.of(order_id(placed)).reserved.value > 0
        assert len(rig.events("outcome.unresolved")) == 1
        del rig.venue.always["find_order"]  # that it is there is believed at any time
        await rig.until(lambda: rig.of(order_id(placed)).state is OrderState.OPEN)
        assert rig.venue.sent == [order_id(placed)]

    play_live(tmp_path, scenario)


@pytest.mark.parametrize("fault", [LOST, Misconfigured("key"), RuntimeError("boom"), TimeoutError()], ids=repr)
def test_an_order_in_doubt_is_absent_only_when_it_is_old_enough(tmp_path: Path, fault: Exception) -> None:
    """What is still on its way may arrive until then, however often the venue has not seen it."""

    async def scenario(rig: Live) -> None:
        rig.venue.before["place_order"].append(fault)
        placed = await rig.sent(buy("0.01", "49000"))
        assert (placed.order.state, placed.order.reason) == (OrderState.UNKNOWN, "outcome_unknown")
        rig.clock.now = NOON + BRISK.absent_after - timedelta(microseconds=1)
        await rig.asked("find_order", 5)
        assert rig.of(order_id(placed)).state is OrderState.UNKNOWN
        rig.clock.now = NOON + BRISK.absent_after
        await rig.until(lambda: rig.of(order_id(placed)).state is OrderState.ABSENT)
        assert rig.venue.sent == []

    play_live(tmp_path, scenario)


def test_age_alone_is_no_proof_the_venue_must_have_said_so_often_enough(tmp_path: Path) -> None:
    patience = msgspec.structs.replace(BRISK, unseen_min=7)

    async def scenario(rig: Live) -> None:
        rig.venue.before["place_order"].append(LOST)
        rig.venue.on_ask = lambda _: setattr(rig.clock, "now", NOON + timedelta(hours=1))
        placed = await rig.sent(buy("0.01", "49000"))
        await rig.until(lambda: rig.of(order_id(placed)).state is OrderState.ABSENT)
        assert rig.venue.asked.count("find_order") == 7

    play_live(tmp_path, scenario, patience=patience)


def test_an_order_that_a_venue_shows_late_is_found(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.after["place_order"].append(LOST)
        sending = asyncio.create_task(rig.sent(buy("0.01", "49000")))
        await rig.until(lambda: bool(rig.venue.sent))
        (sent,) = rig.venue.sent
        rig.venue.hidden.add(sent)
        await sending
        await rig.asked("find_order", 5)
        assert rig.of(sent).state is OrderState.UNKNOWN
        rig.venue.hidden.clear()
        await rig.until(lambda: rig.of(sent).state is OrderState.OPEN)
        assert rig.venue.sent == [sent]

    play_live(tmp_path, scenario)


def test_an_answer_about_another_order_moves_neither(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        other = order_id(await rig.sent(buy("0.02", "49000")))
        about_other = msgspec.structs.replace(rig.venue.report(other), state=OrderState.CANCELLED)
        taken = rig.venue.place_order

        async def wrong(order: OrderRequest) -> ExecutionReport:
            await taken(order)
            return about_other

        rig.venue.place_order = wrong  # type: ignore[method-assign]
        placed = await rig.sent(buy("0.01", "49000"))
        assert placed.order.state is OrderState.UNKNOWN
        assert rig.of(other).state is OrderState.OPEN
        await rig.until(lambda: rig.of(order_id(placed)).state is OrderState.OPEN)

    play_live(tmp_path, scenario)


def test_an_answer_about_another_order_is_no_answer(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        other = order_id(await rig.sent(buy("0.02", "49000")))
        rig.venue.before["place_order"].append(LOST)

        async def wrong(_id: ClientOrderId, _symbol: str) -> ExecutionReport:
            rig.venue.asked.append("find_order")
            return rig.venue.report(other)

        rig.venue.find_order = wrong  # type: ignore[method-assign, assignment]
        placed = await rig.sent(buy("0.01", "49000"))
        rig.clock.advance(3600)
        await rig.asked("find_order", 5)
        assert rig.of(order_id(placed)).state is OrderState.UNKNOWN

    play_live(tmp_path, scenario)


def test_nothing_is_entered_on_top_of_an_order_in_doubt_and_exits_pass(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.always["find_order"] = Unavailable("dark")
        rig.venue.before["place_order"].append(LOST)
        await rig.sent(buy("0.01", "49000"))
        assert codes(await rig.send(buy("0.02"))) == {Code.OUTCOME_UNSETTLED}
        assert (await rig.sent(sell("0.1", "50000"))).order.state is OrderState.OPEN

    play_live(tmp_path, scenario)


def test_a_person_is_told_once_when_an_outcome_cannot_be_found_out(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.always["find_order"] = Unavailable("dark")
        rig.venue.before["place_order"].append(LOST)
        placed = await rig.sent(buy("0.01", "49000"))
        rig.clock.now = NOON + BRISK.unresolved_after - timedelta(microseconds=1)
        await rig.asked("find_order", 3)
        assert rig.events("outcome.unresolved") == []
        rig.clock.now = NOON + BRISK.unresolved_after
        await rig.asked("find_order", 5)
        (told,) = rig.events("outcome.unresolved")
        assert told.client_order_id == order_id(placed)
        assert rig.of(order_id(placed)).state is OrderState.UNKNOWN

    play_live(tmp_path, scenario)


def test_an_order_in_doubt_is_asked_for_in_the_next_life_and_not_sent_again(tmp_path: Path) -> None:
    async def lives() -> None:
        clock = ManualClock()
        async with open_live(tmp_path, clock=clock) as rig:
            venue = rig.venue
            venue.always["find_order"] = Unavailable("dark")
            venue.after["place_order"].append(LOST)
            placed = await rig.sent(buy("0.01", "49000"))
            assert placed.order.state is OrderState.UNKNOWN
        venue.fill(order_id(placed), "0.004", told=False)
        venue.always.clear()
        async with open_live(tmp_path, clock=clock, venue=venue) as rig:
            order = rig.of(order_id(placed))
            assert (order.state, order.filled_quantity) == (OrderState.PARTLY_FILLED, venue.filled(order_id(placed)))
            assert venue.sent == [order_id(placed)]

    asyncio.run(lives())


def test_an_order_that_nobody_can_be_asked_about_at_the_start_is_asked_for_ever_after(tmp_path: Path) -> None:
    async def lives() -> None:
        clock = ManualClock()
        async with open_live(tmp_path, clock=clock) as rig:
            venue = rig.venue
            venue.always["find_order"] = Unavailable("dark")
            venue.after["place_order"].append(LOST)
            doubtful = order_id(await rig.sent(buy("0.01", "49000")))
        async with open_live(tmp_path, clock=clock, venue=venue) as rig:
            await rig.asked("find_order", 3)
            assert rig.of(doubtful).state is OrderState.UNKNOWN
            venue.always.clear()
            await rig.until(lambda: rig.of(doubtful).state is OrderState.OPEN)

    asyncio.run(lives())


@pytest.mark.parametrize("look", ["reconciliation", "cancel"])
def test_one_look_that_does_not_see_an_order_in_doubt_is_no_proof(tmp_path: Path, look: str) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.before["place_order"].append(LOST)
        doubtful = order_id(await rig.sent(buy("0.01", "49000")))
        if look == "cancel":
            await rig.core.orders.cancel(doubtful, rig.agent_.agent_id, "agent")
        else:
            await rig.turn()
        assert rig.of(doubtful).state is OrderState.UNKNOWN

    play_live(tmp_path, scenario)


# ends that were not the last word


def test_a_fill_that_raced_a_cancellation_is_asked_for_and_booked(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        rig.venue.on_ask = lambda method: (
            None if method != "find_order" or rig.venue.book[placed].fills else _fill_late(rig, placed)
        )
        await rig.core.orders.cancel(placed, rig.agent_.agent_id, "agent")
        await rig.until(lambda: bool(rig.booked(placed)))
        assert rig.of(placed).state is OrderState.CANCELLED
        assert rig.core.state.holding("binance", "BTC") == rig.venue.money["BTC"]  # type: ignore[index, arg-type]
        assert rig.at_venue() is TradingState.ACTIVE

    play_live(tmp_path, scenario)


def _fill_late(rig: Live, placed: ClientOrderId) -> None:
    rig.venue.fill(placed, "0.004", "49000", told=False)


def test_an_order_thought_absent_that_turns_up_is_booked_cancelled_and_closes_the_venue(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.before["place_order"].append(Unavailable("down"))
        placed = await rig.sent(buy("0.01", "49000"))
        ghost = order_id(placed)
        await rig.until(lambda: rig.of(ghost).state is OrderState.ABSENT)
        rig.clock.advance(1)
        rig.venue._take(placed.order.payload)  # type: ignore[arg-type] # it arrives after all
        rig.venue.fill(ghost, "0.004", "49000", told=False)
        rig.clock.advance(1)
        await rig.turn()
        await rig.until(lambda: rig.of(ghost).state is OrderState.CANCELLED)
        assert str(rig.of(ghost).filled_quantity) == "0.004"
        assert rig.venue.open_ids() == set()
        assert rig.at_venue() is TradingState.CANCEL_ONLY
        assert rig.state() is TradingState.ACTIVE

    play_live(tmp_path, scenario)


def test_a_stream_that_does_not_fit_is_asked_about_and_never_believed(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        lie = msgspec.structs.replace(rig.venue.report(placed), state=OrderState.FILLED)
        rig.venue.tell(lie)  # without a fill
        await rig.asked("find_order", 1)
        await rig.core.enquiries.refreshed()
        assert rig.of(placed).state is OrderState.OPEN
        assert rig.at_venue() is TradingState.ACTIVE
        assert "report.refused" not in rig.kinds()

    play_live(tmp_path, scenario)


def test_an_order_that_is_too_much_to_be_told_closes_the_venue_and_nothing_of_it_is_guessed(tmp_path: Path) -> None:
    """As a worker answers of one whose fills are more than a frame holds."""

    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        before = rig.of(placed)
        rig.venue.fill(placed, "0.01", "49000", told=False)
        rig.venue.always["find_order"] = Unavailable("find_order gave 9000000 bytes; at most 8387584 can be sent")
        await rig.turn()
        await rig.core.enquiries.refreshed()
        assert rig.at_venue() is TradingState.CANCEL_ONLY
        assert rig.of(placed) == before

    play_live(tmp_path, scenario)


def test_an_order_that_the_venue_had_and_cannot_show_any_more_closes_the_venue_and_stays(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        rig.venue.hidden.add(placed)
        await rig.turn()
        assert rig.at_venue() is TradingState.CANCEL_ONLY
        assert rig.of(placed).state is OrderState.OPEN
        assert Code.TRADING_STATE in codes(await rig.send(buy("0.02", "49000")))

    play_live(tmp_path, scenario)


def test_news_that_comes_twice_and_late_counts_once(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        opened = rig.venue.report(placed)
        fill = rig.venue.fill(placed, "0.004")
        rig.venue.tell(msgspec.structs.replace(rig.venue.report(placed), fills=(fill,)))
        rig.venue.tell(opened)
        rig.venue.fill(placed, "0.006")
        await rig.until(lambda: rig.of(placed).state is OrderState.FILLED)
        assert rig.booked(placed) == {"t1", "t2"}
        assert rig.core.state.holding("binance", "BTC") == rig.venue.money["BTC"]  # type: ignore[index, arg-type]

    play_live(tmp_path, scenario)
