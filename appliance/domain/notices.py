"""What people are told: which kinds of notice there are, who is told which, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace
from readytrader_sdk.ports import Severity


class Family(StrEnum):
    """What a notice is about, in one word, for routes."""

    APPROVALS = "approvals"
    """Proposals that wait, and what became of them."""
    TRADING = "trading"
    """Halts, restrictions, resuming, and venues that are being emptied."""
    ORDERS = "orders"
    """Orders filled and rejected, and whatever is wrong with one."""
    VENUES = "venues"
    """Venues, their keys and balances."""
    MONEY = "money"
    """Money put in and taken out, losses near their limit or beyond, the summary of a day."""
    LIMITS = "limits"
    """Limits tightened and loosened."""
    ACCESS = "access"
    """Agents, operators, tokens, sign-ins."""
    SYSTEM = "system"
    """The appliance itself: workers, journal, configuration, watchdog."""


FAMILY_OF: Mapping[str, Family] = {
    "proposal.made": Family.APPROVALS,
    "proposal.decided": Family.APPROVALS,
    "approval.given": Family.APPROVALS,
    "trading_state.set": Family.TRADING,
    "all_cancel.requested": Family.TRADING,
    "all_cancel.done": Family.TRADING,
    "order.reported": Family.ORDERS,
    "report.refused": Family.ORDERS,
    "foreign_order.found": Family.ORDERS,
    "fill.missed": Family.ORDERS,
    "outcome.unresolved": Family.ORDERS,
    "drift.found": Family.VENUES,
    "venue.changed": Family.VENUES,
    "key_rights.seen": Family.VENUES,
    "funds.moved": Family.MONEY,
    "day.told": Family.MONEY,
    "loss.near": Family.MONEY,
    "loss.reached": Family.MONEY,
    "limit.loosening_asked": Family.LIMITS,
    "limit.loosening_confirmed": Family.LIMITS,
    "limit.set": Family.LIMITS,
    "limit.change_ended": Family.LIMITS,
    "limits.looser_at_start": Family.LIMITS,
    "operator.changed": Family.ACCESS,
    "operator.signed_in": Family.ACCESS,
    "operator.locked_out": Family.ACCESS,
    "agent.added": Family.ACCESS,
    "agent.revoked": Family.ACCESS,
    "authentication.refused": Family.ACCESS,
    "request.throttled": Family.ACCESS,
    "worker.changed": Family.SYSTEM,
    "watchdog.changed": Family.SYSTEM,
    "core.changed": Family.SYSTEM,
    "journal.failed": Family.SYSTEM,
}
"""Every kind of notice. Those that are kinds of journal entries tell of such an entry; the rest are of what no entry
says."""
TEST = "notice.test"
"""The kind of a test notice: it goes to whom it was asked for, whatever their route."""
ROUTE_NAMES = frozenset({*FAMILY_OF, *map(str, Family)})
"""What a route may name."""
RANK = {severity: rank for rank, severity in enumerate(Severity)}
"""The more urgent, the higher."""


class Route(Struct, frozen=True, kw_only=True):
    """Which notices one notifier is given."""

    severity_min: Severity = Severity.INFO
    events: frozenset[str] | None = None
    """Kinds and families; None for all."""

    def takes(self, about: str, severity: Severity) -> bool:
        """Whether a notice of this kind goes here."""
        if RANK[severity] < RANK[self.severity_min]:
            return False
        return self.events is None or about in self.events or FAMILY_OF.get(about, Family.SYSTEM) in self.events


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    """The service behind the notifier said that it has it."""
    GIVEN_UP = "given_up"


GIVEN_UP_KEPT = 1_000
"""How many notices that could not be delivered are kept at hand, to be read or sent again."""


class Delivery(Struct, frozen=True, kw_only=True):
    """What became of a notice at one notifier."""

    notifier: str
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    """In the life of the core in which it ended."""
    at: datetime | None = None
    """When it was delivered or given up."""
    reason: str | None = None
    """Why it was given up."""


class NoticeRecord(Struct, frozen=True, kw_only=True):
    """A notice and what became of it."""

    notice_id: str
    about: str
    severity: Severity
    subject: str
    text: str
    repeats: int
    """How many others were folded into it."""
    by: str
    made_at: datetime
    deliveries: tuple[Delivery, ...]
    seen_by: str | None = None
    """Who read it after it could not be delivered."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """The notifiers that are still to be given it."""
        return tuple(it.notifier for it in self.deliveries if it.state is DeliveryState.WAITING)

    @property
    def failed(self) -> tuple[str, ...]:
        """The notifiers at which it was given up, while nobody has read it."""
        if self.seen_by is not None:
            return ()
        return tuple(it.notifier for it in self.deliveries if it.state is DeliveryState.GIVEN_UP)

    @property
    def is_open(self) -> bool:
        """Whether anything is left to do or to read; what is not is looked up in the store."""
        return bool(self.waiting or self.failed)

    @property
    def is_delivered(self) -> bool:
        """Whether any notifier delivered it."""
        return any(it.state is DeliveryState.DELIVERED for it in self.deliveries)


class NoticeMade(Struct, frozen=True, kw_only=True):
    """Somebody is to be told something; written before anybody is, and with the event that it tells of."""

    notice_id: str
    about: str
    """The kind of event that it tells of, or one of `appliance.domain.notices`' own."""
    severity: Severity
    subject: str
    text: str
    to: tuple[str, ...]
    """Notifiers."""
    repeats: int = 0
    """How many others were folded into it."""
    by: str = "core"


