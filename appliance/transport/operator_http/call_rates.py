"""How often one may call: each account its own share.

Signing in has bounds of its own, which whoever has a second factor passes (`service/lockout.py`). Strangers have no
share together: any program on this host could use it up, and keep everybody from signing in.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.transport.operator_http.faults import TooMany

WINDOW_S = 60.0


class _Bucket:
    """Fills steadily; each call takes one."""

    __slots__ = ("at", "left")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at


class CallRates:
    """Token buckets by account, and one for what is open to anybody. Raises `TooMany`."""

    def __init__(self, calls_per_min: int, monotonic: Callable[[], float]) -> None:
        self._limit = calls_per_min
        self._monotonic = monotonic
        self._buckets: dict[str, _Bucket] = {}

    def draw_account(self, username: str) -> None:
        self._draw(f"account:{username}")

    def draw_anybody(self) -> None:
        self._draw("anybody")

    def _draw(self, key: str) -> None:
        now = self._monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(float(self._limit), now)
        rate = self._limit / WINDOW_S
        bucket.left = min(float(self._limit), bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            raise TooMany(max(1, round((1 - bucket.left) / rate)))
        bucket.left -= 1
