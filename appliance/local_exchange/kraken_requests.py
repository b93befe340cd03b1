"""Orders as Kraken's two APIs write them, read into the exchange's own request. Form only; the venue judges the rest.

REST sends form fields (`ordertype`, `volume`, `price` and `price2`), the websocket a JSON object (`order_type`,
`order_qty`, `limit_price`, `triggers`). Served are limit, market, stop-loss and stop-loss-limit orders; margin,
trailing stops, take-profit, icebergs, relative prices and conditional closes are refused.
Sources: docs.kraken.com, Add Order (REST), add_order (websocket v2), Amend Order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID

from readytrader_sdk.orders import OrderType, Side, TimeInForce

from appliance.local_exchange.kraken_errors import KrakenError, KrakenRefusal
from appliance.local_exchange.kraken_names import KrakenNames, Pair
from appliance.local_exchange.values import Request

Fields = Mapping[str, object]
"""The fields of a form, or the params of a websocket request."""

ORDER_TYPES = {
    "limit": OrderType.LIMIT,
    "market": OrderType.MARKET,
    "stop-loss": OrderType.STOP,
    "stop-loss-limit": OrderType.STOP_LIMIT,
}
_TIMES_IN_FORCE = {member.value: member for member in TimeInForce}
_NOT_SERVED = frozenset({"leverage", "displayvol", "display_qty", "conditional", "margin"})
_FREE_CLIENT_ORDER_ID = re.compile(r"[ -~]{1,18}", re.ASCII)


def text_of(fields: Fields, name: str) -> str | None:
    """The field as text; None when it is absent or empty."""
    value = fields.get(name)
    return None if value is None or value == "" else str(value)


def is_set(fields: Fields, name: str) -> bool:
    """Whether a switch is on: JSON's true, or a form's `true`, `True` or `1`."""
    return (text_of(fields, name) or "").lower() in ("true", "1")


def number_of(fields: Fields, name: str, error: str | None = None) -> Decimal | None:
    """The field as an exact number; None when it is absent. Raises `KrakenRefusal`."""
    text = text_of(fields, name)
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise KrakenRefusal(error or f"{KrakenError.INVALID_ARGUMENTS}:{name}")
    return number


def integer_of(fields: Fields, name: str) -> int | None:
    """The field as a whole number; None when it is absent. Raises `KrakenRefusal`."""
    text = text_of(fields, name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise KrakenRefusal(f"{KrakenError.INVALID_ARGUMENTS}:{name}") from None


def client_order_id_of(fields: Fields) -> str | None:
    """`cl_ord_id`: a UUID with or without hyphens, or free text of at most 18 characters. Raises `KrakenRefusal`."""
    text = text_of(fields, "cl_ord_id")
    if text is None or _FREE_CLIENT_ORDER_ID.fullmatch(text) or _is_uuid(text):
        return text
    raise KrakenRefusal(f"{KrakenError.INVALID_ARGUMENTS}:cl_ord_id")


def rest_order(fields: Fields, names: KrakenNames, now: datetime) -> Request:
    """The order of an AddOrder form. Raises `KrakenRefusal`."""
    pair = pair_of(fields, "pair", names)
    order_type = _order_type(fields, "ordertype")
    flags = (text_of(fields, "oflags") or "").split(",")
    volume = number_of(fields, "volume", KrakenError.INVALID_VOLUME_ARGUMENT)
    is_by_cost = "viqc" in flags
    first = number_of(fields, "price", KrakenError.INVALID_PRICE_ARGUMENT)
    second = number_of(fields, "price2", KrakenError.INVALID_PRICE_ARGUMENT)
    has_stop = order_type in (OrderType.STOP, OrderType.STOP_LIMIT)
    return _request(
        fields,
        pair,
        order_type,
        side=text_of(fields, "type"),
        quantity=None if is_by_cost else volume,
        quote_quantity=volume if is_by_cost else None,
        limit_price=_limit_price(order_type, second if has_stop else first),
        stop_price=first if has_stop else None,
        post_only="post" in flags,
        time_in_force=text_of(fields, "timeinforce"),
        expires=_rest_expiry(fields, now),
        reference=integer_of(fields, "userref"),
    )


def stream_order(fields: Fields, names: KrakenNames) -> Request:
    """The order of a websocket's add_order. Raises `KrakenRefusal`."""
    pair = pair_of(fields, "symbol", names)
    order_type = _order_type(fields, "order_type")
    triggers = fields.get("triggers")
    trigger = triggers if isinstance(triggers, Mapping) else {}
    return _request(
        fields,
        pair,
        order_type,
        side=text_of(fields, "side"),
        quantity=number_of(fields, "order_qty"),
        quote_quantity=number_of(fields, "cash_order_qty"),
        limit_price=_limit_price(order_type, number_of(fields, "limit_price")),
        stop_price=number_of(trigger, "price"),
        post_only=is_set(fields, "post_only"),
        time_in_force=text_of(fields, "time_in_force"),
        expires=instant_of(fields, "expire_time"),
        reference=integer_of(fields, "order_userref"),
    )


