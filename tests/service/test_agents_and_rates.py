"""Who may do what, and how often."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.orders import ClientOrderId, OrderState

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.domain.events import RequestThrottled
from appliance.service.agents import LOCAL, AgentRefused
from appliance.service.outcomes import Placed, Refused
from appliance.service.rate_limits import Budget
from tests.service.rig import BTC, ROOMY, Rig, buy, codes, order_id, play, sell

TIGHT_RATES = ROOMY.replace("execution_per_min = 100000", "execution_per_min = 3").replace(
    "default_per_min = 100000", "default_per_min = 5"
)


def test_an_agent_neither_sees_nor_touches_the_orders_of_another(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        mine, theirs = await rig.agent("mine"), await rig.agent("theirs")
        resting = order_id(await rig.place(buy("0.01", "49000"), principal=theirs))
        orders = rig.core.orders
        assert orders.find(resting, mine.agent_id) is None
        assert orders.live(mine.agent_id) == ()
        assert orders.recent(mine.agent_id, None, 10) == ()
        assert await orders.wait(resting, mine.agent_id, 1) is None
        assert codes(await orders.cancel(resting, mine.agent_id, "mine")) == {Code.NOT_FOUND}
        assert await orders.cancel_all(mine.agent_id, "mine") == ()
        assert rig.core.state.orders[resting].state is OrderState.OPEN
        found = orders.find(resting, theirs.agent_id)
        assert found is not None
        assert [order.client_order_id for order in orders.recent(theirs.agent_id, BTC, 10)] == [resting]

    play(tmp_path, scenario)


def test_an_order_that_does_not_exist_is_told_like_one_of_somebody_else(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        mine, theirs = await rig.agent("mine"), await rig.agent("theirs")
        resting = order_id(await rig.place(buy("0.01", "49000"), principal=theirs))
        foreign = await rig.core.orders.cancel(resting, mine.agent_id, "mine")
        unknown = await rig.core.orders.cancel(ClientOrderId("rt0"), mine.agent_id, "mine")
        assert codes(foreign) == codes(unknown) == {Code.NOT_FOUND}

    play(tmp_path, scenario)


def test_a_token_is_good_until_it_expires_or_is_revoked_and_sessions_end_with_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        agents = rig.core.agents
        token = await agents.add("brief", frozenset({AgentScope.PAPER}), timedelta(minutes=10), "operator")
        principal = agents.authenticate(token)
        assert principal is not None
        await rig.place(buy("0.01"), principal=principal)
        await agents.revoke(principal.agent_id, "operator")
        assert agents.authenticate(token) is None
        assert codes(await rig.submit(buy("0.02"), principal=principal)) == {Code.UNAUTHENTICATED}
        fresh = await agents.add("brief", frozenset({AgentScope.PAPER}), timedelta(minutes=10), "operator")
        assert agents.authenticate(token) is None
        assert agents.authenticate(fresh) is not None
        rig.clock.advance(600)
        assert agents.authenticate(fresh) is None
        assert token not in str(rig.entries())

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    "wrong", ["", "rt", "rt_mine_", "rt_mine_x", "rt_nobody_x", "xx_mine_x", "rt_local_x", "\ud800"]
)
def test_no_other_text_is_a_token(tmp_path: Path, wrong: str) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.agent("mine")
        assert rig.core.agents.authenticate(wrong) is None

    play(tmp_path, scenario)


@pytest.mark.parametrize("name", ["local", "", "A", "a_b", "a" * 33, "-a", "a\n"])
def test_an_agent_needs_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(AgentRefused):
            await rig.agent(name)

    play(tmp_path, scenario)


def test_reading_does_not_trade_and_a_token_of_some_symbols_trades_no_other(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        reader = await rig.agent("reader", AgentScope.READ)
        assert Code.SCOPE_MISSING in codes(await rig.submit(buy("0.01"), principal=reader))
        token = await rig.core.agents.add(
            "narrow", frozenset({AgentScope.PAPER}), timedelta(hours=1), "operator", frozenset({Symbol("ETH/USDT")})
        )
        narrow = rig.core.agents.authenticate(token)
        assert narrow is not None
        assert Code.SYMBOL_NOT_ALLOWED in codes(await rig.submit(buy("0.01"), principal=narrow))

    play(tmp_path, scenario)


def test_the_limit_itself_passes_and_one_more_waits_for_the_next_minute(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(3):
            await rig.place(buy(f"0.0{number + 1}"))
        refused = await rig.submit(buy("0.05"))
        assert codes(refused) == {Code.RATE_LIMITED}
        assert isinstance(refused, Refused)
        assert refused.retry_after_s == 60
        rig.clock.advance(59.5)
        assert Code.RATE_LIMITED in codes(await rig.submit(buy("0.05")))
        rig.clock.advance(0.5)
        rig.quote()
        await rig.place(buy("0.05"))

    play(tmp_path, scenario, TIGHT_RATES)


def test_an_agent_that_used_up_its_orders_can_still_amend_and_cancel(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("0.01", "49000")))
        for _ in range(5):
            last = await rig.submit(sell("5"))
        assert codes(last) == {Code.RATE_LIMITED}
        amended = order_id(await rig.place(buy("0.02", "49000", replaces=resting)))
        assert rig.core.desk.throttle(LOCAL, Budget.CANCEL) is None
        cancelled = await rig.core.orders.cancel(amended, None, "agent")
        assert isinstance(cancelled, Placed)

    play(tmp_path, scenario, TIGHT_RATES)


def test_a_flood_is_written_down_once_per_window(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(50):
            await rig.submit(sell("5"))
        rig.clock.advance(60)
        for _ in range(50):
            await rig.submit(sell("5"))
        await rig.fund("1")
        throttled = [event for _, event in rig.entries() if isinstance(event, RequestThrottled)]
        assert len(throttled) == 2
        assert rig.kinds().count("request.denied") == 6

    play(tmp_path, scenario, TIGHT_RATES)


def test_each_agent_has_a_budget_of_its_own(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        other = await rig.agent("other")
        for _ in range(10):
            await rig.submit(sell("5"))
        await rig.place(buy("0.01"), principal=other)

    play(tmp_path, scenario, TIGHT_RATES)


def test_a_tool_may_have_a_tighter_bound(tmp_path: Path) -> None:
    toml = ROOMY + "[rate_limits.tool_per_min]\nget_crypto_price = 2\n"

    async def scenario(rig: Rig) -> None:
        draws = [rig.core.desk.throttle(LOCAL, Budget.READ, "get_crypto_price") for _ in range(3)]
        assert [draw is None for draw in draws] == [True, True, False]
        assert rig.core.desk.throttle(LOCAL, Budget.READ, "get_ticker") is None

    play(tmp_path, scenario, toml)
