"""Short ways to say what happened to an order and to an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, Fill, Liquidity, OrderState

from appliance.domain.decision import Permitted
from appliance.domain.events import Event, FundsMoved, OrderPermitted, OrderReported, ReportSource
from appliance.domain.intents import AgentId, Intent, Request, RequestId
from appliance.domain.orders import PAPER_ACCOUNT, Order, apply_report
from appliance.domain.sameness import shape_of
from appliance.domain.snapshot import Snapshot
from appliance.domain.state import State
from tests.pipeline.cases import NOW, USDT, btc_usdt, buy, permitted, situation
from tests.pipeline.cases import request as request_for

D = Decimal
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
START = datetime(2026, 1, 5, tzinfo=UTC)


def fill(fill_id: str, quantity: str, price: str = "100", fee: str = "0", fee_asset: Asset = USDT) -> Fill:
    return Fill(
        fill_id=fill_id,
        price=D(price),
        quantity=D(quantity),
        fee=D(fee),
        fee_asset=fee_asset,
        liquidity=Liquidity.TAKER,
        filled_at=NOW,
    )


def report(state: OrderState, *fills: Fill, order_id: str = "rt1", **changes: Any) -> ExecutionReport:
    word = ExecutionReport(client_order_id=ClientOrderId(order_id), state=state, reported_at=NOW, fills=fills)
    return replace(word, **changes)


def decided(
    intent: Intent, order_id: str, *, agent: str = "alpha", key: str | None = None
) -> tuple[Request, Snapshot, Permitted]:
    """A request that the pipeline permitted, with the facts that it was permitted on."""
    asked = request_for(intent, request_id=RequestId(order_id), agent_id=AgentId(agent), idempotency_key=key)
    case = situation(replaces=asked)
    return asked, case.snapshot, permitted(case.decide())


def order_of(intent: Intent | None = None, order_id: str = "rt1", *, agent: str = "alpha", **changes: Any) -> Order:
    """An order as it is when it was just permitted."""
    asked, facts, decision = decided(intent or buy(), order_id, agent=agent)
    order = Order(
        client_order_id=ClientOrderId(order_id),
        agent_id=asked.agent_id,
        mode=facts.mode,
        payload=decision.payload,
        terms=decision.terms,
        state=OrderState.PERMITTED,
        created_at=NOW,
        updated_at=NOW,
        shape=shape_of(asked.intent),
    )
    return replace(order, **changes)


def after(order: Order, *words: ExecutionReport) -> Order:
    """The order after these reports, none of which told a fill that it knows."""
    for word in words:
        order, _ = apply_report(order, word, ())
    return order


def order_permitted(
    intent: Intent | None = None, order_id: str = "rt1", *, agent: str = "alpha", key: str | None = None
) -> OrderPermitted:
    asked, facts, decision = decided(intent or buy(), order_id, agent=agent, key=key)
    return OrderPermitted(request=asked, snapshot=facts, permitted=decision)


def reported(state: OrderState, *fills: Fill, order_id: str = "rt1") -> OrderReported:
    return OrderReported(report=report(state, *fills, order_id=order_id), source=ReportSource.VENUE)


def funds(amount: str, value: str, nav: str = "1", asset: Asset = USDT) -> FundsMoved:
    return FundsMoved(
        account=PAPER_ACCOUNT, asset=asset, amount=D(amount), value=D(value), nav=D(nav), by="operator", reason="test"
    )


def fresh_state(window: timedelta = DAY) -> State:
    instrument = btc_usdt()
    return State({instrument.symbol: instrument}, window)


def told(events: list[tuple[datetime, Event]], state: State | None = None) -> State:
    """The state after these events."""
    state = state or fresh_state()
    for at, event in events:
        state.apply(at, event)
    return state
