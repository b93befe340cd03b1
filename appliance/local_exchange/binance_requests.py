"""From the parameters of Binance's order calls to requests, with its checks of form."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from decimal import Decimal

from readytrader_sdk.instruments import Instrument
from readytrader_sdk.money import ZERO, InvalidAmount, decimal_from_text, is_multiple
from readytrader_sdk.orders import OrderType, Side, TimeInForce

from appliance.local_exchange.binance_errors import STOP_WOULD_TRIGGER, BinanceError, malformed, missing
from appliance.local_exchange.binance_names import TIMES_IN_FORCE, TYPES
from appliance.local_exchange.display import Display
from appliance.local_exchange.values import Request

Parameters = Mapping[str, str]
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
STOP_TYPES = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
LIMIT_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


def new_id() -> str:
    """A client order ID as Binance makes one where none is given: 22 letters and digits."""
    return secrets.token_hex(11)


def text(parameters: Parameters, name: str) -> str:
    """A mandatory parameter. Raises `BinanceError`."""
    value = parameters.get(name)
    if not value:
        raise missing(name)
    return value


def whole(parameters: Parameters, name: str) -> int | None:
    """A whole number, or None. Raises `BinanceError`."""
    value = parameters.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise malformed(name)
    return int(value)


def client_id(parameters: Parameters, name: str) -> str:
    """The client order ID under that name, or a new one. Raises `BinanceError`."""
    value = parameters.get(name)
    if value is None:
        return new_id()
    if not CLIENT_ID.fullmatch(value):
        raise malformed(name)
    return value


def order_request(parameters: Parameters, display: Display) -> Request:
    """The order that the parameters ask for. Raises `BinanceError`."""
    name = text(parameters, "type")
    order_type = TYPES.get(name)
    if order_type is None:
        raise BinanceError(-1116, "Invalid orderType.")
    side = text(parameters, "side")
    if side not in ("BUY", "SELL"):
        raise BinanceError(-1117, "Invalid side.")
    quantity = decimal(parameters, "quantity")
    quote_quantity = decimal(parameters, "quoteOrderQty")
    if order_type is not OrderType.MARKET:
        quote_quantity = None
    if (quantity is None) is (quote_quantity is None):
        raise missing("quantity")
    request = Request(
        symbol=display.instrument.symbol,
        side=Side(side.lower()),
        order_type=order_type,
        quantity=quantity or ZERO,
        quote_quantity=quote_quantity,
        limit_price=_price(parameters, "price", wanted=order_type in LIMIT_TYPES),
        stop_price=_price(parameters, "stopPrice", wanted=order_type in STOP_TYPES),
        time_in_force=_time_in_force(parameters, name),
        post_only=name == "LIMIT_MAKER",
        client_order_id=client_id(parameters, "newClientOrderId"),
    )
    _check_filters(request, display.instrument)
    _check_stop(request, display)
    return request


def _time_in_force(parameters: Parameters, type_name: str) -> TimeInForce:
    given = parameters.get("timeInForce")
    if type_name not in ("LIMIT", "STOP_LOSS_LIMIT"):
        if given is not None:
            raise BinanceError(-1106, "Parameter 'timeInForce' sent when not required.")
        return TimeInForce.GTC
    if given is None:
        raise missing("timeInForce")
    if given not in TIMES_IN_FORCE:
        raise BinanceError(-1115, "Invalid timeInForce.")
    return TIMES_IN_FORCE[given]


def decimal(parameters: Parameters, name: str) -> Decimal | None:
    """A plain decimal number, or None. Raises `BinanceError`."""
    value = parameters.get(name)
    if value is None:
        return None
    try:
        return decimal_from_text(value)
    except InvalidAmount:
        raise malformed(name) from None


def _price(parameters: Parameters, name: str, *, wanted: bool) -> Decimal | None:
    value = decimal(parameters, name)
    if wanted and value is None:
        raise missing(name)
    if not wanted and value is not None:
        raise BinanceError(-1106, f"Parameter '{name}' sent when not required.")
    return value


def _check_filters(request: Request, instrument: Instrument) -> None:
    """The filters, which come before what the matching engine checks."""
    for price in (request.limit_price, request.stop_price):
        if price is not None and (price <= ZERO or not is_multiple(price, instrument.price_increment)):
            raise BinanceError(-1013, "Filter failure: PRICE_FILTER")
    if request.quote_quantity is None:
        quantity = request.quantity
        if quantity < instrument.quantity_min or not is_multiple(quantity, instrument.quantity_increment):
            raise BinanceError(-1013, "Filter failure: LOT_SIZE")


def _check_stop(request: Request, display: Display) -> None:
    """A stop order whose price is reached already is refused."""
    levels = display.offered_to(request.side)
    if request.stop_price is None or not levels:
        return
    best = levels[0].price
    if best >= request.stop_price if request.side is Side.BUY else best <= request.stop_price:
        raise STOP_WOULD_TRIGGER
