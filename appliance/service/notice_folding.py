"""Folds a flood of notices into few: the first of its kind is told at once, what repeats it is counted and told once.

A critical notice is folded only into one that says the very same, word for word, and not after something milder of its
kind has been told since, for then it is news again; and into a number where there are dozens in a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct
from readytrader_sdk.ports import Severity

from appliance.domain.notices import RANK
from appliance.service.notice_words import Words

WINDOW = timedelta(seconds=60)
"""How long the same is counted before it is told again."""
KIND_MAX, CRITICAL_MAX = 10, 50
"""How many different notices of one kind are told one by one in a window, and how many critical ones."""

REMEMBERED = 1_000
"""Beyond so many, what was told longer ago than a window is forgotten."""

_Same = tuple[str, Severity, str]


class Folded(Struct, frozen=True, kw_only=True):
    """What was counted instead of told."""

    about: str
    words: Words
    count: int


class _Window(Struct, kw_only=True):
    """What was told at its beginning, and what has come since."""

    ends_at: float
    told: int = 1
    count: int = 0
    last: Words | None = None

    def add(self, words: Words) -> None:
        self.count += 1
        if self.last is None or RANK[words.severity] >= RANK[self.last.severity]:
            self.last = words


class Folding:
    """What was told lately. `now` counts seconds and never goes back."""

    def __init__(self, now: Callable[[], float], window: timedelta = WINDOW) -> None:
        self._now = now
        self._window_s = window.total_seconds()
        self._same: dict[_Same, _Window] = {}
        self._kinds: dict[str, _Window] = {}

    def admits(self, about: str, words: Words) -> bool:
        """Whether this is to be told now; where not, it was counted."""
        now, is_critical = self._now(), words.severity is Severity.CRITICAL
        same = (about, words.severity, f"{words.subject}\n{words.text}" if is_critical else words.subject)
        self._forget_worse(about, words.severity)
        window = self._same.get(same)
        if window is not None and (window.ends_at > now or window.count):
            window.add(words)
            return False
        kind = self._kinds.get(about)
        if kind is None or (kind.ends_at <= now and not kind.count):
            self._kinds[about] = _Window(ends_at=now + self._window_s)
        elif kind.told < (CRITICAL_MAX if is_critical else KIND_MAX):
            kind.told += 1
        else:
            kind.add(words)
            return False
        if len(self._same) >= REMEMBERED:
            self._same = {key: it for key, it in self._same.items() if it.ends_at > now or it.count}
        self._same[same] = _Window(ends_at=now + self._window_s)
        return True

    def next_in_s(self) -> float | None:
        """In how many seconds something that was counted is to be told; None while there is nothing."""
        ends = [it.ends_at for it in (*self._same.values(), *self._kinds.values()) if it.count]
        return max(0.0, min(ends) - self._now()) if ends else None

    def take(self, *, all_of_it: bool = False) -> list[Folded]:
        """What is to be told by now; it is counted anew from here. `all_of_it` waits for no window's end."""
        now, folded = self._now(), []
        for same, window in [*self._same.items()]:
            if not all_of_it and window.ends_at > now:
                continue
            del self._same[same]
            if window.last is not None:
                folded.append(_folded(same[0], window.last, window.count))
                self._same[same] = _Window(ends_at=now + self._window_s)
        for about, window in [*self._kinds.items()]:
            if not all_of_it and window.ends_at > now:
                continue
            del self._kinds[about]
            if window.last is not None:
                folded.append(_folded(about, window.last, window.count, among=f"{about} notices, the last: "))
        return folded

    def _forget_worse(self, about: str, severity: Severity) -> None:
        """What was critical and is told to be milder now is news when it comes back."""
        if severity is Severity.CRITICAL:
            return
        for same in [it for it in self._same if it[0] == about and it[1] is Severity.CRITICAL]:
            if not self._same[same].count:
                del self._same[same]


def _folded(about: str, last: Words, count: int, among: str = "") -> Folded:
    subject = f"{count} more {among}{last.subject}" if among else f"{last.subject} ({count} more times)"
    text = f"{count} notices in the last minute were folded into this one. The last: {last.text}"
    return Folded(about=about, words=Words(severity=last.severity, subject=subject, text=text), count=count)
