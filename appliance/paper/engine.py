"""The matching engine: orders, quotes, books and the passing of time go in; execution reports come out.

Fill prices come from what a source displays and from an order's own limit, never from anywhere else:

* An order takes what is displayed, from the best price on, no further than its limit and its `price_worst`.
* What is left of it rests at its limit where it may. It fills there, as maker, when the other side's displayed price
  reaches it, up to the size displayed at that price or better.
* Displayed liquidity is taken once (`displayed`). Orders wait by price, then by time.

The engine reads no clock and draws no random number: the same calls give the same reports.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.market import Book, Quote
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import (
    ClientOrderId,
    ExecutionReport,
    Fill,
    Liquidity,
    OrderRequest,
    OrderState,
    Side,
    TimeInForce,
    VenueOrderId,
)

from appliance.paper.checks import fault_of, is_worth_too_little
from appliance.paper.instrument_market import InstrumentMarket
from appliance.paper.ledger import Ledger
from appliance.paper.reasons import Reason
from appliance.paper.settings import PaperSettings
from appliance.paper.settlement import Settlement
from appliance.paper.working import LIMIT_TYPES, STOP_TYPES, WorkingOrder, price_bound

Reports = tuple[ExecutionReport, ...]


class _Due(NamedTuple):
    """Something that happens by itself once its time has come."""

    at: datetime
    sequence: int
    act: Callable[[WorkingOrder], None]
    order: WorkingOrder


class MatchingEngine:
    """Works orders on displayed markets and books every fill in `ledger`.

    Each call takes the time and returns what happened up to it, in order; after `submit`, `cancel` and `replace` the
    last report answers the call. A time earlier than the latest one counts as the latest one.
    """

    def __init__(self, instruments: Iterable[Instrument], ledger: Ledger, settings: PaperSettings) -> None:
        self._latency = settings.latency
        self._settlement = Settlement(ledger, settings)
        share = settings.fill_share_max_pct.scaleb(-2)
        self._markets: dict[Symbol, InstrumentMarket] = {
            instrument.symbol: InstrumentMarket(instrument, share=share) for instrument in instruments
        }
        self._orders: dict[ClientOrderId, WorkingOrder] = {}
        self._open: dict[ClientOrderId, WorkingOrder] = {}
        self._refusals: dict[ClientOrderId, ExecutionReport] = {}
        """The last word on orders that never became working ones."""
        self._due: list[_Due] = []
        self._sequence = 0
        self._now = datetime.min.replace(tzinfo=UTC)
        self._reports: list[ExecutionReport] = []

    # what comes in

    def submit(self, request: OrderRequest, now: datetime) -> Reports:
        """Accept or reject one order. With latency it is acknowledged now and works later."""
        self._pass_time(now)
        self._admit(request, None)
        return self._drain()

    def replace(self, replaced: ClientOrderId, request: OrderRequest, now: datetime) -> Reports:
        """Cancel `replaced` and place `request` in one step, or do neither. Its quantity stands for itself alone."""
        self._pass_time(now)
        old = self._orders.get(replaced)
        if old is None:
            self._refuse(request.client_order_id, Reason.UNKNOWN_ORDER)
        else:
            self._admit(request, old)
        return self._drain()

    def cancel(self, client_order_id: ClientOrderId, now: datetime) -> Reports:
        """Cancel what is left of an order. One that has ended stays as it is; one never seen is ABSENT."""
        self._pass_time(now)
        order = self._orders.get(client_order_id)
        if order is None:
            never_seen = self._word(client_order_id, OrderState.ABSENT, Reason.UNKNOWN_ORDER)
            self._reports.append(self._refusals.get(client_order_id, never_seen))
        elif order.is_open and not self._latency:
            self._cancel(order)
        else:
            if order.is_open:
                self._schedule(self._latency, self._cancel, order)
            self._report(order, order.reason)
        return self._drain()

    def on_quote(self, quote: Quote, now: datetime) -> Reports:
        """The source displays other best prices. A symbol that is not traded here is passed over.

        Raises `InvalidMarket` for a quote that no market can have.
        """
        self._pass_time(now)
        market = self._markets.get(quote.symbol)
        if market is not None:
            market.show_quote(quote)
            if market.waiting:
                self._match(market)
        return self._drain()

    def on_book(self, book: Book, now: datetime) -> Reports:
        """The source displays another depth. As `on_quote`."""
        self._pass_time(now)
        market = self._markets.get(book.symbol)
        if market is not None:
            market.show_book(book)
            if market.waiting:
                self._match(market)
        return self._drain()

    def advance(self, now: datetime) -> Reports:
        """Let time pass: what is in flight takes effect, what has its date expires."""
        self._pass_time(now)
        return self._drain()

    def reopen(self, request: OrderRequest, filled: Decimal, now: datetime) -> Reports:
        """Take up an order where it was left, with `filled` of it already booked; for a rebuilt engine.

        An order that cannot go on (its instrument is gone, the balance no longer covers it, or it can only be worked at
        once) is cancelled, and the report says so. Raises `ValueError` when `filled` is not below its quantity, and for
        an ID already seen.
        """
        self._pass_time(now)
        if not (filled.is_finite() and ZERO <= filled < request.quantity):
            raise ValueError(f"order {request.client_order_id}: {filled} filled of {request.quantity} is not open")
        if self.find(request.client_order_id) is not None:
            raise ValueError(f"order {request.client_order_id}: taken up twice")
        market = self._markets.get(request.symbol)
        if market is None:
            self._refuse(request.client_order_id, Reason.UNKNOWN_INSTRUMENT, OrderState.CANCELLED)
            return self._drain()
        order = self._remember(request, market.instrument)
        order.filled = filled
        order.state = OrderState.PARTLY_FILLED if filled else OrderState.OPEN
        waits_for_stop = request.order_type in STOP_TYPES and not filled
        if not self._settlement.covers(order):
            self._close(order, OrderState.CANCELLED, Reason.INSUFFICIENT_BALANCE)
        elif not order.may_rest and not waits_for_stop:
            self._close(order, OrderState.CANCELLED, Reason.NO_MARKET)
        else:
            self._settlement.lock(order)
            self._wait(order, market, for_stop=waits_for_stop)
        return self._drain()

    # what can be asked

    def find(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """The order's state with all its fills, or None for an ID never seen."""
        order = self._orders.get(client_order_id)
        if order is None:
            return self._refusals.get(client_order_id)
        return self._report_of(order, tuple(order.fills), order.reason)

    def open_orders(self) -> Reports:
        """Every open order with all its fills, in the order accepted."""
        return tuple(self._report_of(order, tuple(order.fills), order.reason) for order in self._open.values())

    def next_due_at(self) -> datetime | None:
        """When `advance` has something to do; None while only the market can move anything."""
        return self._due[0].at if self._due else None

    # time

    def _pass_time(self, now: datetime) -> None:
        due = self._due
        while due and due[0].at <= now:
            at, _, act, order = heapq.heappop(due)
            self._now = max(self._now, at)
            act(order)
        if now > self._now:
            self._now = now

    def _schedule(self, delay: timedelta, act: Callable[[WorkingOrder], None], order: WorkingOrder) -> None:
        self._schedule_at(self._now + delay, act, order)

    def _schedule_at(self, at: datetime, act: Callable[[WorkingOrder], None], order: WorkingOrder) -> None:
        self._sequence += 1
        heapq.heappush(self._due, _Due(at, self._sequence, act, order))

    def _expire(self, order: WorkingOrder) -> None:
        if order.is_open:
            self._close(order, OrderState.EXPIRED, Reason.GOOD_TILL_DATE)

    def _cancel(self, order: WorkingOrder) -> None:
        if order.is_open:
            self._close(order, OrderState.CANCELLED, Reason.REQUESTED)

    # from the door to the book

    def _admit(self, request: OrderRequest, replaces: WorkingOrder | None) -> None:
        """Refuse an order at the door, or lock what it can take and let it take effect."""
        client_order_id = request.client_order_id
        if client_order_id in self._orders or client_order_id in self._refusals:
            self._refuse(client_order_id, Reason.DUPLICATE_CLIENT_ORDER_ID)
            return
        market = self._markets.get(request.symbol)
        if market is None:
            self._refuse(client_order_id, Reason.UNKNOWN_INSTRUMENT)
            return
        fault = fault_of(request, market.instrument, self._now)
        if fault is None and is_worth_too_little(request, market.instrument, market.taken_by(request.side).best):
            fault = Reason.NOTIONAL_MIN
        if fault is not None:
            self._refuse(client_order_id, fault)
            return
        order = self._remember(request, market.instrument)
        order.replaces = replaces
        if replaces is None:
            if not self._settlement.covers(order):
                self._close(order, OrderState.REJECTED, Reason.INSUFFICIENT_BALANCE)
                return
            self._settlement.lock(order)
        if self._latency:
            order.state = OrderState.OPEN
            self._report(order)
            self._schedule(self._latency, self._take_effect, order)
        else:
            self._take_effect(order)

    def _take_effect(self, order: WorkingOrder) -> None:
        """The order reaches the book: it is refused, waits, or takes what it can."""
        market, expires_at = self._markets[order.request.symbol], order.request.expires_at
        if expires_at is not None and expires_at <= self._now:
            self._expire(order)
            return
        obstacle = self._obstacle(order, market)
        if obstacle is not None:
            refused_at_once = order.state is OrderState.PERMITTED
            self._close(order, OrderState.REJECTED if refused_at_once else OrderState.CANCELLED, obstacle)
            return
        if order.replaces is not None:
            self._close(order.replaces, OrderState.CANCELLED, Reason.REPLACED)
            order.replaces = None
            self._settlement.lock(order)
        stop_price = order.request.stop_price
        if stop_price is not None and not market.is_triggered(order.request.side, stop_price):
            self._wait(order, market, for_stop=True)
            self._report_progress(order)
        else:
            self._take(order, market)

    def _obstacle(self, order: WorkingOrder, market: InstrumentMarket) -> Reason | None:
        """Why the order cannot take effect as things are; the order that it would replace is untouched then."""
        request, side = order.request, market.taken_by(order.request.side)
        if order.replaces is not None:
            if not order.replaces.is_open:
                return Reason.NOT_OPEN
            if not self._settlement.covers(order):
                return Reason.INSUFFICIENT_BALANCE
        if request.order_type not in LIMIT_TYPES and request.stop_price is None and side.best is None:
            return Reason.NO_MARKET
        if request.post_only and side.is_reached_by(order.bound):
            return Reason.POST_ONLY_WOULD_TAKE
        return None

    def _take(self, order: WorkingOrder, market: InstrumentMarket, reason: Reason | None = None) -> None:
        """Take what is displayed within the order's bound; then it has ended, or the rest of it rests."""
        request, side = order.request, market.taken_by(order.request.side)
        found = side.find(order.remaining, order.bound)
        if request.time_in_force is TimeInForce.FOK and sum(quantity for _, quantity in found) != order.remaining:
            self._close(order, OrderState.CANCELLED, Reason.FILL_OR_KILL)
            return
        side.take(found)
        for price, quantity in found:
            self._settlement.book(order, price, quantity, Liquidity.TAKER, self._now)
        if not order.remaining:
            self._close(order, OrderState.FILLED)
        elif request.order_type not in LIMIT_TYPES:
            beyond = side.goes_beyond(order.bound)
            self._close(order, OrderState.CANCELLED, Reason.PRICE_WORST if beyond else Reason.NO_LIQUIDITY)
        elif not order.may_rest:
            self._close(order, OrderState.CANCELLED, Reason.IMMEDIATE_OR_CANCEL)
        else:
            self._wait(order, market, for_stop=False)
            self._report_progress(order, reason)

    def _wait(self, order: WorkingOrder, market: InstrumentMarket, *, for_stop: bool) -> None:
        if for_stop:
            market.let_wait_for_stop(order)
        else:
            market.let_rest(order)
        if order.request.expires_at is not None:
            self._schedule_at(order.request.expires_at, self._expire, order)

    # the market moves

    def _match(self, market: InstrumentMarket) -> None:
        """Serve what the displayed market has reached: resting orders first, for they were there before the stops."""
        for side in Side:
            while (order := market.next_reached(side)) is not None and self._make(order, market):
                pass
        for side in Side:
            while (order := market.next_triggered(side)) is not None:
                market.withdraw(order)
                self._take(order, market, Reason.TRIGGERED)

    def _make(self, order: WorkingOrder, market: InstrumentMarket) -> bool:
        """Fill a resting order at its own price. Whether it is done, so that the next one may have a share."""
        side = market.taken_by(order.request.side)
        found = side.find(order.remaining, order.bound)
        if not found:
            return False
        side.take(found)
        quantity = sum((quantity for _, quantity in found), ZERO)
        self._settlement.book(order, order.bound, quantity, Liquidity.MAKER, self._now)
        if order.remaining:
            self._report_progress(order)
            return False
        self._close(order, OrderState.FILLED)
        return True

    # what goes out

    def _remember(self, request: OrderRequest, instrument: Instrument) -> WorkingOrder:
        self._sequence += 1
        order = WorkingOrder(
            request=request, instrument=instrument, sequence=self._sequence, bound=price_bound(request)
        )
        self._orders[request.client_order_id] = self._open[request.client_order_id] = order
        return order

    def _close(self, order: WorkingOrder, state: OrderState, reason: Reason | None = None) -> None:
        """The order has ended: nothing of it waits and nothing is locked for it any more."""
        self._markets[order.request.symbol].withdraw(order)
        self._settlement.release(order)
        order.state, order.reason = state, reason
        del self._open[order.request.client_order_id]
        self._report(order, reason)

    def _report_progress(self, order: WorkingOrder, reason: Reason | None = None) -> None:
        """Report an order that goes on, where there is anything new to say."""
        state = OrderState.PARTLY_FILLED if order.filled else OrderState.OPEN
        if state is not order.state or reason is not None or order.reported_fills < len(order.fills):
            order.state = state
            self._report(order, reason)

    def _report(self, order: WorkingOrder, reason: Reason | None = None) -> None:
        fills = tuple(order.fills[order.reported_fills :])
        order.reported_fills = len(order.fills)
        self._reports.append(self._report_of(order, fills, reason))

    def _report_of(self, order: WorkingOrder, fills: tuple[Fill, ...], reason: Reason | None) -> ExecutionReport:
        return ExecutionReport(
            client_order_id=order.request.client_order_id,
            state=order.state,
            reported_at=self._now,
            venue_order_id=VenueOrderId(f"paper:{order.request.client_order_id}"),
            fills=fills,
            reason=reason,
        )

    def _refuse(self, client_order_id: ClientOrderId, reason: Reason, state: OrderState = OrderState.REJECTED) -> None:
        """Turn an order away. What is known of an earlier one of the same ID stays as it is."""
        report = self._word(client_order_id, state, reason)
        if client_order_id not in self._orders:
            self._refusals.setdefault(client_order_id, report)
        self._reports.append(report)

    def _word(self, client_order_id: ClientOrderId, state: OrderState, reason: Reason) -> ExecutionReport:
        return ExecutionReport(client_order_id=client_order_id, state=state, reported_at=self._now, reason=reason)

    def _drain(self) -> Reports:
        if not self._reports:
            return ()
        reports, self._reports = tuple(self._reports), []
        return reports
