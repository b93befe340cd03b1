"""Orders, trades and balances in the words of Kraken's REST answers.

Numbers are texts: prices with the pair's decimals, volumes with eight, times in seconds with a fraction. Costs and fees
have at least five decimals and as many as it takes to be exact. Source: docs.kraken.com, Get Open Orders and following.
"""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import OrderState, OrderType, TimeInForce

from appliance.local_exchange.kraken_names import Pair, order_txid, trade_txid
from appliance.local_exchange.kraken_requests import ORDER_TYPES
from appliance.local_exchange.values import Request, VenueFill, VenueOrder
from appliance.paper.reasons import Reason

TYPE_NAMES = {order_type: name for name, order_type in ORDER_TYPES.items()}
COST_DECIMALS = 5

_STATUSES = {
    OrderState.OPEN: "open",
    OrderState.PARTLY_FILLED: "open",
    OrderState.FILLED: "closed",
    OrderState.EXPIRED: "expired",
}
_CANCEL_TEXTS = {
    Reason.REQUESTED: "User requested",
    Reason.REPLACED: "Order replaced",
    Reason.POST_ONLY_WOULD_TAKE: "Post only order",
    Reason.INSUFFICIENT_BALANCE: "Insufficient funds",
    Reason.NO_LIQUIDITY: "Insufficient volume",
    Reason.PRICE_WORST: "Market price protection",
    Reason.IMMEDIATE_OR_CANCEL: "Immediate or cancel",
    Reason.FILL_OR_KILL: "Fill or kill",
}


def fixed(number: Decimal, decimals: int) -> str:
    """With at least so many decimals, and every digit that it has."""
    exponent = number.as_tuple().exponent
    has = -exponent if isinstance(exponent, int) else 0
    if has > decimals:
        number = number.normalize()
        has = max(decimals, -int(number.as_tuple().exponent))
    return f"{number:.{max(has, decimals)}f}"


def seconds(ms: int) -> float:
    """Kraken's REST times: seconds, here with milliseconds."""
    return ms / 1000


def is_expired(order: VenueOrder) -> bool:
    """Kraken says expired when a date has come, and cancelled of everything else that ends unfilled."""
    return order.reason is Reason.GOOD_TILL_DATE


def status_of(order: VenueOrder) -> str:
    """open, closed (filled), canceled or expired."""
    if order.state is OrderState.EXPIRED and not is_expired(order):
        return "canceled"
    return _STATUSES.get(order.state, "canceled")


def end_text(order: VenueOrder) -> str:
    """Why it ended, in words."""
    return _CANCEL_TEXTS.get(order.reason, "Order canceled") if order.reason is not None else "User requested"


def average_price(order: VenueOrder, decimals: int) -> Decimal:
    """Rounded to the pair's decimals, as Kraken does; 0 before the first fill."""
    if not order.filled:
        return ZERO
    return (order.quote_filled / order.filled).quantize(Decimal(1).scaleb(-decimals))


def fee_of(order: VenueOrder) -> Decimal:
    """What all its fills paid."""
    return sum((fill.fee for fill in order.fills), ZERO)


def description(request: Request, pair: Pair) -> str:
    """`buy 1.25000000 XBTUSD @ limit 27500.0`, the sentence in `descr.order`."""
    is_by_cost = request.quote_quantity is not None
    volume = fixed(request.quote_quantity or request.quantity, COST_DECIMALS if is_by_cost else 8)
    return f"{request.side.value} {volume} {pair.altname} @ {_terms(request, pair)}"


def order_entry(order: VenueOrder, pair: Pair, *, with_trades: bool) -> dict[str, object]:
    """One order, as the value behind its ID in OpenOrders, ClosedOrders and QueryOrders."""
    request = order.request
    entry: dict[str, object] = {
        "refid": None,
        "userref": request.reference if request.reference is not None else 0,
        "status": status_of(order),
        "opentm": seconds(order.created_ms),
        "starttm": 0,
        "expiretm": int(request.expires_at.timestamp()) if request.expires_at is not None else 0,
        "descr": _descr(request, pair),
        "vol": fixed(request.quantity, 8),
        "vol_exec": fixed(order.filled, 8),
        "cost": fixed(order.quote_filled, COST_DECIMALS),
        "fee": fixed(fee_of(order), COST_DECIMALS),
        "price": fixed(average_price(order, pair.price_decimals), pair.price_decimals),
        "stopprice": fixed(request.stop_price or ZERO, pair.price_decimals),
        "limitprice": fixed(ZERO, pair.price_decimals),
        "misc": "",
        "oflags": "fciq,post" if request.post_only else "fciq",
    }
    if request.client_order_id is not None:
        entry["cl_ord_id"] = request.client_order_id
    if with_trades and order.fills:
        entry["trades"] = [trade_txid(fill.trade_id) for fill in order.fills]
    if not order.is_open:
        entry["closetm"] = seconds(order.updated_ms)
        entry["reason"] = None if order.state is OrderState.FILLED else end_text(order)
    return entry


def trade_entry(fill: VenueFill, order: VenueOrder, pair: Pair) -> dict[str, object]:
    """One trade of the account, as the value behind its ID in TradesHistory and QueryTrades."""
    return {
        "ordertxid": order_txid(fill.order_id),
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": pair.id,
        "aclass": "forex",
        "time": seconds(fill.at_ms),
        "type": fill.side.value,
        "ordertype": TYPE_NAMES[order.request.order_type],
        "price": fixed(fill.price, pair.price_decimals),
        "cost": fixed(fill.notional, COST_DECIMALS),
        "fee": fixed(fill.fee, COST_DECIMALS),
        "vol": fixed(fill.quantity, 8),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": fill.trade_id,
        "maker": fill.is_maker,
    }


def _descr(request: Request, pair: Pair) -> dict[str, object]:
    first, second = request.limit_price, None
    if request.stop_price is not None:
        first, second = request.stop_price, request.limit_price
    return {
        "pair": pair.altname,
        "aclass": "forex",
        "type": request.side.value,
        "ordertype": TYPE_NAMES[request.order_type],
        "price": "0" if first is None else fixed(first, pair.price_decimals),
        "price2": "0" if second is None else fixed(second, pair.price_decimals),
        "leverage": "none",
        "order": description(request, pair),
        "close": "",
    }


def _terms(request: Request, pair: Pair) -> str:
    if request.order_type is OrderType.MARKET:
        return "market"
    limit = "" if request.limit_price is None else fixed(request.limit_price, pair.price_decimals)
    if request.order_type is OrderType.LIMIT:
        return f"limit {limit}"
    stop = f"stop loss {fixed(request.stop_price or ZERO, pair.price_decimals)}"
    return f"{stop} -> limit {limit}" if limit else stop


def time_in_force_of(request: Request) -> str:
    """GTC, IOC, FOK or GTD."""
    return (request.time_in_force or TimeInForce.GTC).value.upper()
