"""An order while the engine works on it, and the queues in which orders wait: by price, then by time."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from decimal import Decimal

from readytrader_sdk.instruments import Asset, Instrument
from readytrader_sdk.money import EXACT, ZERO
from readytrader_sdk.orders import (
    TERMINAL_STATES,
    Fill,
    OrderRequest,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)

from appliance.paper.fees import FeeMeter
from appliance.paper.reasons import Reason

STOP_TYPES = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
LIMIT_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def price_bound(request: OrderRequest) -> Decimal:
    """The worst price at which any part may fill: the limit price or `price_worst`, whichever is stricter."""
    if request.limit_price is None:
        return request.price_worst
    stricter = min if request.side is Side.BUY else max
    return stricter(request.limit_price, request.price_worst)


@dataclass(slots=True, kw_only=True, eq=False)
class WorkingOrder:
    """One accepted order: what was asked, what became of it, and what it holds locked."""

    request: OrderRequest
    instrument: Instrument
    sequence: int
    bound: Decimal
    replaces: WorkingOrder | None = None
    """The order that this one takes the place of when it takes effect."""
    state: OrderState = OrderState.PERMITTED
    """PERMITTED until the first report."""
    filled: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    reported_fills: int = 0
    """How many of `fills` a report has carried."""
    reason: Reason | None = None
    locked: Decimal = ZERO
    """Of `lock_asset`."""
    fees: FeeMeter = field(default_factory=FeeMeter)
    queue: OrderQueue | None = None
    """Where it waits, if it does."""

    @property
    def remaining(self) -> Decimal:
        return EXACT.subtract(self.request.quantity, self.filled)

    @property
    def is_open(self) -> bool:
        return self.state not in TERMINAL_STATES

    @property
    def may_rest(self) -> bool:
        """Whether what is left of it waits in the book at its limit."""
        return self.request.order_type in LIMIT_TYPES and self.request.time_in_force not in IMMEDIATE

    @property
    def lock_asset(self) -> Asset:
        """What it pays with: quote units for a buy, base units for a sell."""
        return self.instrument.quote if self.request.side is Side.BUY else self.instrument.base

    def lock_needed(self, fee_rate: Decimal) -> Decimal:
        """The most that what is left of it can still take, in `lock_asset`, with fees at `fee_rate`."""
        if self.request.side is Side.SELL:
            return self.remaining
        notional = EXACT.multiply(self.remaining, self.bound)
        return EXACT.add(notional, self.fees.still_due(notional, fee_rate))


class OrderQueue:
    """Waiting orders by price, then by the order in which they were accepted. `highest_first` for resting buys."""

    __slots__ = ("_entries", "_highest_first")

    def __init__(self, *, highest_first: bool) -> None:
        self._highest_first = highest_first
        self._entries: list[tuple[Decimal, int, WorkingOrder, Decimal]] = []
        """Rank, sequence, order, price; no two entries share a sequence."""

    def add(self, order: WorkingOrder, price: Decimal) -> None:
        """Let the order wait here at `price`."""
        insort(self._entries, (self._rank(price), order.sequence, order, price))
        order.queue = self

    def remove(self, order: WorkingOrder, price: Decimal) -> None:
        """Take it out again; `price` is the one that it was added with."""
        del self._entries[bisect_left(self._entries, (self._rank(price), order.sequence), key=_by_rank)]
        order.queue = None

    def _rank(self, price: Decimal) -> Decimal:
        return price.copy_negate() if self._highest_first else price

    def first(self) -> WorkingOrder | None:
        """The order that is served next."""
        return self._entries[0][2] if self._entries else None

    def first_price(self) -> Decimal | None:
        """The price at which it waits."""
        return self._entries[0][3] if self._entries else None


def _by_rank(entry: tuple[Decimal, int, WorkingOrder, Decimal]) -> tuple[Decimal, int]:
    return entry[:2]
