"""ccxt's orders and trades as the core's reports: exact fills, fees as paid, and no state that is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct
from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import (
    TERMINAL_STATES,
    ClientOrderId,
    ExecutionReport,
    Fill,
    Liquidity,
    OrderState,
    VenueOrderId,
)

from builtin_plugins.ccxt_exchange.amounts import Unreadable, base_quantity, decimal_of, optional_decimal
from builtin_plugins.ccxt_exchange.names import IdForm, our_id
from builtin_plugins.ccxt_exchange.symbols import Market

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN = frozenset(
    {"open", "canceling", "PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED", "PENDING_CANCEL", "pending", "live"}
)
_ENDED = {
    "canceled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
    "FAILED": OrderState.REJECTED,
    "order_failed": OrderState.REJECTED,
}


class Seen(Struct, frozen=True, kw_only=True):
    """An order as the venue has it, without its fills."""

    venue_order_id: VenueOrderId
    wire_id: str | None
    state: OrderState
    filled: Decimal
    """In base units."""
    raw: Mapping[str, Any]
    """ccxt's own."""

    @property
    def has_ended(self) -> bool:
        return self.state in TERMINAL_STATES


def seen_of(order: Mapping[str, Any], contract_size: Decimal) -> Seen:
    """An order of ccxt's. Raises `Unreadable`: a state that is not known is no state."""
    identity = order.get("id")
    if not isinstance(identity, str) or not identity:
        raise Unreadable("an order has no ID")
    size = contract_size
    filled = base_quantity(optional_decimal(order.get("filled"), "filled") or ZERO, size)
    amount = optional_decimal(order.get("amount"), "amount")
    wire = order.get("clientOrderId")
    return Seen(
        venue_order_id=VenueOrderId(identity[:100]),
        wire_id=wire if isinstance(wire, str) and wire else None,
        state=_state(order.get("status"), filled, None if amount is None else base_quantity(amount, size)),
        filled=filled,
        raw=order,
    )


def _state(status: object, filled: Decimal, amount: Decimal | None) -> OrderState:
    """ccxt says `closed` of what is filled, and of some orders that were filled in part and ended."""
    if status in _OPEN:
        return OrderState.PARTLY_FILLED if filled > 0 else OrderState.OPEN
    if status == "closed":
        return OrderState.FILLED if filled > 0 and (amount is None or filled >= amount) else OrderState.CANCELLED
    state = _ENDED.get(status) if isinstance(status, str) else None
    if state is None:
        raise Unreadable("an order's state")
    if state is OrderState.REJECTED and filled > 0:
        return OrderState.CANCELLED
    return state


def fills_of(trades: Iterable[Mapping[str, Any]], market: Market, order_id: str) -> tuple[Fill, ...]:
    """The fills of one order, each once, by time and ID. Raises `Unreadable`."""
    fills = {}
    for trade in trades:
        if trade.get("order") in (order_id, None):
            fill = fill_of(trade, market)
            fills[fill.fill_id] = fill
    return tuple(sorted(fills.values(), key=lambda fill: (fill.filled_at, fill.fill_id)))


def fill_of(trade: Mapping[str, Any], market: Market) -> Fill:
    """One trade of ccxt's. Raises `Unreadable`: a fee that is not known is not nothing."""
    identity = trade.get("id")
    if not isinstance(identity, str) or not identity:
        raise Unreadable("a fill has no ID")
    fee = trade.get("fee") or {}
    currency = fee.get("currency")
    if not isinstance(currency, str) or not currency:
        raise Unreadable("a fill's fee has no asset")
    return Fill(
        fill_id=identity[:100],
        price=decimal_of(trade.get("price"), "a fill's price"),
        quantity=base_quantity(decimal_of(trade.get("amount"), "a fill's quantity"), market.contract_size),
        fee=decimal_of(fee.get("cost"), "a fill's fee"),
        fee_asset=Asset(currency[:40]),
        liquidity=Liquidity.MAKER if trade.get("takerOrMaker") == "maker" else Liquidity.TAKER,
        filled_at=time_of(trade.get("timestamp"), "a fill's time"),
    )


def time_of(milliseconds: object, what: str) -> datetime:
    """A time of ccxt's: whole milliseconds since 1970. Raises `Unreadable`."""
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or not 0 < milliseconds < 1 << 43:
        raise Unreadable(what)
    return _EPOCH + timedelta(milliseconds=milliseconds)


def report_of(
    seen: Seen, form: IdForm, *, fills: tuple[Fill, ...] = (), asked: ClientOrderId | None = None
) -> ExecutionReport:
    """The report on an order; under the ID that was asked for, or else the one that it carries."""
    return ExecutionReport(
        client_order_id=asked or our_id(seen.wire_id, seen.venue_order_id, form),
        state=seen.state,
        reported_at=datetime.now(UTC),
        venue_order_id=seen.venue_order_id,
        fills=fills,
    )


def told(asked: ClientOrderId, state: OrderState, reason: str | None = None) -> ExecutionReport:
    """A report on an order of which the venue has nothing more to say."""
    return ExecutionReport(client_order_id=asked, state=state, reported_at=datetime.now(UTC), reason=reason)
