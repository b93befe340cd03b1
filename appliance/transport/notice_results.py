"""Notices as an operator sees them."""

from __future__ import annotations

from datetime import datetime

from appliance.transport.tool_results import View


class DeliveryView(View, frozen=True, kw_only=True):
    """What became of a notice at one notifier."""

    notifier: str
    state: str
    """waiting, delivered or given_up."""
    attempts: int
    at: datetime | None = None
    reason: str | None = None
    """Why it was given up: the notifier's words, printable and capped."""


class NoticeView(View, frozen=True, kw_only=True):
    """A notice and what became of it."""

    notice_id: str
    about: str
    severity: str
    subject: str
    text: str
    """May quote what an agent or a venue wrote."""
    repeats: int
    """How many notices were folded into it."""
    by: str
    made_at: datetime
    deliveries: tuple[DeliveryView, ...]
    seen_by: str | None = None


class NotifierView(View, frozen=True, kw_only=True):
    """One notifier, now."""

    name: str
    waiting: int
    delivered_at: datetime | None = None
    """When it last delivered something, since the start."""
    problem: str | None = None
    """What went wrong at its newest attempt; None where it went well."""


class NoticesStatus(View, frozen=True, kw_only=True):
    """Whether people are being reached."""

    notifiers: tuple[NotifierView, ...] = ()
    failed: int = 0
    """Notices that were given up somewhere and that nobody has read."""
    untold: tuple[NoticeView, ...] = ()
    """Critical ones among them that no notifier has delivered: whoever sees this is the first to hear of it."""


class Tested(View, frozen=True, kw_only=True):
    """How a test notice fared."""

    delivered: bool
    problem: str | None = None


class Resent(View, frozen=True, kw_only=True):
    """Through which notifiers a notice is sent again."""

    to: tuple[str, ...]
