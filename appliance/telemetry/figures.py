"""Metrics as JSON tells them. Imports nothing heavy: the command line reads them too."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Series(Struct, frozen=True, kw_only=True):
    """One time series as JSON tells it."""

    name: str
    labels: dict[str, str]
    value: float


class Snapshot(Struct, frozen=True, kw_only=True):
    """Every figure at one moment. Floats: for graphs, not for accounts."""

    at: datetime
    series: tuple[Series, ...]
