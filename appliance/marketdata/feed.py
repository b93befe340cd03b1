"""Carries what the data sources deliver into the bus.

A source runs in a worker process of its own; what arrives here is batches of ticks. One that fails is started again
after a pause, one that cannot work as it is set up is not. The worker may get only so far ahead as its link lets it,
and the event loop gets its turn between batches, so that no source can keep the core from anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, PluginError, Unsupported
from readytrader_sdk.market import Tick

from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.values import SourceInfo

Clock = Callable[[], datetime]

BATCH = 256
"""Ticks published before the event loop gets its turn."""


class TickBatches(Protocol):
    """A source as the core sees it."""

    def batches(self) -> AsyncIterator[Sequence[Tick]]:
        """Ticks in the order observed, some at a time, until the source has no more. Raises the SDK's errors."""


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


class Feed:
    """One source on its way into the bus."""

    def __init__(
        self,
        bus: MarketDataBus,
        info: SourceInfo,
        source: TickBatches,
        clock: Clock,
        backoff: Backoff | None = None,
        *,
        refused_as: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        """In live mode `refused_as` waits until the source is ready, and says what its prices are called where they
        are not a market's of now; such a source delivers nothing. Empty where they are."""
        self.info = info
        self._bus = bus
        self._source = source
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._refused_as = refused_as
        self._task: asyncio.Task[None] | None = None
        self._delivered = 0
        self._state = FeedState.IDLE
        self._restarts = 0
        self._last_error: str | None = None

    def health(self) -> FeedHealth:
        """How the source is now."""
        return FeedHealth(
            source=self.info.name, state=self._state, restarts=self._restarts, last_error=self._last_error
        )

    def start(self) -> None:
        """Register with the bus and begin to deliver. To be called on the core's event loop, once."""
        self._bus.register(self.info)
        self._task = asyncio.create_task(self._deliver(), name=f"feed-{self.info.name}")

    async def finished(self) -> None:
        """Wait until the source has ended, failed or been stopped, and its last tick is published."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        """End delivery at once."""
        if self._task is None or self._task.done():
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        self._state = FeedState.STOPPED

    async def _deliver(self) -> None:
        """Stream until the source ends, is stopped, or can never work; after any other failure start it again."""
        pause = self._backoff.first
        while True:
            self._state = FeedState.RUNNING
            before = self._delivered
            try:
                await self._stream()
            except (Misconfigured, Unsupported) as error:
                self._fail(FeedState.FAILED, error)
                return
            except Exception as error:  # noqa: BLE001 - whatever comes of foreign code is recorded
                self._fail(FeedState.WAITING, error)
            else:
                self._state = FeedState.ENDED
                return
            pause = self._backoff.first if self._delivered > before else pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._backoff.longest)
            self._restarts += 1

    async def _stream(self) -> None:
        if self._refused_as is not None and (name := await self._refused_as()):
            raise Misconfigured(
                f"{self.info.name}: its prices are {name!r}, not a market's of now; refused in live mode"
            )
        batches = self._source.batches()
        try:
            async for batch in batches:
                received_at = self._clock()
                for start in range(0, len(batch), BATCH):
                    self._publish(batch[start : start + BATCH], received_at)
                    await asyncio.sleep(0)
        finally:
            if isinstance(batches, AsyncGenerator):
                await batches.aclose()

    def _publish(self, ticks: Sequence[Tick], received_at: datetime) -> None:
        """What a subscriber raises reaches the loop's handler, and the rest is published all the same."""
        for tick in ticks:
            self._delivered += 1
            try:
                self._bus.publish(self.info.name, tick, received_at)
            except Exception as fault:  # noqa: BLE001 - told to the loop, whose handler logs it
                context = {"message": f"a subscriber failed on a tick of {self.info.name}", "exception": fault}
                asyncio.get_running_loop().call_exception_handler(context)

    def _fail(self, state: FeedState, error: Exception) -> None:
        """Only a `PluginError` promises a text without secrets; of anything else the type must do."""
        self._state = state
        name = type(error).__name__
        self._last_error = f"{name}: {error}" if isinstance(error, PluginError) else f"the source raised {name}"


class Feeds:
    """All sources that the operator configured."""

    def __init__(self, feeds: Iterable[Feed]) -> None:
        self._feeds = tuple(feeds)

    async def start(self) -> None:
        """Begin to deliver from all of them."""
        for feed in self._feeds:
            feed.start()

    async def aclose(self) -> None:
        """Stop all of them."""
        await asyncio.gather(*(feed.stop() for feed in self._feeds))

    def health(self) -> tuple[FeedHealth, ...]:
        """How each source is now."""
        return tuple(feed.health() for feed in self._feeds)