class NoticeDelivered(Struct, frozen=True, kw_only=True):
    """The service behind a notifier said that it has a notice."""

    notice_id: str
    notifier: str
    attempts: int


class NoticeGivenUp(Struct, frozen=True, kw_only=True):
    """A notice could not be delivered and is not tried any more. It is here to be read, and can be sent again."""

    notice_id: str
    notifier: str
    attempts: int
    reason: str
    subject: str
    text: str


class NoticeResent(Struct, frozen=True, kw_only=True):
    """A person had an undelivered notice sent again, under its old ID."""

    notice_id: str
    to: tuple[str, ...]
    by: str


class NoticeSeen(Struct, frozen=True, kw_only=True):
    """A person has read a notice that could not be delivered."""

    notice_id: str
    by: str


NoticeEvent = NoticeMade | NoticeDelivered | NoticeGivenUp | NoticeResent | NoticeSeen


def record_after(before: NoticeRecord | None, at: datetime, event: NoticeEvent) -> NoticeRecord | None:
    """The notice after an event; None for an event about a notice that is not known, or no longer."""
    if isinstance(event, NoticeMade):
        return NoticeRecord(
            notice_id=event.notice_id,
            about=event.about,
            severity=event.severity,
            subject=event.subject,
            text=event.text,
            repeats=event.repeats,
            by=event.by,
            made_at=at,
            deliveries=tuple(Delivery(notifier=name) for name in event.to),
        )
    if before is None:
        return None
    match event:
        case NoticeDelivered(notifier=notifier, attempts=attempts):
            done = Delivery(notifier=notifier, state=DeliveryState.DELIVERED, attempts=attempts, at=at)
        case NoticeGivenUp(notifier=notifier, attempts=attempts, reason=reason):
            done = Delivery(notifier=notifier, state=DeliveryState.GIVEN_UP, attempts=attempts, at=at, reason=reason)
        case NoticeResent(to=to):
            # A person has seen where it was given up: what they have sent again is what matters from here on.
            kept = tuple(it for it in before.deliveries if it.state is not DeliveryState.GIVEN_UP)
            again = tuple(Delivery(notifier=name) for name in to)
            return replace(before, deliveries=_with(kept, *again), seen_by=None)
        case NoticeSeen(by=by):
            return replace(before, seen_by=by)
    return replace(before, deliveries=_with(before.deliveries, done))


def _with(deliveries: tuple[Delivery, ...], *newer: Delivery) -> tuple[Delivery, ...]:
    """Each notifier's newest."""
    return tuple({it.notifier: it for it in (*deliveries, *newer)}.values())


class OpenNotices:
    """The notices that wait to be delivered, and those that could not be and that nobody has read, oldest first."""

    def __init__(self) -> None:
        self._notices: dict[str, NoticeRecord] = {}

    def __iter__(self) -> Iterator[NoticeRecord]:
        return iter(self._notices.values())

    def get(self, notice_id: str) -> NoticeRecord | None:
        return self._notices.get(notice_id)

    def put(self, notice: NoticeRecord, *, live: bool) -> None:
        """Keep it, or let it go: the store has it."""
        if live:
            self._notices[notice.notice_id] = notice
        else:
            self._notices.pop(notice.notice_id, None)

    def after(self, at: datetime, event: NoticeEvent) -> list[tuple[NoticeRecord, bool]]:
        """What an event changes, and whether it stays here: of those given up, the oldest go where they are too many.

        Changes nothing itself: that is `put`'s.
        """
        changed = record_after(self.get(event.notice_id), at, event)
        if changed is None:
            return []
        changes = [(changed, changed.is_open)]
        if isinstance(event, NoticeGivenUp) and not changed.waiting:
            given_up = [it for it in self if not it.waiting and it.notice_id != changed.notice_id]
            if len(given_up) >= GIVEN_UP_KEPT:
                changes.append((given_up[0], False))
        return changes
