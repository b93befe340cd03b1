"""The paper venue: an exchange, with amendments and transfers, whose money is made up and whose prices are real.

One wallet serves every venue name: an order for `binance` and one for `kraken` pay from the same balances. Nothing
here is durable: after a restart the wallet is rebuilt with `restore` from what the journal says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Book, Quote, Tick
from readytrader_sdk.money import ZERO, InvalidAmount
from readytrader_sdk.orders import (
    Balance,
    ClientOrderId,
    ExecutionReport,
    OrderRequest,
    OrderState,
    VenueOrderId,
)
from readytrader_sdk.ports import TransferRequest

from appliance.paper.engine import MatchingEngine, Reports
from appliance.paper.ledger import Account, Ledger, Overdraft, Posting
from appliance.paper.reasons import Reason
from appliance.paper.settings import PaperSettings

Clock = Callable[[], datetime]
ReportListener = Callable[[ExecutionReport], None]


class OpenOrder(Struct, frozen=True, kw_only=True):
    """An order that was open when the journal was last written, and how much of it had been filled."""

    request: OrderRequest
    filled: Decimal = ZERO


class PaperVenue:
    """An `ExchangePort`, `AmendPort` and `TransferPort` over one engine and one ledger.

    A call returns the report on its own order; every report on another order, and every report that comes later
    (resting fills, triggered stops, expiries), goes to `on_report`, called on the spot, in order.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        settings: PaperSettings,
        clock: Clock,
        on_report: ReportListener,
    ) -> None:
        self._instruments = tuple(instruments)
        self._settings = settings
        self._clock = clock
        self._on_report = on_report
        self._start_empty()

    def _start_empty(self) -> None:
        self._ledger = Ledger()
        self._engine = MatchingEngine(self._instruments, self._ledger, self._settings)
        self._transfers: dict[ClientOrderId, ExecutionReport] = {}

    # the ports

    async def instruments(self) -> Sequence[Instrument]:
        """The instruments that can be traded on paper."""
        return self._instruments

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        """Submit one order; with latency the answer is OPEN and the rest comes to `on_report`."""
        if order.client_order_id in self._transfers:
            return self._duplicate(order.client_order_id)
        return self._answer(self._engine.submit(order, self._clock()))

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:  # noqa: ARG002
        """Cancel what is left; ABSENT for an ID never seen. IDs are unique over all symbols."""
        transferred = self._transfers.get(client_order_id)
        if transferred is not None:
            return transferred
        return self._answer(self._engine.cancel(client_order_id, self._clock()))

    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        """Cancel `replaced` and place `order`, or do neither; the report on `replaced` goes to `on_report`."""
        if order.client_order_id in self._transfers:
            return self._duplicate(order.client_order_id)
        return self._answer(self._engine.replace(replaced, order, self._clock()))

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:  # noqa: ARG002
        """The state with all fills since the last `restore`, or None for an ID never seen since."""
        return self._transfers.get(client_order_id) or self._engine.find(client_order_id)

    async def open_orders(self) -> Sequence[ExecutionReport]:
        """Every open order, with all fills since the last `restore`."""
        return self._engine.open_orders()

    async def balances(self) -> Sequence[Balance]:
        """Every non-zero balance of the wallet."""
        return self._ledger.balances()

    async def transfer(self, request: TransferRequest) -> ExecutionReport:
        """Send out of the wallet, whole or not at all. No chain is touched and no fee is taken."""
        client_order_id = request.client_order_id
        if client_order_id in self._transfers or self._engine.find(client_order_id) is not None:
            return self._duplicate(client_order_id)
        now = self._clock()
        try:
            self._ledger.withdraw(request.asset, request.amount)
        except InvalidAmount:
            report = self._rejection(client_order_id, Reason.AMOUNT, now)
        except Overdraft:
            report = self._rejection(client_order_id, Reason.INSUFFICIENT_BALANCE, now)
        else:
            report = _transferred(request, now)
        self._transfers[client_order_id] = report
        return report

    async def find_transfer(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """What became of a transfer since the last `restore`, or None for an ID never seen since."""
        return self._transfers.get(client_order_id)

    # what paper alone can do

    def deposit(self, asset: Asset, amount: Decimal) -> Balance:
        """Put made-up money into the wallet. Raises `InvalidAmount` for what is not a sane amount above 0."""
        self._ledger.deposit(asset, amount)
        return Balance(asset=asset, total=self._ledger.total(asset), free=self._ledger.free(asset))

    def restore(self, balances: Mapping[Asset, Decimal], open_orders: Sequence[OpenOrder]) -> Reports:
        """Start again from these totals and these open orders, oldest first, forgetting all else.

        Returns a report for each order that cannot go on and was cancelled: its instrument is gone, or fees have risen
        so that the balance no longer covers it. A partly filled stop order counts as triggered. Raises `InvalidAmount`
        for a balance below 0 or not finite; the wallet is unusable then.
        """
        self._start_empty()
        for asset, total in balances.items():
            if total != ZERO:
                self._ledger.post(Posting(asset, Account.OUTSIDE, Account.OWNER, total))
        now = self._clock()
        reports: list[ExecutionReport] = []
        for order in open_orders:
            reports.extend(self._engine.reopen(order.request, order.filled, now))
        return tuple(reports)

    def on_tick(self, tick: Tick) -> None:
        """Let a quote or a book move the market; other ticks move nothing. Raises `InvalidMarket`.

        Feed it one source per instrument: to the engine, two sources that differ are one market that jumps.
        """
        if isinstance(tick, Quote):
            self._publish(self._engine.on_quote(tick, self._clock()))
        elif isinstance(tick, Book):
            self._publish(self._engine.on_book(tick, self._clock()))

    def advance(self) -> None:
        """Let what is due by now happen; to be called when `next_due_at` has come."""
        self._publish(self._engine.advance(self._clock()))

    def next_due_at(self) -> datetime | None:
        """When `advance` has something to do; None while only the market can move anything."""
        return self._engine.next_due_at()

    def _answer(self, reports: Reports) -> ExecutionReport:
        self._publish(reports[:-1])
        return reports[-1]

    def _publish(self, reports: Reports) -> None:
        for report in reports:
            self._on_report(report)

    def _duplicate(self, client_order_id: ClientOrderId) -> ExecutionReport:
        return self._rejection(client_order_id, Reason.DUPLICATE_CLIENT_ORDER_ID, self._clock())

    def _rejection(self, client_order_id: ClientOrderId, reason: Reason, now: datetime) -> ExecutionReport:
        return ExecutionReport(
            client_order_id=client_order_id, state=OrderState.REJECTED, reported_at=now, reason=reason
        )


def _transferred(request: TransferRequest, now: datetime) -> ExecutionReport:
    return ExecutionReport(
        client_order_id=request.client_order_id,
        state=OrderState.FILLED,
        reported_at=now,
        venue_order_id=VenueOrderId(f"paper:{request.client_order_id}"),
    )
