"""One source's recent prices of one instrument, and the jump that it claims but cannot prove yet."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from decimal import Decimal

from readytrader_sdk.money import ONE

SLOTS = 64
"""A window is kept as this many slots: memory stays the same however many ticks arrive, and an old price is
forgotten at most 1/64 of the window late."""


class _Slot:
    __slots__ = ("high", "low", "opened_at")

    def __init__(self, opened_at: datetime, price: Decimal) -> None:
        self.opened_at = opened_at
        self.low = self.high = price


class PriceRange:
    """What a source's prices of the last `window` were, and which price would be a jump from any of them.

    Times are ours, not the source's: a source that sets its own clock must not be able to shorten the window.
    The newest price is never forgotten, so that silence does not make a later jump believable.
    """

    __slots__ = ("_newest", "_slots", "_step", "_window", "above", "below", "ceiling", "floor")

    def __init__(self, window: timedelta, outlier_max_pct: Decimal) -> None:
        self._window = window
        self._step = window / SLOTS
        self.below = ONE - outlier_max_pct / 100
        self.above = ONE + outlier_max_pct / 100
        """How far a price may be from another, as factors."""
        self._slots: deque[_Slot] = deque()
        self._newest: Decimal | None = None
        self.floor: Decimal | None = None
        """The lowest price that is not a jump; None before the first price."""
        self.ceiling: Decimal | None = None

    def holds(self, low: Decimal, high: Decimal, at: datetime) -> bool:
        """Whether prices from `low` to `high` are near enough to every recent one. Before the first: yes."""
        if self.floor is None or self.ceiling is None:
            return True
        self._forget(at)
        return self.floor <= low and high <= self.ceiling

    def add(self, price: Decimal, at: datetime) -> None:
        """Remember an accepted price."""
        self._newest = price
        slots = self._slots
        if not slots or at - slots[-1].opened_at >= self._step:
            slots.append(_Slot(at, price))
            self._forget(at)
        elif price < slots[-1].low:
            slots[-1].low = price
        elif price > slots[-1].high:
            slots[-1].high = price
        else:
            return
        self._tighten(price)

    def restart(self, price: Decimal, at: datetime) -> None:
        """Forget everything but `price`: a confirmed jump makes the old prices irrelevant."""
        self._slots.clear()
        self.floor = self.ceiling = None
        self.add(price, at)

    def _forget(self, at: datetime) -> None:
        slots = self._slots
        oldest = at - self._window - self._step
        if slots[0].opened_at >= oldest:
            return
        while slots and slots[0].opened_at < oldest:
            slots.popleft()
        if not slots and self._newest is not None:
            slots.append(_Slot(at, self._newest))
        self._set_bounds()

    def _tighten(self, price: Decimal) -> None:
        """Draw the bounds nearer where the new price is the highest or the lowest."""
        floor, ceiling = price * self.below, price * self.above
        if self.floor is None or floor > self.floor:
            self.floor = floor
        if self.ceiling is None or ceiling < self.ceiling:
            self.ceiling = ceiling

    def _set_bounds(self) -> None:
        self.floor = max(slot.high for slot in self._slots) * self.below
        self.ceiling = min(slot.low for slot in self._slots) * self.above


class Claim:
    """A run of ticks at prices that the range does not hold: a bad print, or a truth that nobody confirms yet."""

    __slots__ = ("_above", "_below", "_high", "_low", "count", "first_at", "mid", "observed_at")

    def __init__(self, mid: Decimal, observed_at: datetime, at: datetime, outlier_max_pct: Decimal) -> None:
        self._below = ONE - outlier_max_pct / 100
        self._above = ONE + outlier_max_pct / 100
        self._low = self._high = self.mid = mid
        self.observed_at = observed_at
        self.first_at = at
        self.count = 1

    def extend(self, low: Decimal, high: Decimal, mid: Decimal, observed_at: datetime) -> bool:
        """Add a tick to the run; False when it does not fit every tick before it."""
        if low < self._high * self._below or high > self._low * self._above:
            return False
        self._low = min(self._low, mid)
        self._high = max(self._high, mid)
        self.mid = mid
        self.observed_at = observed_at
        self.count += 1
        return True