def pair_of(fields: Fields, name: str, names: KrakenNames) -> Pair:
    """The pair that the field names. Raises `KrakenRefusal`."""
    pair = names.find(text_of(fields, name) or "")
    if pair is None:
        raise KrakenRefusal(KrakenError.UNKNOWN_PAIR)
    return pair


def refuse_if_late(fields: Fields, now: datetime) -> None:
    """`deadline`: the matching engine takes an order up to this moment. Raises `KrakenRefusal`."""
    deadline = instant_of(fields, "deadline")
    if deadline is not None and deadline <= now:
        raise KrakenRefusal(KrakenError.DEADLINE_ELAPSED)


def instant_of(fields: Fields, name: str) -> datetime | None:
    """The field as an RFC 3339 instant; None when it is absent. Raises `KrakenRefusal`."""
    text = text_of(fields, name)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise KrakenRefusal(f"{KrakenError.INVALID_ARGUMENTS}:{name}") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _request(
    fields: Fields,
    pair: Pair,
    order_type: OrderType,
    *,
    side: str | None,
    quantity: Decimal | None,
    quote_quantity: Decimal | None,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
    post_only: bool,
    time_in_force: str | None,
    expires: datetime | None,
    reference: int | None,
) -> Request:
    _refuse_what_is_not_served(fields)
    client_order_id = client_order_id_of(fields)
    if side not in ("buy", "sell") or (client_order_id is not None and reference is not None):
        raise KrakenRefusal(KrakenError.INVALID_ARGUMENTS)
    if quantity is None and quote_quantity is None:
        raise KrakenRefusal(KrakenError.INVALID_VOLUME_ARGUMENT)
    tif = _TIMES_IN_FORCE.get((time_in_force or "gtc").lower())
    if tif is None or (tif is TimeInForce.GTD) != (expires is not None):
        raise KrakenRefusal(f"{KrakenError.INVALID_ARGUMENTS}:timeinforce")
    return Request(
        symbol=pair.symbol,
        side=Side(side),
        order_type=order_type,
        quantity=Decimal(0) if quantity is None else quantity,
        quote_quantity=quote_quantity,
        limit_price=limit_price,
        stop_price=stop_price,
        time_in_force=tif,
        expires_at=expires,
        post_only=post_only,
        client_order_id=client_order_id,
        reference=reference,
    )


def _order_type(fields: Fields, name: str) -> OrderType:
    order_type = ORDER_TYPES.get(text_of(fields, name) or "")
    if order_type is None:
        raise KrakenRefusal(f"{KrakenError.INVALID_ARGUMENTS}:{name}")
    return order_type


def _limit_price(order_type: OrderType, price: Decimal | None) -> Decimal | None:
    """A price that comes with an order type that has none is passed over, as clients send one at times."""
    return price if order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None


def _rest_expiry(fields: Fields, now: datetime) -> datetime | None:
    """`expiretm`: seconds since 1970, or `+n` seconds from now; 0 is never."""
    text = text_of(fields, "expiretm")
    if text is None or text == "0":
        return None
    try:
        return now + timedelta(seconds=int(text)) if text.startswith("+") else datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise KrakenRefusal(f"{KrakenError.INVALID_ARGUMENTS}:expiretm") from None


def _refuse_what_is_not_served(fields: Fields) -> None:
    for name in fields:
        if name in _NOT_SERVED and text_of(fields, name) not in (None, "none", "False", "false"):
            raise KrakenRefusal(f"{KrakenError.INVALID_ARGUMENTS}:{name}")
        if name.startswith("close["):
            raise KrakenRefusal(f"{KrakenError.INVALID_ARGUMENTS}:close")


def _is_uuid(text: str) -> bool:
    if len(text) not in (32, 36):
        return False
    try:
        UUID(text)
    except ValueError:
        return False
    return True
