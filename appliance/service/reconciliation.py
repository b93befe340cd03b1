"""Makes the journal and a venue agree: before the first order, and for ever after.

Orders are compared with the venue's list of open ones, and asked for singly where the two differ. Balances are compared
while nothing moves. What cannot be explained is written down, told, and past a bound closes the venue by itself.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Asset, VenueId
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState
from readytrader_sdk.ports import TransferRequest

from appliance.domain.events import DriftFound, ForeignOrderFound, ReportSource
from appliance.domain.fills import news_of
from appliance.domain.orders import PAPER_ACCOUNT, Order, account_of
from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, Scope, TradingState
from appliance.plugin_host.gate import Venue
from appliance.service.enquiries import SHORT_ENDS, UNCERTAIN, Enquiries
from appliance.service.execution import Execution
from appliance.service.history import History
from appliance.service.limit_book import LimitBook
from appliance.service.narrowing import narrowing
from appliance.service.patience import Patience
from appliance.service.portfolio import Portfolio
from appliance.service.recorder import Clock, Recorder
from appliance.service.reports import Reports
from appliance.telemetry.catalog import Stage
from appliance.telemetry.stages import SILENT, Stages

log = logging.getLogger(__name__)

LAST_MOMENTS = timedelta(minutes=1)
"""Before the newest report on any order: longer than an end waits to be confirmed."""


class Findings(Struct, frozen=True, kw_only=True):
    """What a reconciliation settled."""

    settled: int = 0
    """Orders whose outcome was in doubt and is known now."""
    unknown: int = 0
    """Orders that are still in doubt; they are asked for until known."""
    drifts: int = 0
    """Balances that are not what the journal says."""
    foreign: int = 0
    """Open orders that nobody here sent."""


class Drift(Struct, frozen=True, kw_only=True):
    """One balance that is not what the journal says."""

    asset: Asset
    expected: Decimal
    found: Decimal

    @property
    def difference(self) -> tuple[Asset, Decimal]:
        """What stays the same of it while trading goes on."""
        return self.asset, self.found - self.expected


class Reconciliation:
    """Compares one account's orders and balances with its venue's word."""

    def __init__(
        self,
        account: str,
        venue: Venue,
        *,
        state: State,
        recorder: Recorder,
        reports: Reports,
        enquiries: Enquiries,
        execution: Execution,
        history: History,
        portfolio: Portfolio,
        limits: LimitBook,
        patience: Patience,
        clock: Clock,
        stages: Stages = SILENT,
    ) -> None:
        self._stages = stages
        self._account = account
        self._venue = venue
        self._state = state
        self._recorder = recorder
        self._reports = reports
        self._enquiries = enquiries
        self._execution = execution
        self._history = history
        self._portfolio = portfolio
        self._book = limits
        self._patience = patience
        self._clock = clock
        self._seen: Counter[tuple[Asset, Decimal]] = Counter()
        """How often in a row each difference was found."""
        self._foreign: set[str] = set()
        self._has_looked_back = False
        self.left_alone: tuple[Asset, ...] = ()
        """Held at the venue, and no part of the portfolio: no instrument here has it."""
        self.drifts: tuple[Drift, ...] = ()
        """What stands now, seen often enough to be believed."""

    @property
    def foreign(self) -> tuple[str, ...]:
        """The open orders that nobody here sent, as of the last look."""
        return tuple(sorted(self._foreign))

    async def run(self) -> Findings:
        """Settle what can be settled. Raises the port's error when the venue cannot be asked."""
        with self._stages.timed(Stage.RECONCILE):
            return await self._run()

    async def _run(self) -> Findings:
        started, before = self._clock(), self._marks()
        listed = {report.client_order_id: report for report in await self._venue.reads.open_orders()}
        settled, unknown = await self._settle(before, listed)
        self._look_back()
        self._look_at_strangers(listed, started)
        drifts = await self._compare_balances()
        foreign = len(self._foreign)
        if settled or unknown or drifts or foreign:
            log.warning(
                "%s reconciled: %d settled, %d unknown, %d balances drifted, %d foreign orders",
                self._account, settled, unknown, drifts, foreign,
            )  # fmt: skip
        return Findings(settled=settled, unknown=unknown, drifts=drifts, foreign=foreign)

    # orders

    def _marks(self) -> dict[ClientOrderId, Order]:
        """The account's live orders as they are now, but for those whose answer is still waited for."""
        return {
            order.client_order_id: order
            for order in self._state.live_orders.values()
            if account_of(order) == self._account and not self._execution.is_on_its_way(order.client_order_id)
        }

    async def _settle(
        self, before: Mapping[ClientOrderId, Order], listed: Mapping[ClientOrderId, ExecutionReport]
    ) -> tuple[int, int]:
        """Ask for every live order that the list does not confirm. How many are settled, how many stay unknown."""
        settled = unknown = 0
        for client_order_id, order in before.items():
            if self._venue.is_ours or order.state in UNCERTAIN:
                report = await self._enquiries.ask(order)
                if report is not None and self._settles(order, report):
                    await self._reports.take(report, ReportSource.RECONCILIATION)
                    settled += order.state in UNCERTAIN
                elif order.state in UNCERTAIN:
                    self._enquiries.enquire(client_order_id)
                    unknown += 1
            elif self._state.orders.get(client_order_id) is order and not _confirms(
                listed.get(client_order_id), order, self._state.fills.of(client_order_id)
            ):
                # It did not change while the list was on its way: the stream has missed something.
                self._enquiries.refresh(client_order_id, told=False)
        return settled, unknown

    def _look_back(self) -> None:
        """Once in a life: what ended short in the last moments of the life before may have fills that nobody heard."""
        if self._has_looked_back or self._venue.is_ours:
            return
        self._has_looked_back = True
        orders = [order for order in self._state.orders.values() if account_of(order) == self._account]
        newest = max((order.updated_at for order in orders), default=None)
        for order in orders:
            if order.state in SHORT_ENDS and newest is not None and newest - order.updated_at <= LAST_MOMENTS:
                self._enquiries.refresh(order.client_order_id, told=False)

    def _settles(self, order: Order, report: ExecutionReport) -> bool:
        """Whether the venue's answer is news. That a real one never saw an order takes more than one answer."""
        if report.state is OrderState.ABSENT and not self._venue.is_ours:
            return False
        known = self._state.fills.of(order.client_order_id)
        return report.state is not order.state or bool(news_of(report, known).fills)

    def _look_at_strangers(self, listed: Mapping[ClientOrderId, ExecutionReport], started: datetime) -> None:
        """Open orders of nobody here; and our own that are open although they had ended."""
        foreign: set[str] = set()
        for client_order_id in listed:
            order = self._history.order(client_order_id)
            if order is None or account_of(order) != self._account:
                foreign.add(client_order_id)
            elif not order.is_live and order.updated_at < started and client_order_id in self._state.orders:
                self._enquiries.refresh(client_order_id, told=False)
        for name in sorted(foreign - self._foreign):
            log.error("%s has an open order that nobody here sent: %s", self._account, name[:64])
            self._recorder.record(ForeignOrderFound(venue=VenueId(self._account), order=name[:64]))
        self._foreign = foreign
        if len(foreign) > self._book.limits.foreign_orders_max:
            self._close(f"{len(foreign)} open orders that nobody here sent")

    # balances

    async def _compare_balances(self) -> int:
        if not self._venue.is_ours and not self._state.knows_account(self._account):
            return 0  # nothing was taken over yet: there is nothing to differ from
        moves = self._moves()
        found = {balance.asset: balance.total for balance in await self._venue.reads.balances()}
        tracks = self._portfolio.tracks
        self.left_alone = () if tracks is None else tuple(sorted(asset for asset in found if asset not in tracks))
        if moves != self._moves() or (not self._venue.is_ours and self._in_flight()):
            return len(self.drifts)  # something moved meanwhile: this comparison says nothing
        drifts = self._drifts_from(found)
        self._seen = Counter({drift.difference: self._seen[drift.difference] + 1 for drift in drifts})
        believed = tuple(drift for drift in drifts if self._seen[drift.difference] >= self._patience.drift_seen_min)
        told = {drift.difference for drift in self.drifts}
        news = [drift for drift in believed if drift.difference not in told]
        self.drifts = believed
        if news:
            await self._tell(news)
        return len(believed)

    def _moves(self) -> tuple[tuple[Asset, Decimal], ...]:
        return tuple(self._state.held(self._account))

    def _in_flight(self) -> bool:
        """Whether an order may be changing the balances this very moment."""
        return any(
            account_of(order) == self._account and order.state in UNCERTAIN
            for order in self._state.live_orders.values()
        )

    def _drifts_from(self, found: Mapping[Asset, Decimal]) -> list[Drift]:
        expected, tracks = dict(self._state.held(self._account)), self._portfolio.tracks
        return [
            Drift(asset=asset, expected=expected.get(asset, ZERO), found=found.get(asset, ZERO))
            for asset in sorted(found.keys() | expected.keys())
            if (tracks is None or asset in tracks) and found.get(asset, ZERO) != expected.get(asset, ZERO)
        ]

    async def _tell(self, news: list[Drift]) -> None:
        events = [
            DriftFound(account=self._account, asset=drift.asset, expected=drift.expected, found=drift.found)
            for drift in news
        ]
        names = ", ".join(drift.asset for drift in news)
        log.error("%s: balances of %s are not what the journal says", self._account, names)
        await self._recorder.record(*events)
        if self._is_too_much(self.drifts):
            self._close(f"balances of {names} are not what the journal says")

    def _is_too_much(self, drifts: tuple[Drift, ...]) -> bool:
        """Against the bound, all differences added up; what cannot be priced is too much."""
        now = self._clock()
        equity, worth = self._portfolio.equity(now).total, ZERO
        for drift in drifts:
            price = self._portfolio.price(drift.asset, now)
            if price is None:
                return True
            worth += abs(drift.found - drift.expected) * price
        return (
            self._venue.is_ours or equity is None or worth * 100 > max(equity, ZERO) * self._book.limits.drift_max_pct
        )

    def _close(self, reason: str) -> None:
        """Nothing but cancels, until a person has looked."""
        scope = GLOBAL if self._account == PAPER_ACCOUNT else Scope(f"venue:{self._account}")
        narrowed = narrowing(self._state, scope, TradingState.CANCEL_ONLY, reason, self._clock())
        if narrowed and self._recorder.failure is None:
            self._recorder.record(*narrowed)


def _confirms(report: ExecutionReport | None, order: Order, known: AbstractSet[str]) -> bool:
    """Whether a listed order is the one we know: open, in our state, with no fill that we have not heard of."""
    if report is None or isinstance(order.payload, TransferRequest):
        return False
    if order.state is OrderState.PARTLY_FILLED and not report.fills:
        return False  # it may have filled further: a list need not tell fills
    return report.state is order.state and not news_of(report, known).fills
