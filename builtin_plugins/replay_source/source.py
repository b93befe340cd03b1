"""The player: reads, merges, moves in time, and paces."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from msgspec.structs import replace
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Instrument
from readytrader_sdk.market import Candle, Tick

from builtin_plugins.replay_source import binance_usdm, candles_csv, kraken_rest
from builtin_plugins.replay_source.recording import EPOCH, TIMEFRAMES, Recorded
from builtin_plugins.replay_source.settings import Format, ReplaySettings, Shift, read_settings

SECOND = timedelta(seconds=1)


class ReplaySource:
    """Delivers a recording as it was, or as if it were now. The same recording is the same ticks in the same order."""

    paper_only = "replay"

    def __init__(
        self,
        context: PluginContext,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = read_settings(context)
        for path in self._settings.paths:
            if not path.is_file():
                raise Misconfigured(f"{context.name}: path: no such file: {path}")
        self._clock = clock
        self._sleep = sleep
        self._arrived_at = EPOCH

    def recorded_clock(self) -> datetime:
        """The recorder's clock at the tick delivered last: what `now` was, for who judges a recording as it was."""
        return self._arrived_at

    def instruments(self) -> Sequence[Instrument]:
        """What the recording says of its instrument; only Kraken's asset pairs do."""
        if self._settings.format is not Format.KRAKEN_REST:
            return []
        answers = (kraken_rest.read(path, self._settings.symbol) for path in self._settings.paths)
        return [answer for answer in answers if isinstance(answer, Instrument)]

    async def stream(self) -> AsyncIterator[Tick]:
        """The recording's ticks, once or over and over. Raises `Misconfigured` for a file that is not such a one."""
        settings = self._settings
        while True:
            if settings.speed is not None:
                async for tick in self._played(settings.speed):
                    yield tick
            elif settings.shift is Shift.NOW:
                for tick in self._as_history():
                    yield tick
            else:
                for recorded in _recording(settings):
                    self._arrived_at = recorded.arrived_at
                    yield recorded.tick
            if not settings.loop:
                return

    async def _played(self, speed: Fraction) -> AsyncIterator[Tick]:
        """Each tick when it is due by its time of arrival."""
        started_at = self._clock()
        first: Recorded | None = None
        for recorded in _recording(self._settings):
            first = first or recorded
            due_at = started_at + _scaled(recorded.arrived_at - first.arrived_at, speed)
            if (wait := (due_at - self._clock()) / SECOND) > 0:
                await self._sleep(wait)
            self._arrived_at = recorded.arrived_at
            if self._settings.shift is Shift.NONE:
                yield recorded.tick
            else:
                passed = _scaled(_moment(recorded.tick) - _moment(first.tick), speed)
                yield _at(recorded.tick, started_at + passed)
        if first is None:
            raise Misconfigured("path: the recording is empty")

    def _as_history(self) -> Iterator[Tick]:
        """All at once, the newest of now. A candle keeps to its grid: it moves by a whole number of timeframes."""
        recording = list(_recording(self._settings))
        if not recording:
            return
        move = self._clock() - max(_moment(recorded.tick) for recorded in recording)
        for recorded in recording:
            self._arrived_at = recorded.arrived_at
            tick = recorded.tick
            by = move - move % TIMEFRAMES[tick.timeframe] if isinstance(tick, Candle) else move
            yield _at(tick, _moment(tick) + by)


def _recording(settings: ReplaySettings) -> Iterator[Recorded]:
    """All files in one, by time of arrival; of two that arrived together, the file named first."""
    return heapq.merge(*(_file(settings, index) for index in range(len(settings.paths))), key=lambda each: each[0])


def _file(settings: ReplaySettings, index: int) -> Iterator[Recorded]:
    path = settings.paths[index]
    if settings.format is Format.BINANCE_USDM:
        return binance_usdm.read(path, settings.symbol, settings.depth)
    if settings.format is Format.CANDLES_CSV:
        return candles_csv.read(path, settings.symbol, settings.timeframe)
    answer = kraken_rest.read(path, settings.symbol)
    return iter(()) if isinstance(answer, Instrument) else iter(answer)


def _scaled(duration: timedelta, speed: Fraction) -> timedelta:
    return duration * speed.denominator / speed.numerator


def _moment(tick: Tick) -> datetime:
    """The instant that a tick speaks of: for a candle its close."""
    return tick.opened_at + TIMEFRAMES[tick.timeframe] if isinstance(tick, Candle) else tick.observed_at


def _at(tick: Tick, moment: datetime) -> Tick:
    if isinstance(tick, Candle):
        return replace(tick, opened_at=moment - TIMEFRAMES[tick.timeframe])
    return replace(tick, observed_at=moment)
