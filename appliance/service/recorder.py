"""The one way in which anything becomes true: an event is applied to the state and written to the journal together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from appliance.domain.events import KIND_OF, Event
from appliance.domain.state import State, Touched
from appliance.store.entry import BODY_BYTES_MAX
from appliance.store.journal import Entry, Journal, JournalUnavailable, Receipt, Record

Clock = Callable[[], datetime]
Companion = Callable[[Event, Sequence[Touched]], Event | None]
"""What is to be written along with an event, given what the event touched; most often nothing."""


class Recorder:
    """Applies events in order on the event-loop thread, and hands them to the journal in the same step.

    The state in memory may run ahead of the disk by what is queued. That is safe because nothing leaves the host
    before `record`'s future has resolved, and a journal that fails once takes nothing more until a restart.
    """

    def __init__(self, journal: Journal, state: State, clock: Clock) -> None:
        self._journal = journal
        self._state = state
        self._clock = clock
        self._encoder = msgspec.json.Encoder(order="deterministic")
        self._listeners: list[Callable[[Event], None]] = []
        self._companion: Companion = lambda _event, _touched: None
        self._broken: str | None = None
        self._newest: asyncio.Future[Receipt] | None = None

    @property
    def failure(self) -> str | None:
        """Why nothing can be recorded any more, or None."""
        return self._broken or self._journal.failed

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` after each event was applied; it must neither block nor record."""
        self._listeners.append(listener)

    def accompany(self, companion: Companion) -> None:
        """Write what `companion` makes of an event in the event's own transaction: both are there, or neither.

        It is given what the event touched, and must be quick, record nothing and raise nothing.
        """
        self._companion = companion

    def record(self, *events: Event) -> asyncio.Future[Receipt]:
        """Apply the events and queue them as one transaction; the future resolves when they are durable.

        Raises before anything is applied: `JournalUnavailable` when the journal has failed, `ImpossibleReport` for a
        report that contradicts its order, `ValueError` for an event that no entry can hold.
        """
        if self.failure is not None:
            raise JournalUnavailable(self.failure)
        at = self._clock()
        entries = [self._entry(at, event) for event in events]
        changes = [(event, self._state.apply(at, event)) for event in events]
        beside = [made for event, touched in changes if (made := self._companion(event, touched)) is not None]
        entries += [self._entry(at, event) for event in beside]
        changes += [(event, self._state.apply(at, event)) for event in beside]
        touched = [record for _, records in changes for record in records]
        durable = self._append(entries, touched)
        self._newest = durable
        # Whoever does not wait learns of a failure from `failure`; the loop need not complain about it as well.
        durable.add_done_callback(lambda done: done.cancelled() or done.exception())
        for event, _ in changes:
            for listener in self._listeners:
                listener(event)
        return durable

    async def written(self) -> None:
        """Wait until everything recorded so far is on disk. Raises `JournalUnavailable` when it never will be."""
        if self._newest is not None:
            await asyncio.shield(self._newest)

    def _entry(self, at: datetime, event: Event) -> Entry:
        kind, body = KIND_OF[type(event)], self._encoder.encode(event)
        if len(body) > BODY_BYTES_MAX:
            raise ValueError(f"event {kind}: {len(body)} bytes, over {BODY_BYTES_MAX}")
        return Entry(kind=kind, at=at, body=body)

    def _append(self, entries: list[Entry], touched: list[Touched]) -> asyncio.Future[Receipt]:
        """Queue what the state has already taken in. Should that fail, nothing may rest on this state any more."""
        try:
            records = [
                Record(kind=it.kind, id=it.id, live=it.live, at=it.at, body=self._encoder.encode(it.value))
                for it in touched
            ]
            return self._journal.append(entries, records)
        except ValueError as fault:
            self._broken = f"the journal cannot hold what has happened: {fault}"
            raise JournalUnavailable(self._broken) from fault
