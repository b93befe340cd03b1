"""Runs a data source to its end with a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.market import Tick

NOW = datetime(2026, 3, 1, 9, 30, 20, tzinfo=UTC)


class SleepClock:
    """Time as the source sees it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def context(**settings: str) -> PluginContext:
    return PluginContext(
        name="source", settings=settings, secrets={}, logger=logging.getLogger("test"), state_folder=Path()
    )


def play(stream: AsyncIterator[Tick], count: int = 10**6) -> list[Tick]:
    """The first `count` ticks of a stream, or all there are."""

    async def collect() -> list[Tick]:
        ticks: list[Tick] = []
        async for tick in stream:
            ticks.append(tick)
            if len(ticks) == count:
                break
        return ticks

    return asyncio.run(collect())
