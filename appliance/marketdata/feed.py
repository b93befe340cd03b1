"""Runs the data sources: each in a thread of its own, into the bus on the core's event loop.

A source is foreign code. One that blocks its thread for ever blocks nobody else; one that raises is started again
after a pause; one that delivers faster than the core can take is held back. Nothing that a source does reaches the
core except ticks, a few hundred at a time.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, PluginError, Unsupported
from readytrader_sdk.market import Tick
from readytrader_sdk.ports import DataSourcePort

from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.values import SourceInfo

Clock = Callable[[], datetime]

BACKLOG_MAX = 4096
"""Ticks of one source that may wait; a source that gets further ahead waits itself."""
BATCH = 256
"""Ticks published before the event loop gets its turn."""


class FeedState(StrEnum):
    """Where a source is in its life."""

    IDLE = "idle"
    RUNNING = "running"
    WAITING = "waiting"
    """It failed, and is started again after a pause."""
    ENDED = "ended"
    """It has no more to deliver."""
    FAILED = "failed"
    """It cannot work as it is set up; not started again."""
    STOPPED = "stopped"


class Backoff(Struct, frozen=True, kw_only=True):
    """How long to pause after a failure, in seconds: doubled each time, back to the first after a delivered tick."""

    first: float = 1.0
    longest: float = 60.0


class FeedHealth(Struct, frozen=True, kw_only=True):
    """One running source. What was accepted and refused is in the bus's `SourceStatus` of the same name."""

    source: str
    state: FeedState
    restarts: int
    last_error: str | None
    backlog: int


class Feed:
    """One source on its way into the bus."""

    def __init__(
        self,
        bus: MarketDataBus,
        info: SourceInfo,
        source: DataSourcePort,
        clock: Clock,
        backoff: Backoff | None = None,
    ) -> None:
        self.info = info
        self._bus = bus
        self._source = source
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._core: asyncio.AbstractEventLoop | None = None
        self._cancel: Callable[[], object] | None = None
        self._stopping = threading.Event()
        self._backlog: deque[tuple[Tick, datetime]] = deque()
        self._room = threading.BoundedSemaphore(BACKLOG_MAX)
        self._lock = threading.Lock()
        self._draining = False
        self._handed_over = 0
        self._done = asyncio.Event()
        self._state = FeedState.IDLE
        self._restarts = 0
        self._last_error: str | None = None

    def health(self) -> FeedHealth:
        """How the source is now."""
        return FeedHealth(
            source=self.info.name,
            state=self._state,
            restarts=self._restarts,
            last_error=self._last_error,
            backlog=len(self._backlog),
        )

    def start(self) -> None:
        """Register with the bus and begin to deliver. To be called on the core's event loop, once."""
        self._bus.register(self.info)
        self._core = asyncio.get_running_loop()
        # A daemon: a source that never returns must not keep the process alive.
        threading.Thread(target=self._run, name=f"feed-{self.info.name}", daemon=True).start()

    async def finished(self) -> None:
        """Wait until the source has ended, failed or been stopped, and its last tick is published."""
        await self._done.wait()

    async def stop(self, grace: float) -> bool:
        """End delivery at once. False when the source's thread did not end within `grace` seconds: it is abandoned."""
        if self._core is None:
            return True
        self._stopping.set()
        if self._cancel is not None:
            with suppress(RuntimeError):  # its loop has just closed by itself
                self._cancel()
        try:
            await asyncio.wait_for(self._done.wait(), grace)
        except TimeoutError:
            self._state = FeedState.STOPPED
            self._last_error = f"did not stop within {grace} s; its thread is abandoned"
            return False
        return True

    # in the source's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._deliver())
        except asyncio.CancelledError:
            pass
        finally:
            if self._stopping.is_set():
                self._state = FeedState.STOPPED
            elif self._state is FeedState.RUNNING:
                self._state = FeedState.FAILED
                self._last_error = "the source cancelled itself"
            if self._core is not None:
                with suppress(RuntimeError):  # the core's loop is closed: nobody waits any more
                    self._core.call_soon_threadsafe(self._finish)

    async def _deliver(self) -> None:
        """Stream until the source ends, is stopped, or can never work; after any other failure start it again."""
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        if task is not None:
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        pause = self._backoff.first
        while not self._stopping.is_set():
            self._state = FeedState.RUNNING
            before = self._handed_over
            try:
                await self._stream()
            except (Misconfigured, Unsupported) as error:
                self._fail(FeedState.FAILED, error)
                return
            except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code: whatever it raises is recorded
                self._fail(FeedState.WAITING, error)
            else:
                self._state = FeedState.ENDED
                return
            pause = self._backoff.first if self._handed_over > before else pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._backoff.longest)
            self._restarts += 1

    async def _stream(self) -> None:
        ticks = self._source.stream()
        try:
            async for tick in ticks:
                if self._stopping.is_set():
                    return
                self._hand_over(tick)
        finally:
            if isinstance(ticks, AsyncGenerator):
                await ticks.aclose()

    def _hand_over(self, tick: Tick) -> None:
        received_at = self._clock()
        while not self._room.acquire(timeout=0.1):
            if self._stopping.is_set():
                return
        self._handed_over += 1
        self._backlog.append((tick, received_at))
        with self._lock:
            wakes, self._draining = not self._draining, True
        if wakes and self._core is not None:
            self._core.call_soon_threadsafe(self._drain)

    def _fail(self, state: FeedState, error: BaseException) -> None:
        """Only a `PluginError` promises a text without secrets; of anything else the type must do."""
        self._state = state
        name = type(error).__name__
        self._last_error = f"{name}: {error}" if isinstance(error, PluginError) else f"the source raised {name}"

    # on the core's event loop

    def _drain(self) -> None:
        """Publish what waits, a batch at a time. What a subscriber raises reaches the loop's handler, and the rest
        is published all the same."""
        try:
            for _ in range(min(BATCH, len(self._backlog))):
                tick, received_at = self._backlog.popleft()
                self._room.release()
                if not self._stopping.is_set():
                    self._bus.publish(self.info.name, tick, received_at)
        finally:
            with self._lock:
                self._draining = bool(self._backlog)
            if self._draining and self._core is not None:
                self._core.call_soon(self._drain)

    def _finish(self) -> None:
        if self._backlog and self._core is not None:
            self._core.call_soon(self._finish)
        else:
            self._done.set()


class Feeds:
    """All sources that the operator configured."""

    def __init__(self, feeds: Iterable[Feed]) -> None:
        self._feeds = tuple(feeds)

    async def start(self) -> None:
        """Begin to deliver from all of them."""
        for feed in self._feeds:
            feed.start()

    async def aclose(self, grace: float = 2.0) -> None:
        """Stop all of them; those that do not end within `grace` seconds are abandoned, and their health says so."""
        await asyncio.gather(*(feed.stop(grace) for feed in self._feeds))

    def health(self) -> tuple[FeedHealth, ...]:
        """How each source is now."""
        return tuple(feed.health() for feed in self._feeds)
