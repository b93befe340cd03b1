"""Notifiers: ways to tell an operator something."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct


class Severity(StrEnum):
    """How soon somebody should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Notice(Struct, frozen=True, kw_only=True):
    """One message to an operator: no secret, no confirm token.

    Subject and text may quote what an agent or a venue wrote: markup, mentions, links, control characters.
    """

    notice_id: str
    """Unique: a receiver can tell a repeated delivery from a second notice."""
    severity: Severity
    subject: str
    text: str
    at: datetime
    checkpoint: str | None = None
    """The journal's newest checkpoint, in short: whoever keeps the message is a witness of the journal."""


@runtime_checkable
class NotifierPort(Protocol):
    """A way to tell an operator something. Required of every notifier plugin."""

    async def notify(self, notice: Notice) -> None:
        """Deliver it: returns when the service has taken it. The text is shown as it is, never as markup or mention.

        Timeout 10 s. May be repeated, with the same `notice_id`. What is too long for the service is cut, visibly.
        Raises `Unavailable` (try later; with `retry_after_s` where the service says when), `Misconfigured` (the service
        refuses this address or key).
        """
