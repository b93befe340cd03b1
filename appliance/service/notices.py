"""Tells operators what happened, through every notifier whose route takes it, off the order's path.

A notice of a recorded event is written in the event's own transaction, before anybody is told; what became of it at
each notifier is written too. So a restart delivers what a crash kept from being delivered, under the same ID, and
nothing that could not be delivered is lost. What cannot be written (the journal has failed) is told all the same. A
notice is never about a notice.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from msgspec.structs import replace
from readytrader_sdk.ports import Notice, NotifierPort, Severity

from appliance.domain.events import KIND_OF, Event
from appliance.domain.notices import (
    TEST,
    NoticeDelivered,
    NoticeGivenUp,
    NoticeMade,
    NoticeRecord,
    NoticeResent,
    NoticeSeen,
    Route,
)
from appliance.domain.state import State, Touched
from appliance.service.journal_words import plain
from appliance.service.notice_folding import Folding
from appliance.service.notice_outbox import Outbox
from appliance.service.notice_words import Words, words_of_change
from appliance.service.patience import Patience
from appliance.service.recorder import Recorder
from appliance.store.journal import JournalUnavailable

log = logging.getLogger(__name__)

DURABLE_S_MAX = 2.0
"""How long a delivery waits for the journal: a disk that hangs must not silence an alarm."""
TEST_S = 12.0
"""How long the outcome of a test is waited for."""


class NoNotice(ValueError):
    """There is no such notice or notifier. The message is the operator's answer."""


