"""An order as we know it, and the moves its state may make."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct
from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import (
    TERMINAL_STATES,
    ClientOrderId,
    ExecutionReport,
    Fill,
    OrderState,
    Side,
    VenueOrderId,
)
from readytrader_sdk.ports import TransferRequest

from appliance.domain.decision import Amount, Payload, Terms
from appliance.domain.intents import AgentId
from appliance.domain.snapshot import Mode

_S = OrderState
_ENDS = TERMINAL_STATES
_NEVER_FILLED = frozenset({_S.PERMITTED, _S.UNKNOWN, _S.REJECTED, _S.ABSENT})
_RISEN = frozenset({_S.OPEN, _S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.EXPIRED})
NEVER_WORKED = frozenset({_S.REJECTED, _S.ABSENT})
"""Ends of orders that are said never to have worked. A later report may take them back; nobody should have had to."""
TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    _S.PERMITTED: frozenset({_S.UNKNOWN, _S.OPEN, _S.PARTLY_FILLED}) | _ENDS,
    _S.UNKNOWN: frozenset({_S.OPEN, _S.PARTLY_FILLED}) | _ENDS,
    _S.OPEN: frozenset({_S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.REJECTED}),
    _S.PARTLY_FILLED: frozenset({_S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.EXPIRED}),
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset({_S.FILLED}),
    _S.EXPIRED: frozenset({_S.FILLED}),
    _S.REJECTED: _RISEN,
    _S.ABSENT: _RISEN,
}
"""From each state, where a report may take an order. A report that would go elsewhere is not applied, and said.

An end is not always the last word: a fill may have raced a cancellation and be told after it, and an order that no list
showed, or that was said to be refused, may turn up after all. Both are booked, for they happened."""


NAME_LENGTH_MAX = 200
"""Characters of a venue's name for an order, a fill or a fee's asset: what it names is kept for ever."""
FEE_ASSETS_MAX = 32
"""Assets that the fees of one order may be in. Venues take one or two; each is kept in the order's record."""
PAPER_ACCOUNT = "paper"
LIVE_PORTFOLIO = "live"
"""The one portfolio of all live accounts together."""


def portfolio_of(account: str) -> str:
    """The portfolio that an account belongs to: paper money is one of its own, all real money is another."""
    return PAPER_ACCOUNT if account == PAPER_ACCOUNT else LIVE_PORTFOLIO


class ImpossibleReport(ValueError):
    """A venue's report that contradicts what is already known of the order."""


class Order(Struct, frozen=True, kw_only=True):
    """One order (or transfer) from its permit to its end."""

    client_order_id: ClientOrderId
    agent_id: AgentId
    mode: Mode
    payload: Payload
    terms: Terms
    state: OrderState
    created_at: datetime
    updated_at: datetime
    shape: str
    """Digest of what makes two orders the same: instrument, side, quantity, prices."""
    venue_order_id: VenueOrderId | None = None
    filled_quantity: Decimal = ZERO
    filled_notional: Decimal = ZERO
    """Sum of price × quantity over the fills, in quote units."""
    fees: dict[Asset, Decimal] = msgspec.field(default_factory=dict)
    fill_ids: tuple[str, ...] = ()
    """In records from before fills were records of their own: those booked until then. Never more are added."""
    reason: str | None = None
    approved_by: str | None = None
    replaces: ClientOrderId | None = None

    @property
    def quantity(self) -> Decimal:
        """What was asked, in base units (for a transfer: units of its asset)."""
        return self.payload.amount if isinstance(self.payload, TransferRequest) else self.payload.quantity

    @property
    def is_live(self) -> bool:
        """Whether anything may still happen to it."""
        return self.state not in TERMINAL_STATES

    @property
    def remaining_quantity(self) -> Decimal:
        return self.quantity - self.filled_quantity

    @property
    def reserved(self) -> Amount:
        """The most that the rest of it can still take: the permit's worst case, in proportion to what is left."""
        pay = self.terms.pay
        if not self.is_live:
            return Amount(value=ZERO, asset=pay.asset)
        if not self.filled_quantity:
            return pay
        return Amount(value=pay.value * self.remaining_quantity / self.quantity, asset=pay.asset)


