"""What all formats share: a tick with the moment it was recorded, exact times, and files that may be compressed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.market import Tick

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMEFRAMES = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}


class Recorded(NamedTuple):
    """A tick, and when it reached the recorder by the recorder's clock (which need not agree with the source's)."""

    arrived_at: datetime
    tick: Tick


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, unpacked when its name ends in `.gz`."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError) as error:
        raise Misconfigured(f"{path}: cannot be read: {error}") from error


def from_milliseconds(count: int) -> datetime:
    """A Unix time in whole milliseconds, exactly."""
    return EPOCH + timedelta(milliseconds=count)


def from_nanoseconds(count: int) -> datetime:
    """A Unix time in nanoseconds, to the microsecond below."""
    return EPOCH + timedelta(microseconds=count // 1000)


def from_seconds(seconds: Decimal) -> datetime:
    """A Unix time in seconds with a fraction, to the microsecond below."""
    return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
