"""What is read back in order of time: every trade, and the account's worth from time to time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.orders import ClientOrderId, Fill, OrderRequest

from appliance.domain.intents import AgentId
from appliance.domain.orders import Order, account_of


class Trade(Struct, frozen=True, kw_only=True):
    """One fill with the order that it belongs to. Quantity in base units, price in quote per base."""

    client_order_id: ClientOrderId
    agent_id: AgentId
    account: str
    venue: str
    symbol: str
    side: str
    fill: Fill


class EquityPoint(Struct, frozen=True, kw_only=True):
    """What a portfolio was worth at one moment, when everything held had a price. In the accounting asset."""

    portfolio: str
    at: datetime
    equity: Decimal
    nav: Decimal
    """Net asset value per unit, which money put in or taken out does not change."""
    nav_peak: Decimal
    """The highest value per unit until then: what the drawdown limit measures from."""


class EquityMarked(Struct, frozen=True, kw_only=True):
    """What everything was worth, from time to time, when all of it could be priced."""

    point: EquityPoint


def trade_id(client_order_id: ClientOrderId, fill_id: str) -> str:
    """What a fill's record is called; without a fill's ID, how all records of an order's fills begin."""
    return f"{client_order_id}/{fill_id}"


def trade_of(order: Order, fill: Fill) -> Trade:
    """A fill of an order, as it is kept. Raises TypeError for a transfer, which has no fills."""
    if not isinstance(order.payload, OrderRequest):
        raise TypeError("a transfer has no fills")
    return Trade(
        client_order_id=order.client_order_id,
        agent_id=order.agent_id,
        account=account_of(order),
        venue=order.payload.venue,
        symbol=order.payload.symbol,
        side=order.payload.side,
        fill=fill,
    )
