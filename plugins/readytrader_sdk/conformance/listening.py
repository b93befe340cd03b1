"""Listening to a stream for a bounded time, and seeing that it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from readytrader_sdk.conformance.checks import expect, shown
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Candle, Sentiment, Tick

STOPPING_S = 2
"""How long a cancelled stream may take to end."""
SETTLING_S = 0.2
"""How long a stream runs before it is cancelled, so that it is inside something that it waits for."""


async def listen(stream: AsyncIterator[Tick], *, ticks_max: int, listen_s: float) -> list[Tick]:
    """The first ticks: until there are enough of them, the time is over, or the stream ends or raises."""
    ticks: list[Tick] = []

    async def take() -> None:
        async for tick in stream:
            ticks.append(tick)
            if len(ticks) >= ticks_max:
                return

    reader = asyncio.create_task(take())
    await asyncio.wait({reader}, timeout=listen_s)
    if reader.done():
        reader.result()
    await stop_reading(reader, stream)
    return ticks


async def expect_to_stop(stream: AsyncIterator[object]) -> None:
    """Expect that a stream ends, without an error, within two seconds after its reader is cancelled."""

    async def drain() -> None:
        async for _ in stream:
            await asyncio.sleep(0)

    reader = asyncio.create_task(drain())
    await asyncio.wait({reader}, timeout=SETTLING_S)
    reader.cancel()
    await asyncio.wait({reader}, timeout=STOPPING_S)
    stopped = reader.done()
    fault = reader.exception() if stopped and not reader.cancelled() else None
    await stop_reading(reader, stream)
    expect(stopped, f"the stream still runs {STOPPING_S} s after it was cancelled")
    expect(fault is None, f"the stream raised {type(fault).__name__}: {shown(str(fault))}")


async def stop_reading(reader: asyncio.Task[None], stream: AsyncIterator[object]) -> None:
    """Leave nothing running, as far as a plugin lets us."""
    if not reader.done():
        reader.cancel()
        await asyncio.wait({reader}, timeout=STOPPING_S)
    close = getattr(stream, "aclose", None)
    if close is not None and reader.done():
        await asyncio.wait_for(close(), STOPPING_S)


def symbol_of(tick: Tick) -> Symbol | None:
    """Whose tick it is; None for what is about no instrument."""
    return None if isinstance(tick, Sentiment) else tick.symbol


def time_of(tick: Tick) -> datetime:
    """When it was observed; for a candle when it began."""
    return tick.opened_at if isinstance(tick, Candle) else tick.observed_at
