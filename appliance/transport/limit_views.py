"""Limits as an operator sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from appliance.domain.codes import MEANINGS
from appliance.domain.limit_changes import LimitChange
from appliance.domain.tightness import FIXED, TIGHTER
from appliance.pipeline.usage import Usage
from appliance.service.limit_book import LimitBook, LimitRow
from appliance.transport import limit_results as results
from appliance.transport.amounts import number_text
from appliance.transport.approval_views import percent_text
from appliance.transport.foreign_text import printable

SECOND = timedelta(seconds=1)


def limits_view(book: LimitBook, history: Sequence[LimitChange]) -> results.LimitsView:
    """What holds, what waits, and what was."""
    in_force = book.in_force()
    return results.LimitsView(
        limits=tuple(_limit_view(row, in_force.get(row.key)) for row in book.rows()),
        pending=tuple(map(change_view, book.pending())),
        history=tuple(map(change_view, history)),
        loosening_delay_sec=book.limits.loosening_delay // SECOND,
    )


def _limit_view(row: LimitRow, change: LimitChange | None) -> results.LimitView:
    return results.LimitView(
        name=row.key,
        value=row.value,
        unit=row.unit,
        configured=row.configured,
        tighter=TIGHTER.get(row.field),
        fixed_because=FIXED.get(row.field),
        doc=row.doc,
        changed_by=None if change is None else change.asked_by,
        changed_at=None if change is None else change.asked_at,
        reason=None if change is None else printable(change.reason, 200),
    )


def change_view(change: LimitChange) -> results.ChangeView:
    """One change as it stands."""
    return results.ChangeView(
        id=change.change_id,
        name=change.setting,
        before=change.before,
        value=change.value,
        tightens=change.tightens,
        state=change.state,
        reason=printable(change.reason, 200),
        asked_by=change.asked_by,
        asked_at=change.asked_at,
        factor=change.factor,
        due_at=change.due_at,
        people_needed=change.people_min,
        confirmed_by=tuple(name for name in change.confirmed_by if name != change.asked_by),
        ended_by=change.ended_by,
        ended_at=change.ended_at,
        ended_why=None if change.ended_why is None else printable(change.ended_why, 200),
    )


def usage_view(usages: Sequence[Usage]) -> results.UsageView:
    """How much of every limit on the portfolio is used now."""
    return results.UsageView(gauges=tuple(map(_gauge, usages)))


def _gauge(usage: Usage) -> results.GaugeView:
    level = usage.level
    return results.GaugeView(
        rule=MEANINGS[level.code].rule,
        name=printable(level.name, 100),
        setting=level.setting,
        used=number_text(usage.before),
        limit=number_text(level.limit),
        unit=level.unit,
        used_pct=percent_text(usage.before_pct),
    )