class Notices:
    """Makes notices, and hands them to notifiers. Everything happens on one event loop."""

    def __init__(
        self,
        notifiers: Mapping[str, NotifierPort],
        clock: Callable[[], datetime],
        patience: Patience,
        checkpoint: Callable[[], str | None] = lambda: None,
        *,
        routes: Mapping[str, Route] | None = None,
        state: State | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """`checkpoint` gives the journal's newest, as a signed note; `routes` are everything, where there are none.

        Where there is a `recorder`, it is to be accompanied by `beside` and listened to by `hear`; the watchdog process
        has no journal, and what it tells is in its log.
        """
        self._routes = dict.fromkeys(notifiers, Route()) if routes is None else dict(routes)
        self._outboxes = {
            name: Outbox(name, notifier, patience, self._completed, self._settled)
            for name, notifier in notifiers.items()
        }
        self._clock = clock
        self._checkpoint = checkpoint
        self._state = state
        self._recorder = recorder
        self._folding = Folding(lambda: asyncio.get_running_loop().time())
        self._unfolding: asyncio.TimerHandle | None = None
        self._unrecorded: set[str] = set()
        """IDs of those that no entry is about."""
        self._outcomes: dict[str, asyncio.Future[str | None]] = {}

    @property
    def outboxes(self) -> tuple[Outbox, ...]:
        """One for each notifier."""
        return tuple(self._outboxes.values())

    def start(self) -> None:
        """Begin to deliver: what was told before, and what an earlier life left undelivered, waits until now."""
        for record in () if self._state is None else [*self._state.notices]:
            for name in record.waiting:
                outbox = self._outboxes.get(name)
                if outbox is not None and not outbox.holds(record.notice_id):
                    outbox.put(_notice(record))
                elif outbox is None and name not in self._routes:
                    self._write(_given_up(_notice(record), name, 0, "there is no such notifier any more"))
        for outbox in self._outboxes.values():
            outbox.start()

    async def aclose(self) -> None:
        """Deliver what can be delivered in a moment, and stop. The rest is delivered by the next life."""
        self._unfold(all_of_it=True)
        if self._unfolding is not None:
            self._unfolding.cancel()
        await asyncio.gather(*(outbox.aclose() for outbox in self._outboxes.values()))

    # what is told

    def beside(self, event: Event, touched: Sequence[Touched] = ()) -> NoticeMade | None:
        """The notice that goes into the journal with an event; None for most. Returns at once and raises nothing."""
        if not self._routes or isinstance(event, NoticeMade):
            return None
        try:
            words = words_of_change(event, touched)
            return None if words is None else self._made(KIND_OF[type(event)], words)
        except Exception:
            log.exception("no notice could be made of a %s", type(event).__name__)
            return None

    def hear(self, event: Event) -> None:
        """Deliver what a recorded event asks for. Returns at once, and raises nothing: it is recorded."""
        if self._recorder is None and (made := self.beside(event)) is not None:
            self._hand_out(made, self._clock())
        elif isinstance(event, NoticeMade):
            self._hand_out(event, self._clock())
        elif isinstance(event, NoticeResent):
            self._hand_out_again(event)

    def tell(self, about: str, words: Words, *, but: str = "") -> None:
        """Tell what no event says, to everybody but the notifier `but`. Returns at once."""
        if self._routes and (made := self._made(about, words, but)) is not None:
            self._issue(made)

    # for a person

    async def test(self, name: str, by: str) -> str | None:
        """Send a harmless notice to one notifier; why it could not be delivered, or None where it was.

        Raises `NoNotice`.
        """
        if name not in self._outboxes:
            raise NoNotice(f"no notifier {name!r}; there is {', '.join(sorted(self._outboxes)) or 'none'}")
        text = f"Asked for by {by}. Nothing has happened, and there is nothing to do."
        words = Words(severity=Severity.INFO, subject="a test of this notifier", text=text)
        made = _of(TEST, words, (name,), by)
        outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._outcomes[made.notice_id] = outcome
        try:
            self._issue(made)
            async with asyncio.timeout(TEST_S):
                return await outcome
        except TimeoutError:
            return self._outboxes[name].problem or "no answer yet; it is tried again"
        finally:
            del self._outcomes[made.notice_id]

    async def resend(self, notice_id: str, by: str) -> tuple[str, ...]:
        """Have a notice that was given up sent again under its ID: where it was given up, or, where none of those
        notifiers is left, to all whose route takes it. Raises `NoNotice` and `JournalUnavailable`.
        """
        record = self._undelivered(notice_id)
        again = tuple(name for name in record.failed if name in self._routes)
        to = again or self._takers(record.about, record.severity)
        if not to:
            raise NoNotice("there is no notifier to send it through")
        await self._ledger.record(NoticeResent(notice_id=notice_id, to=to, by=by))
        return to

    async def dismiss(self, notice_id: str, by: str) -> None:
        """Have a notice that was given up count as read. Raises `NoNotice` and `JournalUnavailable`."""
        self._undelivered(notice_id)
        await self._ledger.record(NoticeSeen(notice_id=notice_id, by=by))

    def failed(self) -> list[NoticeRecord]:
        """Those given up at some notifier that nobody has read, oldest first."""
        return [] if self._state is None else [it for it in self._state.notices if it.failed]

    def untold(self) -> list[NoticeRecord]:
        """Critical ones that no notifier has delivered, and that one has given up at least."""
        return [it for it in self.failed() if it.severity is Severity.CRITICAL and not it.is_delivered]

    def _undelivered(self, notice_id: str) -> NoticeRecord:
        record = None if self._state is None else self._state.notices.get(notice_id)
        if record is None or not record.failed:
            raise NoNotice(f"no notice {notice_id[:64]!r} was given up; readytrader notices list --failed shows those")
        return record

    @property
    def _ledger(self) -> Recorder:
        if self._recorder is None:
            raise NoNotice("this process keeps no journal of notices")
        return self._recorder

    # making

    def _made(self, about: str, words: Words, but: str = "") -> NoticeMade | None:
        """A notice for those whose route takes it, unless it repeats what was told a moment ago."""
        to = tuple(name for name in self._takers(about, words.severity) if name != but)
        if not to or not self._folding.admits(about, words):
            self._plan_unfolding()
            return None
        return _of(about, words, to)

    def _takers(self, about: str, severity: Severity) -> tuple[str, ...]:
        """Who is told. A critical notice that no route takes goes to everybody: somebody has to know."""
        takers = tuple(name for name, route in self._routes.items() if route.takes(about, severity))
        return tuple(self._routes) if not takers and severity is Severity.CRITICAL else takers

    def _plan_unfolding(self) -> None:
        in_s = self._folding.next_in_s()
        if in_s is not None and self._unfolding is None:
            self._unfolding = asyncio.get_running_loop().call_later(in_s, self._unfold)

    def _unfold(self, *, all_of_it: bool = False) -> None:
        """Tell what was counted."""
        self._unfolding = None
        for it in self._folding.take(all_of_it=all_of_it):
            words = Words(severity=it.words.severity, subject=plain(it.words.subject, 200), text=it.words.text)
            self._issue(_of(it.about, words, self._takers(it.about, it.words.severity), repeats=it.count))
        if not all_of_it:
            self._plan_unfolding()

    def _issue(self, made: NoticeMade) -> None:
        """Write it, whereupon `hear` hands it out; where nothing can be written, hand it out all the same."""
        if self._recorder is not None:
            with suppress(JournalUnavailable):
                self._recorder.record(made)
                return
        self._hand_out(made, self._clock())

    # delivering

    def _hand_out(self, made: NoticeMade, at: datetime) -> None:
        if self._recorder is not None and self._recorder.failure is not None:
            self._unrecorded.add(made.notice_id)
        notice = Notice(
            notice_id=made.notice_id, severity=made.severity, subject=made.subject, text=made.text, at=at
        )  # fmt: skip
        for name in made.to:
            self._put(name, notice)

    def _hand_out_again(self, event: NoticeResent) -> None:
        record = None if self._state is None else self._state.notices.get(event.notice_id)
        if record is not None:
            for name in event.to:
                self._put(name, _notice(record))

    def _put(self, name: str, notice: Notice) -> None:
        """Without plugins (a core that only keeps the journal for a moment) it waits for the next life."""
        if name in self._outboxes:
            self._outboxes[name].put(notice)

    async def _completed(self, notice: Notice) -> Notice:
        """With the newest checkpoint, which covers the very event that it tells of: its transaction is on disk."""
        if self._recorder is not None:
            with suppress(TimeoutError, JournalUnavailable):
                async with asyncio.timeout(DURABLE_S_MAX):
                    await self._recorder.written()
        note = self._checkpoint()
        return notice if note is None else replace(notice, checkpoint=in_short(note))

    def _settled(self, name: str, notice: Notice, attempts: int, fault: str | None) -> None:
        """An outbox is done with a notice."""
        if fault is None:
            self._outboxes[name].delivered_at = self._clock()
        outcome = self._outcomes.get(notice.notice_id)
        if outcome is not None and not outcome.done():
            outcome.set_result(fault)
        if notice.notice_id in self._unrecorded:
            return
        if fault is None:
            self._write(NoticeDelivered(notice_id=notice.notice_id, notifier=name, attempts=attempts))
        else:
            self._write(_given_up(notice, name, attempts, fault))

    def _write(self, event: NoticeDelivered | NoticeGivenUp) -> None:
        """Into the journal, while it can be written; the next life delivers again what it does not say."""
        if self._recorder is not None:
            with suppress(JournalUnavailable):
                self._recorder.record(event)


def in_short(note: str) -> str:
    """Size and root of a signed checkpoint (C2SP tlog-checkpoint: the second and the third line)."""
    return " ".join(note.split("\n")[1:3])


def _of(about: str, words: Words, to: tuple[str, ...], by: str = "core", repeats: int = 0) -> NoticeMade:
    return NoticeMade(
        notice_id=secrets.token_hex(16),
        about=about,
        severity=words.severity,
        subject=words.subject,
        text=words.text,
        to=to,
        repeats=repeats,
        by=by,
    )


def _given_up(notice: Notice, name: str, attempts: int, reason: str) -> NoticeGivenUp:
    return NoticeGivenUp(
        notice_id=notice.notice_id,
        notifier=name,
        attempts=attempts,
        reason=reason,
        subject=notice.subject,
        text=notice.text,
    )


def _notice(record: NoticeRecord) -> Notice:
    return Notice(
        notice_id=record.notice_id,
        severity=record.severity,
        subject=record.subject,
        text=record.text,
        at=record.made_at,
    )
