"""What an operator is shown of the limits: what holds, what is used, what was changed and what waits."""

from __future__ import annotations

from datetime import datetime

from appliance.transport.tool_results import View


class LimitView(View, frozen=True, kw_only=True):
    """One limit as it holds; values as the configuration writes them."""

    name: str
    """The setting's key."""
    value: str
    unit: str = ""
    configured: str
    tighter: str | None = None
    """Which way it is tighter; None where it cannot be changed while the core runs."""
    fixed_because: str | None = None
    doc: str
    changed_by: str | None = None
    changed_at: datetime | None = None
    reason: str | None = None


class ChangeView(View, frozen=True, kw_only=True):
    """One change of a limit, whatever became of it."""

    id: str
    name: str
    before: str
    value: str
    tightens: bool
    state: str
    reason: str
    asked_by: str
    asked_at: datetime
    factor: str | None = None
    due_at: datetime
    people_needed: int
    confirmed_by: tuple[str, ...] = ()
    ended_by: str | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None


class LimitsView(View, frozen=True, kw_only=True):
    """Everything about limits."""

    limits: tuple[LimitView, ...]
    pending: tuple[ChangeView, ...]
    """Loosenings that wait, the next first."""
    history: tuple[ChangeView, ...]
    """Changes of any state, the newest first."""
    loosening_delay_sec: int


class GaugeView(View, frozen=True, kw_only=True):
    """How much of one limit is used now, in its unit."""

    rule: str
    name: str
    setting: str
    used: str
    limit: str
    unit: str
    used_pct: str | None = None
    """None of a limit of 0."""


class UsageView(View, frozen=True, kw_only=True):
    gauges: tuple[GaugeView, ...]
