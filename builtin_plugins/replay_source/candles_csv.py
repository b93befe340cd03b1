"""Candles in CSV with the header `timestamp,open,high,low,close,volume`; a time is the candle's first instant, UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Candle
from readytrader_sdk.money import decimal_from_text

from builtin_plugins.replay_source.recording import TIMEFRAMES, Recorded, read_lines

HEADER = "timestamp,open,high,low,close,volume"


def read(path: Path, symbol: Symbol, timeframe: str) -> Iterator[Recorded]:
    """The file's candles in its order; each arrives when it closes. Raises `Misconfigured` with the line's number."""
    duration = TIMEFRAMES[timeframe]
    for number, line in enumerate(read_lines(path), start=1):
        try:
            text = line.decode("ascii").strip()
            if number == 1:
                if text != HEADER:
                    raise ValueError(f"expected the header {HEADER}, got {text[:60]!r}")
                continue
            stamp, *cells = text.split(",")
            first, high, low, last, volume = map(decimal_from_text, cells)
            opened_at = datetime.fromisoformat(stamp)
        except ValueError as error:
            raise Misconfigured(f"{path}: line {number}: {error}") from error
        opened_at = opened_at.astimezone(UTC) if opened_at.tzinfo else opened_at.replace(tzinfo=UTC)
        candle = Candle(
            symbol=symbol,
            timeframe=timeframe,
            opened_at=opened_at,
            open=first,
            high=high,
            low=low,
            close=last,
            volume=volume,
        )
        yield Recorded(opened_at + duration, candle)
