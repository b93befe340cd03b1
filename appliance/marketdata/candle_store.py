"""Closed candles, bounded, with the longer timeframes built from the minutes."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Candle

from appliance.marketdata.sanity import EPOCH, TIMEFRAMES
from appliance.marketdata.values import Verdict

MINUTE = timedelta(minutes=1)
BUILT = tuple(timeframe for timeframe in TIMEFRAMES if timeframe != "1m")


class CandleStore:
    """The candles of one source. What the source delivers itself is kept as it is; what it does not is built.

    A built candle is closed and complete: it starts at a minute that is known to be the first of its span, and it
    appears when the last minute, or any later one, has arrived. Minutes without a candle are minutes without a trade.
    """

    def __init__(self, candles_max: int) -> None:
        self._candles_max = candles_max
        self._delivered: dict[tuple[Symbol, str], deque[Candle]] = {}
        self._built: dict[tuple[Symbol, str], deque[Candle]] = {}
        self._forming: dict[tuple[Symbol, str], _Forming] = {}

    def add(self, candle: Candle) -> Verdict:
        """Keep a candle that comes after the last of its kind."""
        kept = self._series(self._delivered, candle.symbol, candle.timeframe)
        if kept and candle.opened_at <= kept[-1].opened_at:
            return Verdict.REPEATED if candle == kept[-1] else Verdict.OUT_OF_ORDER
        first = not kept
        kept.append(candle)
        if candle.timeframe == "1m":
            for timeframe in BUILT:
                self._build(candle, timeframe, first=first)
        return Verdict.ACCEPTED

    def candles(self, symbol: Symbol, timeframe: str) -> tuple[Candle, ...]:
        """Oldest first: the source's own where there are any, else the built ones."""
        key = (symbol, timeframe)
        return tuple(self._delivered.get(key) or self._built.get(key) or ())

    def _series(self, series: dict[tuple[Symbol, str], deque[Candle]], symbol: Symbol, timeframe: str) -> deque[Candle]:
        return series.setdefault((symbol, timeframe), deque(maxlen=self._candles_max))

    def _build(self, minute: Candle, timeframe: str, *, first: bool) -> None:
        key = (minute.symbol, timeframe)
        span = TIMEFRAMES[timeframe]
        opened_at = minute.opened_at - (minute.opened_at - EPOCH) % span
        forming = self._forming.get(key)
        if forming is None or forming.candle.opened_at != opened_at:
            if forming is not None and forming.whole:
                self._series(self._built, *key).append(forming.candle)
            started = replace(minute, timeframe=timeframe, opened_at=opened_at)
            # History that begins inside a span has lost the span's first minutes.
            forming = _Forming(candle=started, whole=not first or minute.opened_at == opened_at)
        else:
            forming = _Forming(candle=_joined(forming.candle, minute), whole=forming.whole)
        if minute.opened_at + MINUTE < opened_at + span:
            self._forming[key] = forming
            return
        self._forming.pop(key, None)
        if forming.whole:
            self._series(self._built, *key).append(forming.candle)


class _Forming(Struct, frozen=True, kw_only=True):
    candle: Candle
    whole: bool


def _joined(candle: Candle, minute: Candle) -> Candle:
    return replace(
        candle,
        high=max(candle.high, minute.high),
        low=min(candle.low, minute.low),
        close=minute.close,
        volume=candle.volume + minute.volume,
    )


def is_closed(candle: Candle, now: datetime, clock_skew_max: timedelta) -> bool:
    """Whether the candle's last instant has passed, as far as the source's clock may be trusted."""
    return candle.opened_at + TIMEFRAMES[candle.timeframe] <= now + clock_skew_max
