"""Counts what is written into the journal: whatever was decided, reported or found is an event there first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from readytrader_sdk.orders import OrderState

from appliance.domain.codes import Code
from appliance.domain.events import (
    AuthenticationRefused,
    DriftFound,
    Event,
    FillMissed,
    ForeignOrderFound,
    OperatorLockedOut,
    OperatorSignedIn,
    OrderPermitted,
    OrderReported,
    ProposalDecided,
    ProposalMade,
    ProposalState,
    ReportRefused,
    RequestDenied,
    RequestThrottled,
    TradingStateSet,
)
from appliance.domain.intents import RequestId
from appliance.domain.notices import NoticeDelivered, NoticeGivenUp
from appliance.domain.trading_state import TradingState
from appliance.telemetry import catalog
from appliance.telemetry.catalog import Metric
from appliance.telemetry.meter import Meter

WAITING_MAX = 10_000
"""Proposals whose beginning is remembered."""


_AT_FIRST: Mapping[Metric, Iterable[str]] = {
    catalog.DECISIONS: ("permitted", "proposed", "denied"),
    catalog.DENIALS: tuple(Code),
    catalog.ORDERS_REPORTED: tuple(OrderState),
    catalog.THROTTLED: ("read", "order", "amend", "cancel"),
    catalog.SIGN_INS_REFUSED: (
        "agent http",
        "agent socket",
        "operator http",
        "operator live line",
        "operator socket",
    ),
    catalog.NARROWED: tuple(TradingState),
    catalog.LOG_LINES: ("warning", "error", "critical"),
}
"""Series that are there before anything was counted."""


class Counting:
    """Listens to the recorder."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._made_at: dict[RequestId, datetime] = {}
        for metric, values in _AT_FIRST.items():
            for value in values:
                meter.count(metric, value, by=0)
        for state in ProposalState:
            if state is not ProposalState.PENDING:
                meter.timer(catalog.APPROVAL_WAIT, state)

    def expect(self, notifiers: Iterable[str]) -> None:
        """Show what these notifiers will have delivered, which is nothing yet."""
        for name in notifiers:
            for outcome in ("delivered", "given_up"):
                self._meter.count(catalog.NOTICES, name, outcome, by=0)

    def hear(self, event: Event, at: datetime) -> None:
        """Count it. Returns at once; knows nothing that could fail."""
        count = self._meter.count
        match event:
            case RequestDenied(denied=denied):
                count(catalog.DECISIONS, "denied")
                for denial in denied.denials:
                    count(catalog.DENIALS, denial.code)
            case ProposalMade(request=request):
                count(catalog.DECISIONS, "proposed")
                if len(self._made_at) < WAITING_MAX:
                    self._made_at[request.request_id] = at
            case OrderPermitted():
                count(catalog.DECISIONS, "permitted")
            case OrderReported(report=report):
                count(catalog.ORDERS_REPORTED, report.state)
                if report.fills:
                    count(catalog.FILLS, by=len(report.fills))
            case ProposalDecided(request_id=request_id, state=state):
                made_at = self._made_at.pop(request_id, None)
                if made_at is not None:
                    self._meter.timer(catalog.APPROVAL_WAIT, state)((at - made_at).total_seconds())
            case _:
                self._hear_of_trouble(event)

    def _hear_of_trouble(self, event: Event) -> None:
        count = self._meter.count
        match event:
            case AuthenticationRefused(listener=listener):
                count(catalog.SIGN_INS_REFUSED, listener)
            case RequestThrottled(budget=budget):
                count(catalog.THROTTLED, budget)
            case ReportRefused():
                count(catalog.REPORTS_REFUSED)
            case TradingStateSet(scope_state=scope_state):
                count(catalog.NARROWED, scope_state.state)
            case DriftFound():
                count(catalog.DRIFTS_FOUND)
            case ForeignOrderFound():
                count(catalog.FOREIGN_FOUND)
            case OperatorSignedIn():
                count(catalog.SIGNED_IN)
            case OperatorLockedOut():
                count(catalog.LOCKED_OUT)
            case NoticeDelivered(notifier=notifier):
                count(catalog.NOTICES, notifier, "delivered")
            case NoticeGivenUp(notifier=notifier):
                count(catalog.NOTICES, notifier, "given_up")
            case FillMissed(fill_ids=fill_ids):
                count(catalog.FILLS_MISSED, by=len(fill_ids))
            case _:
                pass
