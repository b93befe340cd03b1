"""How far a venue's clock is ahead of ours, judged by no more than what the answers prove.

The venue looked at its clock at some moment between question and answer, and may tell whole seconds alone, as Kraken
does and the header `Date` of HTTP (RFC 9110, 5.6.7). What the measurement may be off by is therefore taken off the
difference, up to a bound: a slow answer must not hide a clock that is really off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from msgspec import Struct

from appliance.service.recorder import Clock

SAMPLES_MAX = 3
PROMPT = timedelta(milliseconds=500)
"""An answer within it is good enough: no further question is asked."""
DOUBT_MAX = timedelta(seconds=1)
"""What is taken off at most: half of `PROMPT`, half a second for whole seconds, and something for a busy host."""
_SECOND, _NOTHING = timedelta(seconds=1), timedelta(0)


class Sample(Struct, frozen=True, kw_only=True):
    """One question about the time and its answer; all but `told` by our clock."""

    told: datetime
    asked_at: datetime
    answered_at: datetime

    @property
    def round_trip(self) -> timedelta:
        """How long the answer took; the less, the better it proves anything."""
        return abs(self.answered_at - self.asked_at)

    @property
    def skew(self) -> timedelta:
        """How far the venue's clock is ahead at the least; below zero where it is behind."""
        grain = _NOTHING if self.told.microsecond else _SECOND
        middle = self.told + grain / 2 - (self.asked_at + (self.answered_at - self.asked_at) / 2)
        doubt = min((self.round_trip + grain) / 2, DOUBT_MAX)
        if middle > _NOTHING:
            return max(middle - doubt, _NOTHING)
        return min(middle + doubt, _NOTHING)


async def measured_skew(ask: Callable[[], Awaitable[datetime]], clock: Clock) -> timedelta:
    """Ask the venue for its time, again while answers are slow; the one that came soonest counts.

    Raises what `ask` raises.
    """
    samples: list[Sample] = []
    while len(samples) < SAMPLES_MAX:
        asked_at = clock()
        told = await ask()
        samples.append(Sample(told=told, asked_at=asked_at, answered_at=clock()))
        if samples[-1].round_trip <= PROMPT:
            break
    return min(samples, key=lambda sample: sample.round_trip).skew
