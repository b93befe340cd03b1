"""Counts what is written into the journal: whatever was decided, reported or found is an event there first."""

from __future__ import annotations

from datetime import datetime

from appliance.domain.events import (
    AuthenticationRefused,
    DriftFound,
    Event,
    FillMissed,
    ForeignOrderFound,
    OrderPermitted,
    OrderReported,
    ProposalDecided,
    ProposalMade,
    ReportRefused,
    RequestDenied,
    RequestThrottled,
    TradingStateSet,
)
from appliance.domain.intents import RequestId
from appliance.telemetry import catalog
from appliance.telemetry.meter import Meter

WAITING_MAX = 10_000
"""Proposals whose beginning is remembered."""


class Counting:
    """Listens to the recorder."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._made_at: dict[RequestId, datetime] = {}

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
            case FillMissed(fill_ids=fill_ids):
                count(catalog.FILLS_MISSED, by=len(fill_ids))
            case _:
                pass
