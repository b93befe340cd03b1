"""Whether the venue is fit to be sent anything (R21, R28, R40). On paper there is nothing to ask."""

from __future__ import annotations

from datetime import timedelta

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.snapshot import Mode
from appliance.pipeline.case import Case, deny


def ready(case: Case) -> Denial | None:
    """Real orders go to a venue that was reconciled, whose key may not do too much, and that answers."""
    if case.snapshot.mode is not Mode.LIVE:
        return None
    venue = case.snapshot.venue
    problem = "no venue of that name takes live orders" if venue is None else venue.problem
    return None if problem is None else deny(Code.VENUE_NOT_READY, problem, observed="not ready", limit="ready")


def clock(case: Case) -> Denial | None:
    """A venue judges an order's time by its own clock, and so do we the age of what it says."""
    skew = None if case.snapshot.venue is None else case.snapshot.venue.clock_skew
    limit = case.limits.clock_skew_max
    if skew is None or abs(skew) <= limit:
        return None
    text = "the venue's clock and ours differ too much"
    return deny(Code.CLOCK_SKEW, text, abs(skew) / timedelta(seconds=1), limit / timedelta(seconds=1), "s")


def settled(case: Case) -> Denial | None:
    """No entry on top of an order that may or may not exist."""
    unsettled = None if case.snapshot.venue is None else case.snapshot.venue.unsettled
    if unsettled is None:
        return None
    return deny(Code.OUTCOME_UNSETTLED, "nobody knows yet what became of an order in this instrument", unsettled)
