"""Times: the spans of candles, and instants from what exchanges write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime.fromtimestamp(0, UTC)
TIMEFRAMES = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}


def from_milliseconds(count: int) -> datetime:
    """Milliseconds since 1970. Raises `OverflowError` for what no calendar holds."""
    return EPOCH + timedelta(milliseconds=count)
