"""What is said of orders, written down: a venue's reports, our own knowledge, a person's word."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from msgspec.structs import replace
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, Fill, OrderState, Side, VenueOrderId
from readytrader_sdk.ports import TransferRequest

from appliance.domain.decision import Payload
from appliance.domain.events import FundsMoved, OrderReported, ReportRefused, ReportSource, TradingStateSet
from appliance.domain.fills import FILLS_PER_REPORT_MAX, in_parts, news_of
from appliance.domain.orders import NAME_LENGTH_MAX, NEVER_WORKED, ImpossibleReport, Order, account_of
from appliance.domain.snapshot import Mode
from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, Scope, TradingState
from appliance.service.narrowing import REASON_MAX, narrowing
from appliance.service.portfolio import Portfolio
from appliance.service.recorder import Clock, Recorder
from appliance.store.journal import Receipt
from appliance.telemetry.catalog import Stage
from appliance.telemetry.stages import SILENT, Stages

log = logging.getLogger(__name__)


class NotUnknown(Exception):
    """A person's word is not taken on this order. The message says why."""


class Reports:
    """Books reports. One that cannot be true changes nothing, is written down, and narrows trading."""

    def __init__(
        self, state: State, recorder: Recorder, portfolio: Portfolio, clock: Clock, stages: Stages = SILENT
    ) -> None:
        self._stages = stages
        self._state = state
        self._recorder = recorder
        self._portfolio = portfolio
        self._clock = clock
        self.on_rejected: Callable[[Order], None] = lambda _order: None

    async def take(self, report: ExecutionReport, source: ReportSource) -> None:
        """Record a report and wait until it is durable."""
        with self._stages.timed(Stage.REPORT, state=report.state):
            await self.note(report, source)

    def note(self, report: ExecutionReport, source: ReportSource) -> asyncio.Future[Receipt]:
        """Record a report.

        A fill beyond the permit's worst price is true all the same: it is booked, and only cancels are left. So is an
        order that turns up after it was thought never to have arrived. Very many fills are booked in parts, one
        after the other without a pause, so that one transaction holds them all: they are all on disk, or none.
        """
        order = self._state.orders.get(report.client_order_id)
        if order is None:
            return self._impossible(report, "no such order was ever permitted", GLOBAL)
        known = self._state.fills.of(order.client_order_id)
        moved: tuple[FundsMoved, ...] = ()
        if isinstance(order.payload, TransferRequest) and report.state is OrderState.FILLED and order.is_live:
            moved = (self._transferred(order, order.payload),)
        try:
            first, *others = in_parts(order, _with_short_reason(news_of(report, known)), known)
            narrowed = self._narrowed_by(order, report)
            durable = self._recorder.record(OrderReported(report=first, source=source), *moved, *narrowed)
        except ImpossibleReport as fault:
            return self._impossible(report, str(fault), scope_of(order))
        for part in others:
            durable = self._recorder.record(OrderReported(report=part, source=source))
        if report.state is OrderState.REJECTED and order.is_live:
            self.on_rejected(self._state.orders[report.client_order_id])
        return durable

    async def own_word(self, client_order_id: ClientOrderId, state: OrderState, reason: str) -> None:
        """Record what we know ourselves of an order."""
        report = ExecutionReport(client_order_id=client_order_id, state=state, reported_at=self._clock(), reason=reason)
        await self.take(report, ReportSource.CORE)

    async def persons_word(self, client_order_id: ClientOrderId, state: OrderState, by: str, reason: str) -> Order:
        """Record what somebody who looked at the venue says of an order that nobody could find out about.

        Raises `NotUnknown` for any other order: what the venue said is not overruled.
        """
        order = self._state.orders.get(client_order_id)
        if order is None or order.state is not OrderState.UNKNOWN:
            seen = "there is no such live order" if order is None else f"it is {order.state}"
            raise NotUnknown(f"order {client_order_id[:64]!r}: only what is unknown is resolved, and {seen}")
        word = f"{by}: {reason}"[:REASON_MAX]
        report = ExecutionReport(client_order_id=client_order_id, state=state, reported_at=self._clock(), reason=word)
        await self.take(report, ReportSource.OPERATOR)
        return self._state.orders.get(client_order_id, order)

    def _transferred(self, order: Order, payload: TransferRequest) -> FundsMoved:
        account, reason = account_of(order), f"transfer {order.client_order_id}"
        moved = self._portfolio.move(
            account, payload.asset, -payload.amount, str(order.agent_id), reason, self._clock()
        )
        if moved is not None:
            return moved
        # The price went away between permit and report: the units leave at the value the permit was given for.
        nav = self._state.portfolio(self._portfolio.name).nav_peak
        return FundsMoved(
            account=account,
            asset=payload.asset,
            amount=-payload.amount,
            value=-order.terms.notional,
            nav=nav if nav else order.terms.price_worst,
            by=str(order.agent_id),
            reason=reason,
        )

    def _narrowed_by(self, order: Order, report: ExecutionReport) -> tuple[TradingStateSet, ...]:
        beyond = next((fill for fill in report.fills if _is_beyond(order.payload, fill)), None)
        if beyond is not None:
            reason = (
                f"order {order.client_order_id} filled at {beyond.price}, beyond its worst {order.terms.price_worst}"
            )
        elif order.state in NEVER_WORKED and report.state is not order.state:
            reason = f"order {order.client_order_id} was {order.state} and is {report.state} after all"
        else:
            return ()
        log.error("the venue is not as it should be: %s", reason)
        return narrowing(self._state, scope_of(order), TradingState.CANCEL_ONLY, reason, self._clock())

    def _impossible(self, report: ExecutionReport, reason: str, scope: Scope) -> asyncio.Future[Receipt]:
        log.error("impossible report: %s", reason)
        why = f"impossible report: {reason}"
        narrowed = narrowing(self._state, scope, TradingState.CANCEL_ONLY, why, self._clock())
        return self._recorder.record(ReportRefused(report=_excerpt(report), reason=reason), *narrowed)


def scope_of(order: Order) -> Scope:
    """What is narrowed when something is wrong with an order: its venue, or on paper everything."""
    return GLOBAL if order.mode is Mode.PAPER else Scope(f"venue:{account_of(order)}")


def _with_short_reason(report: ExecutionReport) -> ExecutionReport:
    if report.reason is None or len(report.reason) <= REASON_MAX:
        return report
    return replace(report, reason=report.reason[:REASON_MAX])


def _excerpt(report: ExecutionReport) -> ExecutionReport:
    """As much of a report as one entry can hold, whatever a venue put into it."""
    return replace(
        _with_short_reason(report),
        client_order_id=ClientOrderId(report.client_order_id[:NAME_LENGTH_MAX]),
        venue_order_id=None if report.venue_order_id is None else VenueOrderId(report.venue_order_id[:NAME_LENGTH_MAX]),
        fills=tuple(
            replace(fill, fill_id=fill.fill_id[:NAME_LENGTH_MAX], fee_asset=Asset(fill.fee_asset[:NAME_LENGTH_MAX]))
            for fill in report.fills[:FILLS_PER_REPORT_MAX]
        ),
    )


def _is_beyond(payload: Payload, fill: Fill) -> bool:
    """Whether a venue gave a worse price than the permit allows."""
    if isinstance(payload, TransferRequest):
        return False
    return fill.price > payload.price_worst if payload.side is Side.BUY else fill.price < payload.price_worst
