"""Ticks on their way from where they are read to whoever asks for the next one. Reading never waits for asking."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from readytrader_sdk.errors import PluginError
from readytrader_sdk.market import Tick

WAITING_MAX = 20_000
"""Beyond it the oldest are dropped: what nobody asked for in a second is old."""


class Mailbox:
    """Unbounded in time, bounded in number. A failure ends it when everything before it was taken."""

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: deque[Tick] = deque()
        self._failure: PluginError | None = None
        self._changed = asyncio.Event()

    def put(self, ticks: Iterable[Tick]) -> None:
        """Take ticks in, in their order."""
        waiting = self._waiting
        waiting.extend(ticks)
        while len(waiting) > WAITING_MAX:
            waiting.popleft()
            self.dropped += 1
        self._changed.set()

    def fail(self, error: PluginError) -> None:
        """End it with this; the first failure counts."""
        self._failure = self._failure or error
        self._changed.set()

    async def taken(self) -> deque[Tick]:
        """All that has come since the last time, at least one tick. Raises the failure."""
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            self._changed.clear()
            await self._changed.wait()
        taken, self._waiting = self._waiting, deque()
        return taken
