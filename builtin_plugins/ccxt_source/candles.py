"""Closed candles by REST: the history first, then each one shortly after it closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from readytrader_sdk.errors import Misconfigured, PluginError
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Candle

from builtin_plugins.ccxt_source.failures import failure
from builtin_plugins.ccxt_source.markets import Market
from builtin_plugins.ccxt_source.timeframes import EPOCH, TIMEFRAMES, from_milliseconds
from builtin_plugins.ccxt_source.unified import exact

HISTORY = 500
"""Candles of each timeframe at the start; fewer where an exchange tells fewer."""
RECENT = 5
AFTER_CLOSE = timedelta(seconds=2)
"""Until an exchange has made up its mind about the candle."""
Delivered = dict[tuple[Symbol, str], datetime]
"""The first instant of the last candle that was delivered."""


class Candles:
    """What has been delivered of each market and timeframe, across streams."""

    def __init__(self, name: str, timeframes: Sequence[str], clock: Callable[[], datetime]) -> None:
        self._name = name
        self._timeframes = timeframes
        self._clock = clock
        self._last: Delivered = {}

    async def follow(
        self, exchange: Any, markets: Sequence[Market], put: Callable[[Sequence[Candle]], None], log: logging.Logger
    ) -> None:
        """Deliver for ever. A failure costs candles and no prices: it is logged, and made good the next time."""
        due = [timeframe for timeframe in self._timeframes if self._is_offered(exchange, timeframe, log)]
        if not due:
            return
        while True:
            for timeframe in due:
                for market in markets:
                    try:
                        put(await self._news(exchange, market, timeframe))
                    except Misconfigured:
                        raise
                    except PluginError as error:
                        log.warning("candles %s: %s", timeframe, error)
            now = self._clock()
            await asyncio.sleep((self._next_close(now) + AFTER_CLOSE - now).total_seconds())
            due = [timeframe for timeframe in due or self._timeframes if self._is_offered(exchange, timeframe, log)]

    def _is_offered(self, exchange: Any, timeframe: str, log: logging.Logger) -> bool:
        offered = bool(exchange.has.get("fetchOHLCV")) and timeframe in (exchange.timeframes or {})
        if not offered:
            log.warning("candles %s: the exchange has none by REST", timeframe)
        return offered

    def _next_close(self, now: datetime) -> datetime:
        shortest = min(TIMEFRAMES[timeframe] for timeframe in self._timeframes)
        return now - (now - EPOCH) % shortest + shortest

    async def _news(self, exchange: Any, market: Market, timeframe: str) -> list[Candle]:
        """The closed candles after the last that was delivered; asks only when one can have closed since."""
        key, span, now = (market.symbol, timeframe), TIMEFRAMES[timeframe], self._clock()
        last = self._last.get(key)
        if last is not None and last + 2 * span > now:
            return []
        missing = HISTORY if last is None else min(HISTORY, int((now - last) / span) + RECENT)
        try:
            rows = await exchange.fetch_ohlcv(market.symbol, timeframe, None, missing)
        except Exception as error:  # ccxt's errors, and whatever is below them
            raise failure(self._name, f"{market.symbol}", error) from error
        found = [candle for row in rows if (candle := candle_of(market, timeframe, row)) is not None]
        news = [
            candle
            for candle in sorted(found, key=lambda candle: candle.opened_at)
            if candle.opened_at + span <= now and (last is None or candle.opened_at > last)
        ]
        if news:
            self._last[key] = news[-1].opened_at
        return news


def candle_of(market: Market, timeframe: str, row: Sequence[Any]) -> Candle | None:
    """A row of ccxt's (ms, open, high, low, close, volume); None without a number, or a time that a calendar holds."""
    opened_at = row[0]
    numbers = [exact(number) for number in row[1:6]]
    if not isinstance(opened_at, int) or len(numbers) != 5:
        return None
    first, high, low, close, volume = numbers
    if first is None or high is None or low is None or close is None or volume is None:
        return None
    try:
        at = from_milliseconds(opened_at)
    except OverflowError:
        return None
    return Candle(
        symbol=market.symbol,
        timeframe=timeframe,
        opened_at=at,
        open=first,
        high=high,
        low=low,
        close=close,
        volume=volume * market.contract_size,
    )
