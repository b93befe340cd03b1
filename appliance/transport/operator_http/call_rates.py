"""How often one may call: each account its own share, and all who are not signed in one together."""

from __future__ import annotations

from collections.abc import Callable

from appliance.transport.operator_http.faults import TooMany

WINDOW_S = 60.0
NAMES_MAX = 1024


class _Bucket:
    """Fills steadily; each call takes one."""

    __slots__ = ("at", "left")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at


class CallRates:
    """Token buckets by account, and by address for calls without a session. Raises `TooMany`."""

    def __init__(self, calls_per_min: int, monotonic: Callable[[], float]) -> None:
        self._limit = calls_per_min
        self._monotonic = monotonic
        self._buckets: dict[str, _Bucket] = {}

    def draw_account(self, username: str) -> None:
        self._draw(f"account:{username}")

    def draw_stranger(self, address: str) -> None:
        self._draw(f"address:{address}")

    def _draw(self, key: str) -> None:
        now = self._monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= NAMES_MAX:
                self._buckets.clear()  # accounts and loopback addresses are few: this is a guard, not a policy
            bucket = self._buckets[key] = _Bucket(float(self._limit), now)
        rate = self._limit / WINDOW_S
        bucket.left = min(float(self._limit), bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            raise TooMany(max(1, round((1 - bucket.left) / rate)))
        bucket.left -= 1
