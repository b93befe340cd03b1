"""The journal and the venue agree, or the difference is written down, told, and past a bound closes the venue."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.errors import OutcomeUnknown, Unavailable
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import OrderState

from appliance.domain.codes import Code
from appliance.domain.trading_state import TradingState
from tests.service.live import BRISK, Live, play_live
from tests.service.rig import buy, codes, order_id

BTC, USDT = Asset("BTC"), Asset("USDT")
SEEN = BRISK.drift_seen_min
EQUITY = Decimal(100_000) + Decimal("50005")
"""What the scripted account is worth at the rig's prices, in USDT."""
BOUND = EQUITY / 100
"""One percent of it: the configured bound."""


# orders


def test_a_fill_that_the_stream_missed_is_found_booked_and_told(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        fill = rig.venue.fill(placed, "0.004", "49000", told=False)
        await rig.turn()
        assert rig.booked(placed) == {fill.fill_id}
        (missed,) = rig.events("fill.missed")
        assert (missed.client_order_id, missed.fill_ids) == (placed, (fill.fill_id,))
        await rig.turn(SEEN)
        assert len(rig.events("fill.missed")) == 1
        assert rig.events("drift.found") == []

    play_live(tmp_path, scenario)


def test_a_fill_that_cannot_be_is_not_said_to_be_booked(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        rig.venue.fill(placed, "0.02", "49000", told=False)
        await rig.turn()
        assert rig.events("report.refused")
        assert rig.events("fill.missed") == []
        assert not rig.booked(placed)

    play_live(tmp_path, scenario)


def test_a_fill_that_the_stream_told_is_not_called_missed(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        rig.venue.fill(placed, "0.004", "49000")
        await rig.until(lambda: bool(rig.booked(placed)))
        await rig.turn()
        assert rig.events("fill.missed") == []

    play_live(tmp_path, scenario)


def test_an_end_that_the_stream_missed_is_found(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        rig.venue.end(placed, OrderState.EXPIRED, told=False)
        await rig.turn()
        assert rig.of(placed).state is OrderState.EXPIRED

    play_live(tmp_path, scenario)


def test_an_order_whose_answer_is_waited_for_is_left_alone(tmp_path: Path) -> None:
    """Its fate is the answer's to tell; a list that was made before it arrived proves nothing."""

    async def scenario(rig: Live) -> None:
        seen: list[OrderState] = []

        async def between(order: object) -> object:
            await rig.watch.turn()
            seen.append(next(iter(rig.core.state.live_orders.values())).state)
            return await taken(order)

        taken, rig.venue.place_order = rig.venue.place_order, between  # type: ignore[method-assign, assignment]
        rig.host["binance"]._gate._port = rig.venue
        placed = await rig.sent(buy("0.01", "49000"))
        assert (seen, placed.order.state) == ([OrderState.PERMITTED], OrderState.OPEN)
        assert "find_order" not in rig.venue.asked

    play_live(tmp_path, scenario)


# strangers


@pytest.mark.parametrize(("strangers", "closed"), [(1, False), (2, True)])
def test_open_orders_of_nobody_here_are_told_and_past_the_bound_close_the_venue(
    tmp_path: Path, strangers: int, *, closed: bool
) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.foreign = [f"venue:{n}" for n in range(strangers)]
        await rig.turn(2)
        assert [event.order for event in rig.events("foreign_order.found")] == rig.venue.foreign
        assert (rig.at_venue() is TradingState.CANCEL_ONLY) is closed
        assert rig.watch.findings.foreign == strangers
        outcome = await rig.send(buy("0.02", "49000"))
        if closed:
            assert Code.TRADING_STATE in codes(outcome)
        else:
            order_id(outcome)

    play_live(tmp_path, scenario)


def test_a_stranger_that_went_and_came_back_is_told_again(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        for foreign in (["theirs"], [], ["theirs"]):
            rig.venue.foreign = foreign
            await rig.turn()
        assert len(rig.events("foreign_order.found")) == 2

    play_live(tmp_path, scenario)


# balances


def test_a_difference_of_balances_is_believed_when_it_was_seen_often_enough(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.money[USDT] += 1
        await rig.turn(SEEN - 1)
        assert rig.events("drift.found") == []
        await rig.turn()
        (drift,) = rig.events("drift.found")
        assert (drift.asset, drift.found - drift.expected) == ("USDT", 1)
        await rig.turn(SEEN)
        assert len(rig.events("drift.found")) == 1
        assert rig.at_venue() is TradingState.ACTIVE

    play_live(tmp_path, scenario)


def test_balances_that_lag_and_then_agree_are_no_drift(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        for _ in range(3):
            rig.venue.money[USDT] += 1
            await rig.turn(SEEN - 1)
            rig.venue.money[USDT] -= 1
            await rig.turn()
        assert rig.events("drift.found") == []

    play_live(tmp_path, scenario)


@pytest.mark.parametrize(("difference", "closed"), [(BOUND, False), (BOUND + Decimal("0.01"), True)])
@pytest.mark.parametrize("sign", [1, -1])
def test_differences_worth_more_than_the_bound_close_the_venue(
    tmp_path: Path, difference: Decimal, sign: int, *, closed: bool
) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.money[USDT] += sign * difference
        await rig.turn(SEEN)
        assert len(rig.events("drift.found")) == 1
        assert (rig.at_venue() is TradingState.CANCEL_ONLY) is closed

    play_live(tmp_path, scenario)


def test_differences_do_not_cancel_each_other_out(tmp_path: Path) -> None:
    """Something was traded there that the journal knows nothing of: both sides of it count."""

    async def scenario(rig: Live) -> None:
        rig.venue.money[BTC] += Decimal("0.016")
        rig.venue.money[USDT] -= Decimal(800)
        await rig.turn(SEEN)
        assert rig.at_venue() is TradingState.CANCEL_ONLY

    play_live(tmp_path, scenario)


def test_a_difference_without_a_price_closes_the_venue(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.money[BTC] = Decimal("0.00001")
        rig.clock.advance(60)
        assert rig.core.portfolio.equity(rig.clock.now).total == 100_000
        await rig.turn(SEEN)
        assert rig.at_venue() is TradingState.CANCEL_ONLY

    play_live(tmp_path, scenario, prepare=lambda venue: venue.money.pop(BTC))


def test_a_difference_stands_though_trading_goes_on(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.money[USDT] += 1
        for n in range(SEEN):
            await rig.sent(buy(f"0.0{n + 1}"))
            await rig.turn()
        (drift,) = rig.events("drift.found")
        assert drift.found - drift.expected == 1

    play_live(tmp_path, scenario)


def test_what_no_instrument_trades_is_no_affair_of_ours(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.money[Asset("DOGE")] = Decimal(10**9)
        await rig.turn(SEEN)
        assert rig.events("drift.found") == []

    play_live(tmp_path, scenario)


def test_balances_say_nothing_while_an_order_is_in_doubt(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.always["find_order"] = Unavailable("dark")
        rig.venue.after["place_order"].append(OutcomeUnknown("lost"))
        placed = order_id(await rig.sent(buy("0.1")))
        assert rig.of(placed).state is OrderState.UNKNOWN
        await rig.turn(2 * SEEN)
        assert rig.events("drift.found") == []
        rig.venue.always.clear()
        await rig.until(lambda: rig.of(placed).state is OrderState.FILLED)
        await rig.turn(SEEN)
        assert rig.events("drift.found") == []

    play_live(tmp_path, scenario)


def test_a_person_may_say_that_the_venue_is_right(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        nav = rig.core.portfolio.performance(rig.core.portfolio.equity(rig.clock.now).total, rig.clock.now).nav
        rig.venue.money[USDT] += 50_000
        await rig.turn(SEEN)
        assert rig.at_venue() is TradingState.CANCEL_ONLY
        assert Code.TRADING_STATE in codes(await rig.send(buy("0.02", "49000")))
        assert await rig.watch.accept_drift("operator", "a deposit") == ("USDT",)
        assert rig.core.state.holding("binance", USDT) == rig.venue.money[USDT]
        await rig.turn()
        assert rig.watch.reconciliation.drifts == ()
        equity = rig.core.portfolio.equity(rig.clock.now).total
        assert rig.core.portfolio.performance(equity, rig.clock.now).nav == nav  # a deposit is no profit
        assert rig.at_venue() is TradingState.CANCEL_ONLY  # to loosen is another word of theirs

    play_live(tmp_path, scenario)


def test_a_list_that_cannot_be_had_settles_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        placed = order_id(await rig.sent(buy("0.01", "49000")))
        rig.venue.end(placed, OrderState.CANCELLED, told=False)
        rig.venue.always["open_orders"] = Unavailable("dark")
        await rig.turn(3)
        assert rig.of(placed).state is OrderState.OPEN

    play_live(tmp_path, scenario)


def test_the_first_reconciliation_asks_for_everything_before_the_venue_is_fit(tmp_path: Path) -> None:
    """An order that a venue cannot be asked about keeps nobody waiting for ever, and holds its own instrument."""

    async def scenario(rig: Live) -> None:
        assert rig.watch.line.problem is None
        asked = rig.venue.asked
        assert asked.index("open_orders") < asked.index("balances", asked.index("open_orders"))
        assert [event.problem for event in rig.events("venue.changed")] == [None]

    play_live(tmp_path, scenario, patience=msgspec.structs.replace(BRISK, drift_seen_min=1))
