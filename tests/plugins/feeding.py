"""Local exchanges whose market moves by itself, and feeds that listen to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from readytrader_sdk.egress import Endpoint, HttpAllowance
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.market import Quote, Tick

from appliance.local_exchange.model import LocalExchange
from builtin_plugins.ccxt_source.source import CcxtSource
from tests.local_exchange.ground import BTC, ETH, quote, served

BOUND_S = 30.0
MOVES_EVERY_S = 0.05


@asynccontextmanager
async def moving_market() -> AsyncIterator[tuple[LocalExchange, int]]:
    """A local exchange whose quotes change all the time around 60,000 and 2,500, and its port."""
    async with served() as (venue, url):
        moving = asyncio.create_task(_move(venue))
        try:
            yield venue, int(url.rpartition(":")[2])
        finally:
            moving.cancel()
            with suppress(asyncio.CancelledError):
                await moving


async def _move(venue: LocalExchange) -> None:
    step = 0
    while True:
        step += 1
        venue.show(quote(BTC, str(59_999 + step % 7), str(60_001 + step % 7), str(1 + step % 5)))
        venue.show(quote(ETH, "2499", "2501", str(1 + step % 9)))
        await asyncio.sleep(MOVES_EVERY_S)


def settings(exchange: str, port: int, **more: str) -> dict[str, str]:
    return {
        "exchange": exchange, "symbols": "BTC/USDT,ETH/USDT", "url": f"http://127.0.0.1:{port}", "timeframes": "none",
    } | more  # fmt: skip


def context(given: dict[str, str], *private: Endpoint) -> PluginContext:
    return PluginContext(
        name="feed",
        settings=given,
        secrets={},
        logger=logging.getLogger("feed"),
        state_folder=Path("/nonexistent"),
        http=HttpAllowance(private_hosts=private),
    )


def feed_of(exchange: str, port: int, **more: str) -> CcxtSource:
    return CcxtSource(context(settings(exchange, port, **more), Endpoint("127.0.0.1", port)))


async def listen_until(source: CcxtSource, enough: Callable[[list[Tick]], bool]) -> list[Tick]:
    """Take ticks until there are enough; the stream is closed then. Raises what it raises."""
    ticks: list[Tick] = []
    stream = source.stream()
    try:
        async with asyncio.timeout(BOUND_S):
            async for tick in stream:
                ticks.append(tick)
                if enough(ticks):
                    return ticks
        raise AssertionError("the stream ended")
    finally:
        await stream.aclose()  # type: ignore[attr-defined] # it is a generator


def quotes(ticks: list[Tick]) -> list[Quote]:
    return [tick for tick in ticks if isinstance(tick, Quote)]
