"""What one notifier is still to be given: the most urgent first, again and again until it is taken or given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, PluginError, Unavailable, Unsupported
from readytrader_sdk.ports import Notice, NotifierPort

from appliance.domain.notices import RANK
from appliance.service.enquiries import hear_end
from appliance.service.patience import Patience

log = logging.getLogger(__name__)

QUEUED_MAX = 200
"""Notices that wait for one notifier."""
CALL_S = 15.0
"""A little more than a notifier may take."""
LEAVE_S = 2.0
"""How long what is queued may take when the process goes."""
REASON_MAX = 200

Settled = Callable[[str, Notice, int, str | None], None]
"""The notifier, the notice, the attempts, and why it was given up: None where it was delivered."""
Completed = Callable[[Notice], Awaitable[Notice]]
"""The notice as it is to be sent, once it may be."""


class _Letter(Struct, kw_only=True, eq=False):
    """A notice on its way."""

    notice: Notice
    queued_at: float
    due: float
    attempts: int = 0
    is_complete: bool = False


class Outbox:
    """One notifier's. Everything happens on one event loop."""

    def __init__(
        self, name: str, notifier: NotifierPort, patience: Patience, completed: Completed, settled: Settled
    ) -> None:
        self.name = name
        self.problem: str | None = None
        """What went wrong the last time; None where it went well."""
        self.delivered_at: datetime | None = None
        self._notifier = notifier
        self._pauses = [pause.total_seconds() for pause in patience.notice_pauses]
        self._give_up_after_s = patience.notice_give_up_after.total_seconds()
        self._completed = completed
        self._settled = settled
        self._waiting: list[_Letter] = []
        self._on_its_way: _Letter | None = None
        self._left_alone_until = 0.0
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self._deliver(), name=f"notices-{self.name}")
        self._task.add_done_callback(hear_end)

    async def aclose(self) -> None:
        """Deliver what can be delivered in a moment, and stop."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._empty.wait()
        except TimeoutError:
            log.warning("notifier %s: %d notices were not delivered", self.name, len(self._waiting))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def holds(self, notice_id: str) -> bool:
        """Whether this notice waits here."""
        return any(it.notice.notice_id == notice_id for it in self._waiting)

    def put(self, notice: Notice) -> None:
        """Take a notice in. Returns at once; where too many wait, the least urgent is given up in a moment."""
        loop = asyncio.get_running_loop()
        self._waiting.append(_Letter(notice=notice, queued_at=loop.time(), due=loop.time()))
        self._empty.clear()
        self._more.set()
        if len(self._waiting) > QUEUED_MAX:
            loop.call_soon(self._make_room)  # not here: whoever records an event must not be made to record another

    def _make_room(self) -> None:
        while len(self._waiting) > QUEUED_MAX:
            others = [letter for letter in self._waiting if letter is not self._on_its_way]
            # Of the least urgent the oldest.
            self._end(min(others, key=lambda letter: RANK[letter.notice.severity]), "too many notices wait")

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._more.clear()
            letter = self._next(loop.time())
            if letter is not None:
                await self._give(letter)
                continue
            pause = max(0.0, min(it.due for it in self._waiting) - loop.time()) if self._waiting else None
            try:
                async with asyncio.timeout(pause):
                    await self._more.wait()
            except TimeoutError:
                pass

    def _next(self, now: float) -> _Letter | None:
        """The most urgent that is due, and of those the oldest."""
        due = [it for it in self._waiting if max(it.due, self._left_alone_until) <= now]
        return max(due, key=lambda it: RANK[it.notice.severity], default=None)

    async def _give(self, letter: _Letter) -> None:
        """One attempt."""
        self._on_its_way = letter
        if not letter.is_complete:
            letter.notice, letter.is_complete = await self._completed(letter.notice), True
        letter.attempts += 1
        try:
            async with asyncio.timeout(CALL_S):
                await self._notifier.notify(letter.notice)
        except (Misconfigured, Unsupported) as fault:
            self._end(letter, str(fault))
        except (PluginError, TimeoutError) as fault:
            self._put_off(letter, str(fault) or "no answer", fault)
        except Exception as fault:  # noqa: BLE001 - whatever one attempt ends in, the next notice has to go out
            self._put_off(letter, type(fault).__name__, fault)
        else:
            self._end(letter, None)
        finally:
            self._on_its_way = None

    def _put_off(self, letter: _Letter, problem: str, fault: Exception) -> None:
        """Until its next pause is over, or until the service wants to hear of us again."""
        self.problem = problem
        log.warning("notifier %s: %s (%s)", self.name, problem, letter.notice.subject)
        now = asyncio.get_running_loop().time()
        asked = fault.retry_after_s if isinstance(fault, Unavailable) else None
        if asked is not None:
            letter.due = self._left_alone_until = now + asked
        elif letter.attempts <= len(self._pauses):
            letter.due = now + self._pauses[letter.attempts - 1]
        else:
            self._end(letter, problem)
            return
        if letter.due - letter.queued_at > self._give_up_after_s:
            self._end(letter, problem)

    def _end(self, letter: _Letter, fault: str | None) -> None:
        """It was delivered, or is given up."""
        self._waiting.remove(letter)
        if not self._waiting:
            self._empty.set()
        notice = letter.notice
        self.problem = fault
        if fault is not None:
            log.error("notifier %s: given up, not told: %s: %s (%s)", self.name, notice.subject, notice.text, fault)
        self._settled(self.name, notice, letter.attempts, None if fault is None else fault[:REASON_MAX])
