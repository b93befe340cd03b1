"""What the core does by itself: it stops loops, closes venues that reject, and leaves only exits when value falls."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest, OrderState

from appliance.domain.codes import Code
from appliance.domain.events import TradingStateSet
from appliance.domain.snapshot import Mode
from appliance.domain.state import Touched
from appliance.domain.trading_state import GLOBAL, Scope, ScopeState, TradingState
from appliance.service.agents import LOCAL_AGENT
from appliance.service.outcomes import Placed, Refused
from tests.service.ports import Watched
from tests.service.rig import NOON, ROOMY, Rig, buy, codes, open_rig, order_id, play, sell

FEW_REPEATS = ROOMY.replace("repeated_orders_max = 1000", "repeated_orders_max = 4")


def test_the_same_order_within_moments_is_refused_unless_it_has_a_key_of_its_own(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01"))
        assert Code.DUPLICATE_ORDER in codes(await rig.submit(buy("0.01")))
        assert Code.DUPLICATE_ORDER in codes(await rig.submit(buy("0.010"))), "the same, however it is written"
        await rig.place(buy("0.01"), key="meant")
        rig.clock.advance(10.000001)
        await rig.place(buy("0.01"))

    play(tmp_path, scenario)


def test_the_same_order_over_and_over_disables_the_agent_until_a_person_looks(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(4):
            await rig.place(buy("0.01"), key=str(number))
        assert Code.REPEATED_ORDERS in codes(await rig.submit(buy("0.01"), key="one too many"))
        scope = Scope("agent:local")
        assert rig.core.state.scopes[scope].state is TradingState.REDUCE_ONLY
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.02"))), "disabled for every entry"
        assert isinstance(await rig.submit(sell("0.02")), Placed), "and never for an exit"
        other = await rig.agent("other")
        assert isinstance(await rig.submit(buy("0.02"), principal=other), Placed), "and nobody else"
        rig.clock.advance(3600)
        rig.quote()
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.02"))), "time alone mends nothing"
        looked = ScopeState(scope=scope, state=TradingState.ACTIVE, by="operator", reason="looked", since=NOON)
        await rig.core.recorder.record(TradingStateSet(scope_state=looked))
        assert isinstance(await rig.submit(buy("0.02")), Placed)

    play(tmp_path, scenario, FEW_REPEATS)


def rejection(client_order_id: ClientOrderId) -> ExecutionReport:
    return ExecutionReport(client_order_id=client_order_id, state=OrderState.REJECTED, reported_at=NOON, reason="venue")


class Rejecting(Watched):
    """Rejects every order without looking at it."""

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        self._note(order.client_order_id)
        return rejection(order.client_order_id)


def test_a_storm_of_rejections_closes_the_venue_for_new_orders(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(6):
            placed = await rig.place(buy(f"0.0{number + 1}"))
            assert placed.order.state is OrderState.REJECTED
        assert rig.core.state.scopes[Scope("venue:binance")].state is TradingState.CANCEL_ONLY
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.08")))
        assert isinstance(rig.port, Watched)
        assert len(rig.port.sent) == 6
        elsewhere = msgspec.structs.replace(buy("0.08"), venue="kraken")
        assert isinstance(await rig.submit(elsewhere), Placed)

    play(tmp_path, scenario, wrap=Rejecting)


def test_rejections_far_apart_are_no_storm_and_one_told_twice_is_one(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(6):
            placed = await rig.place(buy(f"0.0{number + 1}"))
            rig.core.take_report(rejection(order_id(placed)))
            if number % 2:
                rig.clock.advance(40)
                rig.quote()
        assert Scope("venue:binance") not in rig.core.state.scopes

    play(tmp_path, scenario, wrap=Rejecting)


def test_a_sudden_fall_in_value_leaves_only_exits(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("1.9"))
        await rig.core.beat()
        rig.clock.advance(1)
        rig.quote("48000", "48010")
        await rig.core.beat()
        assert rig.state() is TradingState.REDUCE_ONLY
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.01")))
        assert isinstance(await rig.submit(sell("0.01")), Placed)

    play(tmp_path, scenario)


def test_a_fall_short_of_the_limit_leaves_trading_as_it_is(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.5"))
        await rig.core.beat()
        rig.clock.advance(1)
        rig.quote("48000", "48010")
        await rig.core.beat()
        assert rig.state() is TradingState.ACTIVE

    play(tmp_path, scenario)


def test_a_fall_in_value_never_loosens_a_stricter_state(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("1.9"))
        await rig.core.beat()
        await rig.core.stop_trading("operator", "enough")
        rig.clock.advance(1)
        rig.quote("47000", "47010")
        await rig.core.beat()
        assert rig.state() is TradingState.HALTED
        assert rig.core.state.scopes[GLOBAL].by == "operator"

    play(tmp_path, scenario)


def test_daily_loss_stops_entries_and_never_an_exit(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("1.9"))
        for bid in (49000, 48000, 47200):
            rig.clock.advance(1)
            rig.quote(str(bid), str(bid + 10))
        assert Code.DAILY_LOSS in codes(await rig.submit(buy("0.01")))
        assert isinstance(await rig.submit(sell("0.5")), Placed)
        rig.clock.advance(24 * 3600)
        rig.quote("47200", "47210")
        await rig.core.beat()
        assert isinstance(await rig.submit(buy("0.01")), Placed), "a new day has its own loss"

    play(tmp_path, scenario)


def test_money_put_in_neither_hides_a_loss_nor_looks_like_profit(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("1.9"))
        rig.clock.advance(1)
        rig.quote("47200", "47210")
        before = rig.core.portfolio.performance(rig.core.portfolio.equity(rig.clock.now).total, rig.clock.now)
        await rig.fund("900000000")
        after = rig.core.portfolio.performance(rig.core.portfolio.equity(rig.clock.now).total, rig.clock.now)
        assert before.nav is not None
        assert after.nav is not None
        assert abs(before.nav - after.nav) < Decimal("1e-30")
        assert (before.nav_peak, before.nav_day_open) == (after.nav_peak, after.nav_day_open)
        assert Code.DAILY_LOSS in codes(await rig.submit(buy("0.01")))

    play(tmp_path, scenario)


def test_turnover_counts_the_same_after_a_restart(tmp_path: Path) -> None:
    toml = ROOMY.replace("turnover_max_pct = 10000", "turnover_max_pct = 10")

    async def lives() -> None:
        async with open_rig(tmp_path, toml) as rig:
            rig.quote()
            await rig.fund()
            for number in range(4):
                await rig.place(buy(f"0.0{number + 1}"))
            before = rig.core.state.recent.turnover(LOCAL_AGENT, rig.clock.now)
            refused = await rig.submit(buy("0.12"))
            assert isinstance(refused, Refused)
        async with open_rig(tmp_path, toml) as rig:
            rig.quote()
            assert rig.core.state.recent.turnover(LOCAL_AGENT, rig.clock.now) == before
            assert codes(await rig.submit(buy("0.12"))) == codes(refused) == {Code.TURNOVER_ABOVE_MAX}

    asyncio.run(lives())


def stand_live(rig: Rig, client_order_id: ClientOrderId) -> None:
    """Let an order of the paper venue pass for one of real money."""
    order = msgspec.structs.replace(rig.core.state.orders[client_order_id], mode=Mode.LIVE)
    rig.core.state.put(Touched("order", client_order_id, True, rig.clock.now, order))


def narrowed(rig: Rig) -> TradingState | None:
    found = rig.core.state.scopes.get(Scope("symbol:BTC/USDT"))
    return None if found is None else found.state


def test_real_orders_without_a_fresh_quote_for_too_long_close_their_instrument(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        stand_live(rig, order_id(await rig.place(buy("0.01", "49000"))))
        rig.clock.advance(30.000001)
        await rig.core.beat()
        rig.clock.advance(60)
        await rig.core.beat()
        assert narrowed(rig) is None, "exactly as long as allowed since the last quote grew too old"
        rig.clock.advance(0.000001)
        await rig.core.beat()
        assert narrowed(rig) is TradingState.CANCEL_ONLY
        rig.quote()
        await rig.core.beat()
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.02"))), "a quote alone mends nothing"

    play(tmp_path, scenario)


def test_a_quote_in_time_starts_the_count_again(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        stand_live(rig, order_id(await rig.place(buy("0.01", "49000"))))
        for _ in range(3):
            rig.clock.advance(31)
            await rig.core.beat()
            rig.clock.advance(59)
            await rig.core.beat()
            rig.quote()
            await rig.core.beat()
        assert narrowed(rig) is None

    play(tmp_path, scenario)


def test_silence_where_no_real_order_stands_closes_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01", "49000"))
        for _ in range(3):
            rig.clock.advance(1000)
            await rig.core.beat()
        assert narrowed(rig) is None

    play(tmp_path, scenario)
