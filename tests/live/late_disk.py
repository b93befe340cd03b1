"""A disk that takes its time, by turns of the event loop instead of by a thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from appliance.store.journal import JournalUnavailable
from appliance.store.writer import Group


class SomeTurnsLater:
    """Commits on the caller's thread, some turns of the loop after it was asked: what is on disk is known at each turn,
    and what was only queued is lost with a crash."""

    TURNS = 3

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def submit(self, commit: Callable[[Group], str], group: Group) -> Future[str]:
        done: Future[str] = Future()

        def now() -> None:
            try:
                done.set_result(commit(group))
            except JournalUnavailable as fault:
                done.set_exception(fault)

        self._waiting.append(now)
        self._turn(self.TURNS)
        return done

    def _turn(self, left: int) -> None:
        if left:
            asyncio.get_running_loop().call_soon(self._turn, left - 1)
        elif self._waiting:
            self._waiting.popleft()()

    def shutdown(self, *, wait: bool) -> None:
        """Everything that was asked for is done."""
        assert wait
        while self._waiting:
            self._waiting.popleft()()
