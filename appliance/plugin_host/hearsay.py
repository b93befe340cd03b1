"""What a worker says in words: cut, printable, and only so much of it. It is foreign text wherever it is shown."""

from __future__ import annotations

import logging
from collections.abc import Callable

TEXT_MAX = 300
LINE_MAX = 1000
LOGGED_BURST, LOGGED_PER_S = 200, 20.0
"""So many lines of a worker are logged; the rest are counted."""
TAKEN_BURST, TAKEN_PER_S = 20_000, 1000.0
"""A worker that sends more lines than these is a nuisance."""


def printable(text: str, length_max: int = TEXT_MAX) -> str:
    """The beginning of a text, with a dot for every character that could move a cursor, hide or reorder text."""
    cut = text[:length_max]
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(character if character.isprintable() else "·" for character in cut)


class _Allowance:
    """So many at once, and so many a second in the long run."""

    def __init__(self, burst: int, per_s: float, now: Callable[[], float]) -> None:
        self._burst, self._per_s, self._now = burst, per_s, now
        self._left = float(burst)
        self._filled_at = now()

    def take(self) -> bool:
        """One more, where there is one."""
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class PluginLog:
    """Passes a worker's lines on to the logger `plugin.NAME`, at most so many a second."""

    def __init__(self, name: str, now: Callable[[], float]) -> None:
        """`now` is a monotonic clock in seconds."""
        self._log = logging.getLogger(f"plugin.{name}")
        self._taken = _Allowance(TAKEN_BURST, TAKEN_PER_S, now)
        self._logged = _Allowance(LOGGED_BURST, LOGGED_PER_S, now)
        self._swallowed = 0

    def take(self, level: int, text: str) -> bool:
        """Log one line, or count it where there were too many. Whether the worker keeps within bounds."""
        if not self._taken.take():
            return False
        if not self._logged.take():
            self._swallowed += 1
            return True
        if self._swallowed:
            self._log.warning("%d lines were not logged: too many at once", self._swallowed)
            self._swallowed = 0
        self._log.log(min(max(level, logging.DEBUG), logging.CRITICAL), "%s", printable(text, LINE_MAX))
        return True
