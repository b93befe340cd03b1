"""From the core's order to what a venue is asked for: exact texts, and nothing worse than was permitted.

A market order is an immediate-or-cancel limit order at its worst price; a stop becomes a stop-limit at it. Whatever a
venue would refuse by its listed rules is refused here, before anything is sent.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.errors import Unsupported
from readytrader_sdk.instruments import InstrumentStatus
from readytrader_sdk.money import text_from_decimal
from readytrader_sdk.orders import OrderRequest, OrderType, Side, TimeInForce

from builtin_plugins.ccxt_exchange.amounts import NotWhole, safe_price, safe_trigger, venue_quantity
from builtin_plugins.ccxt_exchange.capabilities import Capabilities
from builtin_plugins.ccxt_exchange.symbols import Market


class Refused(Exception):
    """The order breaks a rule of the venue's; nothing was sent. Its text is the reason's code."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """A limit order, or a stop-limit order, in the venue's units."""

    wire_id: str
    side: Side
    quantity: str
    price: str
    stop: str | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: datetime | None = None
    post_only: bool = False


def outgoing(order: OrderRequest, market: Market, wire: str, can: Capabilities) -> Outgoing:
    """What to ask the venue for. Raises `Refused`, or `Unsupported` where the venue has no such order."""
    rules = market.instrument
    _demand_possible(order, market, can)
    if rules.status is not InstrumentStatus.TRADING:
        raise Refused("market_closed")
    price = safe_price(_limit(order), rules.price_increment, order.side)
    if price <= 0:
        raise Refused("price_below_increment")
    try:
        quantity = venue_quantity(order.quantity, market.contract_size, market.quantity_step)
    except NotWhole:
        raise Refused("quantity_no_multiple") from None
    if order.quantity < rules.quantity_min:
        raise Refused("below_minimum_quantity")
    if order.quantity * price < rules.notional_min:
        raise Refused("below_minimum_notional")
    return Outgoing(
        wire_id=wire,
        side=order.side,
        quantity=quantity,
        price=text_from_decimal(price),
        stop=_stop(order, market),
        time_in_force=TimeInForce.IOC if order.order_type is OrderType.MARKET else order.time_in_force,
        expires_at=order.expires_at,
        post_only=order.post_only,
    )


def _limit(order: OrderRequest) -> Decimal:
    """The limit, never worse than the worst price."""
    if order.limit_price is None or order.order_type in (OrderType.MARKET, OrderType.STOP):
        return order.price_worst
    pick = min if order.side is Side.BUY else max
    return pick(order.limit_price, order.price_worst)


def _stop(order: OrderRequest, market: Market) -> str | None:
    if order.order_type not in (OrderType.STOP, OrderType.STOP_LIMIT):
        return None
    if order.stop_price is None:
        raise Unsupported("a stop order needs a stop price")
    trigger = safe_trigger(order.stop_price, market.instrument.price_increment, order.side)
    if trigger <= 0:
        raise Refused("price_below_increment")
    return text_from_decimal(trigger)


def _demand_possible(order: OrderRequest, market: Market, can: Capabilities) -> None:
    if order.market_type is not market.instrument.market_type:
        raise Unsupported(f"expected an order for {market.instrument.market_type}, got one for {order.market_type}")
    is_stop = order.order_type in (OrderType.STOP, OrderType.STOP_LIMIT)
    if is_stop and market.instrument.market_type not in can.stops:
        raise Unsupported("stop orders are not offered on this venue")
    if is_stop and order.post_only:
        raise Unsupported("a stop order cannot be post-only")
    if order.post_only and (not can.post_only or order.order_type is OrderType.MARKET):
        raise Unsupported("post-only is not offered here")
    if order.post_only and order.time_in_force not in (TimeInForce.GTC, TimeInForce.GTD):
        raise Unsupported("an order that is post-only rests: it cannot be immediate")
    wanted = TimeInForce.IOC if order.order_type is OrderType.MARKET else order.time_in_force
    if wanted not in can.times_in_force:
        raise Unsupported(f"time in force {wanted} is not offered on this venue")
    if is_stop and wanted is not TimeInForce.GTC:
        raise Unsupported("a stop order is good till cancelled")
    if (wanted is TimeInForce.GTD) != (order.expires_at is not None) and wanted is TimeInForce.GTD:
        raise Unsupported("an order good till a date needs the date")