def apply_report(order: Order, report: ExecutionReport, known: Container[str]) -> tuple[Order, tuple[Fill, ...]]:
    """The order after a report, and the fills that are new. `known` are the IDs of those booked, which are dropped.

    A report that only says what the order was before (a late acknowledgement) changes nothing. Raises
    `ImpossibleReport` for a move that `TRANSITIONS` does not have, for more filled than asked, for fills of an order
    that never was one, for a fill whose figures are not those of an execution, and for names that no record can hold.
    """
    if not _is_short(report.venue_order_id or ""):
        raise ImpossibleReport(f"order {order.client_order_id}: the venue's name for it is too long")
    new_fills = _new_fills(order, report, known)
    if not new_fills and (report.state is order.state or _is_late(order, report)):
        return order, ()
    if report.state != order.state and report.state not in TRANSITIONS[order.state]:
        raise ImpossibleReport(f"order {order.client_order_id}: {order.state} cannot become {report.state}")
    filled = order.filled_quantity + sum((fill.quantity for fill in new_fills), ZERO)
    if isinstance(order.payload, TransferRequest) and report.state is OrderState.FILLED:
        filled = order.quantity  # a transfer is done whole or not at all, and has no fills
    if new_fills and report.state in _NEVER_FILLED:
        raise ImpossibleReport(f"order {order.client_order_id}: {report.state} with {len(new_fills)} fills")
    if filled > order.quantity:
        raise ImpossibleReport(f"order {order.client_order_id}: {filled} filled of {order.quantity}")
    if report.state is OrderState.FILLED and filled != order.quantity:
        raise ImpossibleReport(f"order {order.client_order_id}: said to be filled with {filled} of {order.quantity}")
    fees = dict(order.fees)
    for fill in new_fills:
        fees[fill.fee_asset] = fees.get(fill.fee_asset, ZERO) + fill.fee
    if len(fees) > max(FEE_ASSETS_MAX, len(order.fees)):
        raise ImpossibleReport(f"order {order.client_order_id}: fees in {len(fees)} assets")
    changed = msgspec.structs.replace(
        order,
        state=report.state,
        updated_at=report.reported_at,
        venue_order_id=report.venue_order_id or order.venue_order_id,
        filled_quantity=filled,
        filled_notional=order.filled_notional + sum((fill.price * fill.quantity for fill in new_fills), ZERO),
        fees=fees,
        reason=report.reason or order.reason,
    )
    return changed, new_fills


def _is_late(order: Order, report: ExecutionReport) -> bool:
    """Whether the report says what the order was before. That it never worked was never true of one that did."""
    moves_on = report.state in TRANSITIONS[order.state]
    return not moves_on and report.state not in NEVER_WORKED and order.state in TRANSITIONS[report.state]


def _new_fills(order: Order, report: ExecutionReport, known: Container[str]) -> tuple[Fill, ...]:
    new: dict[str, Fill] = {}
    for fill in report.fills:
        if fill.fill_id in known or fill.fill_id in new:
            continue
        if isinstance(order.payload, TransferRequest) or not _is_execution(fill):
            raise ImpossibleReport(f"order {order.client_order_id}: fill {fill.fill_id[:64]} cannot be: {_seen(fill)}")
        new[fill.fill_id] = fill
    return tuple(new.values())


def _is_execution(fill: Fill) -> bool:
    finite = fill.quantity.is_finite() and fill.price.is_finite() and fill.fee.is_finite()
    return finite and fill.quantity > 0 and fill.price > 0 and _is_short(fill.fill_id) and _is_short(fill.fee_asset)


def has_short_names(report: ExecutionReport) -> bool:
    """Whether nothing in a report is called by a name that no record can hold."""
    names = (name for fill in report.fills for name in (fill.fill_id, fill.fee_asset))
    return _is_short(report.venue_order_id or "") and all(map(_is_short, names))


def _is_short(name: str) -> bool:
    return len(name) <= NAME_LENGTH_MAX


def _seen(fill: Fill) -> str:
    return f"{fill.quantity} at {fill.price}, fee {fill.fee} {fill.fee_asset[:64]}"


def account_of(order: Order) -> str:
    """The account that an order trades: the one paper wallet, or what its venue or chain holds for us."""
    return PAPER_ACCOUNT if order.mode is Mode.PAPER else place_of(order.payload)


def place_of(payload: Payload) -> str:
    """The venue, or for a transfer the chain, that a payload is for."""
    return payload.chain if isinstance(payload, TransferRequest) else payload.venue


def balance_changes(order: Order, fill: Fill) -> dict[Asset, Decimal]:
    """What one fill adds to and takes from the account, per asset, fee included.

    Which assets those are is what the permit said, so that the journal tells the balances by itself.
    """
    receives = order.terms.receive
    if isinstance(order.payload, TransferRequest) or receives is None:
        raise TypeError("a transfer has no fills")
    notional = fill.price * fill.quantity
    bought, paid = (fill.quantity, notional) if order.payload.side is Side.BUY else (notional, fill.quantity)
    changes = {receives.asset: bought, order.terms.pay.asset: -paid}
    changes[fill.fee_asset] = changes.get(fill.fee_asset, ZERO) - fill.fee
    return changes
