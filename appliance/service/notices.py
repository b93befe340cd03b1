"""Tells operators what happened, through every notifier, off the order's path: recording an event never waits for it.

Each notifier has a short queue of its own, so that one that hangs holds up no other. A delivery is repeated with the
same `notice_id` until it was taken or given up; what is given up, or does not fit into the queue, is in the log.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice

from readytrader_sdk.errors import Misconfigured, PluginError, Unsupported
from readytrader_sdk.ports import Notice, NotifierPort, Severity

from appliance.domain.events import Event
from appliance.service.enquiries import hear_end
from appliance.service.notice_words import Words, words_of
from appliance.service.patience import Patience

log = logging.getLogger(__name__)

QUEUED_MAX = 200
"""Notices that wait for one notifier."""
CALL_S = 15.0
"""A little more than a notifier may take."""
LEAVE_S = 2.0
"""How long what is queued may take when the process goes."""
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Notices:
    """Hands notices to notifiers. Everything happens on one event loop."""

    def __init__(
        self,
        notifiers: Mapping[str, NotifierPort],
        clock: Callable[[], datetime],
        patience: Patience,
        checkpoint: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`checkpoint` gives the journal's newest, as a signed note."""
        self._outboxes = [_Outbox(name, notifier, patience) for name, notifier in notifiers.items()]
        self._clock = clock
        self._checkpoint = checkpoint

    def start(self) -> None:
        """Begin to deliver; what was told before waits until now."""
        for outbox in self._outboxes:
            outbox.start()

    async def aclose(self) -> None:
        """Deliver what can be delivered in a moment, and stop."""
        await asyncio.gather(*(outbox.aclose() for outbox in self._outboxes))

    def hear(self, event: Event) -> None:
        """Tell of a recorded event, where it is worth it. Returns at once, and raises nothing: it is recorded."""
        if not self._outboxes:
            return
        try:
            words = words_of(event)
            if words is not None:
                self.tell(words)
        except Exception:
            log.exception("no notice could be made of a %s", type(event).__name__)

    def tell(self, words: Words) -> None:
        """Tell this. Returns at once."""
        note = self._checkpoint()
        notice = Notice(
            notice_id=secrets.token_hex(16),
            severity=words.severity,
            subject=words.subject,
            text=words.text,
            at=self._clock(),
            checkpoint=None if note is None else in_short(note),
        )
        for outbox in self._outboxes:
            outbox.put(notice)


def in_short(note: str) -> str:
    """Size and root of a signed checkpoint (C2SP tlog-checkpoint: the second and the third line)."""
    return " ".join(note.split("\n")[1:3])


class _Outbox:
    """What one notifier is still to be given, oldest first."""

    def __init__(self, name: str, notifier: NotifierPort, patience: Patience) -> None:
        self._name = name
        self._notifier = notifier
        self._pauses = [pause.total_seconds() for pause in patience.notice_pauses]
        self._waiting: deque[Notice] = deque()
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._deliver(), name=f"notices-{self._name}")
        self._task.add_done_callback(hear_end)

    async def aclose(self) -> None:
        if self._task is None:
            return
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._empty.wait()
        except TimeoutError:
            log.warning("notifier %s: %d notices were not delivered", self._name, len(self._waiting))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def put(self, notice: Notice) -> None:
        if len(self._waiting) >= QUEUED_MAX:
            # The least urgent goes, and of those the oldest: a flood of small news buries no alarm. The first one is on
            # its way already.
            least = min(islice(self._waiting, 1, None), key=lambda waiting: _RANK[waiting.severity])
            dropped = least if _RANK[least.severity] <= _RANK[notice.severity] else notice
            log.error("notifier %s: too many notices, not told: %s", self._name, dropped.subject)
            if dropped is notice:
                return
            self._waiting.remove(least)
        self._waiting.append(notice)
        self._empty.clear()
        self._more.set()

    async def _deliver(self) -> None:
        while True:
            while self._waiting:
                notice = self._waiting[0]
                await self._give(notice)
                if self._waiting and self._waiting[0] is notice:
                    self._waiting.popleft()
            self._empty.set()
            self._more.clear()
            await self._more.wait()

    async def _give(self, notice: Notice) -> None:
        """Until it was taken, the notifier says that it never will be, or the last pause is over."""
        for pause in (*self._pauses, None):
            try:
                async with asyncio.timeout(CALL_S):
                    await self._notifier.notify(notice)
            except (Misconfigured, Unsupported) as fault:
                log.error("notifier %s refuses %r: %s", self._name, notice.subject, fault)
                return
            except (PluginError, TimeoutError) as fault:
                log.warning("notifier %s: %s (%s)", self._name, str(fault) or "no answer", notice.subject)
            else:
                return
            if pause is not None:
                await asyncio.sleep(pause)
        log.error("notifier %s: given up, not told: %s: %s", self._name, notice.subject, notice.text)
