"""How long somebody who guesses must wait: longer with each failure, never for ever, and across restarts.

What was guessed while one had to wait is not looked at and does not count, so nobody can prolong another's wait. The
wait ends by itself; whoever is signed in does not wait at all, nor does whoever shows a good one-time code while nobody
guesses codes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

FREE_FAILURES = 4
"""Slips of the finger that cost nothing."""
WAIT_FIRST = timedelta(seconds=5)
WAIT_MAX = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(hours=12)
LISTENER = "*"
"""All names together: somebody who tries one password on many names."""
LISTENER_FREE_FAILURES = 30
LISTENER_WAIT_MAX = timedelta(seconds=30)
NAMES_MAX = 1000
KIND = "failures"


def door_key(username: str) -> str:
    """What codes are counted under that were guessed at a sign-in that had to wait; no username has a colon."""
    return f"door:{username}"


class Failures(Struct, frozen=True, kw_only=True):
    """What went wrong for one name."""

    count: int
    last_at: datetime


class Lockout:
    """Counts failures by name, known or not: both look the same from outside."""

    def __init__(self, known: dict[str, Failures], clock: Callable[[], datetime]) -> None:
        self._failures = known
        self._clock = clock

    def wait(self, username: str) -> timedelta:
        """How long nothing is looked at for this name."""
        return max(self._wait(username), self._wait(LISTENER))

    def wait_alone(self, key: str) -> timedelta:
        """As `wait`, for somebody who is signed in: what strangers try delays them not."""
        return self._wait(key)

    def note_failure(self, username: str, *, alone: bool = False) -> dict[str, Failures | None]:
        """Count one; what is to be kept on disk (None: forgotten)."""
        now = self._clock()
        changed: dict[str, Failures | None] = {}
        for key in (username,) if alone else (username, LISTENER):
            known = self._current(key)
            changed[key] = Failures(count=1 if known is None else known.count + 1, last_at=now)
        self._failures.update({key: value for key, value in changed.items() if value is not None})
        while len(self._failures) > NAMES_MAX:
            oldest = min(self._failures.keys() - {LISTENER}, key=lambda key: self._failures[key].last_at)
            del self._failures[oldest]
            changed[oldest] = None
        return changed

    def forget(self, username: str) -> bool:
        """Start afresh for a name; whether there was anything."""
        return self._failures.pop(username, None) is not None

    def failures(self, username: str) -> int:
        """How many there were of late."""
        known = self._current(username)
        return 0 if known is None else known.count

    def _current(self, key: str) -> Failures | None:
        known = self._failures.get(key)
        forgotten_after = WAIT_MAX if key == LISTENER else FORGOTTEN_AFTER
        return None if known is None or self._clock() - known.last_at > forgotten_after else known

    def _wait(self, key: str) -> timedelta:
        known = self._current(key)
        free, longest = (LISTENER_FREE_FAILURES, LISTENER_WAIT_MAX) if key == LISTENER else (FREE_FAILURES, WAIT_MAX)
        if known is None or known.count <= free:
            return timedelta(0)
        doubled: timedelta = WAIT_FIRST * (1 << min(known.count - free - 1, 16))
        # A clock that was set back must not make anybody wait longer than the longest wait.
        return max(timedelta(0), min(known.last_at - self._clock(), timedelta(0)) + min(doubled, longest))
