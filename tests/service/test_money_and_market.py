"""Paper money comes in at a price or not at all; a market that is not known well enough executes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readytrader_sdk.instruments import Asset, Symbol
from readytrader_sdk.orders import OrderState

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.marketdata.values import Verdict
from appliance.service.agents import LOCAL
from appliance.service.funds import DEPOSIT_MAX
from appliance.service.outcomes import Placed
from tests.service.rig import ROOMY, ManualClock, Rig, buy, codes, open_rig, order_id, play, sell

USDT, BTC_ASSET = Asset("USDT"), Asset("BTC")


@pytest.mark.parametrize(
    "amount",
    ["0", "-1", "-0.000001", "NaN", "sNaN", "Infinity", "-Infinity", "1E+30", "1000000001", "0.0000000000000000001"],
)
def test_an_amount_that_is_no_sane_sum_is_refused_and_books_nothing(tmp_path: Path, amount: str) -> None:
    async def scenario(rig: Rig) -> None:
        refused = await rig.core.funds.deposit(LOCAL, USDT, Decimal(amount))
        assert codes(refused) == {Code.INVALID_ARGUMENT}
        assert rig.held("USDT") == 0 == await rig.venue_total("USDT")
        assert "funds.moved" not in rig.kinds()

    play(tmp_path, scenario, funds=None)


def test_an_account_holds_the_largest_sum_and_not_one_unit_more(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fund(str(DEPOSIT_MAX))
        assert codes(await rig.core.funds.deposit(LOCAL, USDT, Decimal("0.01"))) == {Code.INVALID_ARGUMENT}
        assert rig.held("USDT") == DEPOSIT_MAX

    play(tmp_path, scenario, funds=None)


def test_money_without_a_price_or_that_nothing_trades_is_refused(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert codes(await rig.core.funds.deposit(LOCAL, Asset("ETH"), Decimal(1))) == {Code.QUOTE_MISSING}
        assert codes(await rig.core.funds.deposit(LOCAL, Asset("SHIB"), Decimal(1))) == {Code.TOKEN_NOT_ALLOWED}
        reader = await rig.agent("reader", AgentScope.READ)
        assert codes(await rig.core.funds.deposit(reader, USDT, Decimal(1))) == {Code.SCOPE_MISSING}

    play(tmp_path, scenario)


def test_a_deposit_while_something_held_has_no_fresh_price_is_refused(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fund("1", "BTC")
        rig.clock.advance(31)
        assert codes(await rig.core.funds.deposit(LOCAL, USDT, Decimal(1))) == {Code.QUOTE_MISSING}

    play(tmp_path, scenario)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.decimals("0.000000000000000001", "1000", places=18), min_size=1, max_size=6))
def test_deposits_add_up_to_the_last_digit_on_both_sides(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[Decimal]
) -> None:
    async def scenario(rig: Rig) -> None:
        await asyncio.gather(*(rig.fund(str(amount)) for amount in amounts))
        assert rig.held("USDT") == sum(amounts) == await rig.venue_total("USDT")

    play(tmp_path_factory.mktemp("deposits"), scenario, funds=None)


# the market


def test_no_quote_no_order(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            await rig.fund()
            assert Code.QUOTE_MISSING in codes(await rig.submit(buy("0.01")))
            assert Code.QUOTE_MISSING in codes(await rig.submit(buy("0.01", "49000")))

    asyncio.run(lives())


def test_a_quote_is_good_until_its_age_is_over_the_limit(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.clock.advance(30)
        await rig.place(buy("0.01"))
        rig.clock.advance(0.000001)
        assert Code.QUOTE_STALE in codes(await rig.submit(buy("0.02")))

    play(tmp_path, scenario)


def test_a_stale_market_stops_exits_too_but_never_a_cancel(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01"))
        resting = order_id(await rig.place(buy("0.02", "48000")))
        rig.clock.advance(31)
        assert Code.QUOTE_STALE in codes(await rig.submit(sell("0.01")))
        cancelled = await rig.core.orders.cancel(resting, LOCAL.agent_id, "agent")
        assert isinstance(cancelled, Placed)
        assert cancelled.order.state is OrderState.CANCELLED

    play(tmp_path, scenario)


def test_nobody_trades_on_a_price_that_he_supplied_himself(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            await rig.fund()
            rig.source("mine", supplier="local")
            assert rig.quote("50000", "50010", source="mine") is Verdict.ACCEPTED
            assert Code.QUOTE_MISSING in codes(await rig.submit(buy("0.01")))

    asyncio.run(lives())


def test_an_agents_own_price_moves_no_resting_order_and_no_fill(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("0.01", "49000")))
        rig.source("mine", supplier="local")
        rig.clock.advance(1)
        rig.quote("41000", "41010", source="mine")
        assert rig.core.state.orders[resting].state is OrderState.OPEN
        placed = await rig.place(buy("0.02"))
        assert placed.order.filled_notional == Decimal("0.02") * 50010

    play(tmp_path, scenario)


def test_sources_that_disagree_execute_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.source("other")
        rig.quote("54000", "54010", source="other")
        rig.clock.advance(1)
        rig.quote()
        rig.quote("54000", "54010", source="other")
        assert Code.QUOTE_DISAGREEMENT in codes(await rig.submit(buy("0.01")))

    play(tmp_path, scenario)


@pytest.mark.parametrize("bid", ["NaN", "-1", "0", "1"])
def test_a_bad_print_is_not_traded_on(tmp_path: Path, bid: str) -> None:
    async def scenario(rig: Rig) -> None:
        rig.clock.advance(31)
        assert rig.quote(bid, bid) is not Verdict.ACCEPTED
        assert not isinstance(await rig.submit(buy("0.01")), Placed)
        assert not isinstance(await rig.submit(sell("0.01")), Placed)

    play(tmp_path, scenario)


def test_a_quote_dated_ahead_is_not_fresh_for_ever(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.clock.advance(31)
        ahead = ManualClock(rig.clock.now + timedelta(days=3650))
        assert Rig(rig.home, rig.core, ahead).quote(received_at=rig.clock.now) is Verdict.FROM_FUTURE
        assert Code.QUOTE_STALE in codes(await rig.submit(buy("0.01")))

    play(tmp_path, scenario)


def test_equity_that_cannot_be_known_stops_entries_and_not_exits(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.quote("3000", "3001", symbol=Symbol("ETH/USDT"))
        await rig.fund("1", "ETH")
        await rig.place(buy("0.01"))
        rig.clock.advance(25)
        rig.quote()
        rig.clock.advance(10)
        assert Code.EQUITY_UNKNOWN in codes(await rig.submit(buy("0.02")))
        assert isinstance(await rig.submit(sell("0.01")), Placed)

    play(tmp_path, scenario, ROOMY)
