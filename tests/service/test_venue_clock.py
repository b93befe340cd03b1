"""A venue's clock is judged by what its answers prove: neither a slow answer nor whole seconds make a difference."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from appliance.service.venue_clock import DOUBT_MAX, PROMPT, SAMPLES_MAX, Sample, measured_skew
from tests.service.rig import NOON

SECOND, MICROSECOND, NOTHING = timedelta(seconds=1), timedelta(microseconds=1), timedelta(0)
PHASES = [timedelta(milliseconds=ms) for ms in (0, 1, 500, 999)]
BOUND = 2 * SECOND


def whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def at_once(told: datetime, at: datetime) -> timedelta:
    return Sample(told=told, asked_at=at, answered_at=at).skew


@pytest.mark.parametrize("phase", PHASES)
def test_a_clock_that_tells_whole_seconds_and_agrees_is_not_off(phase: timedelta) -> None:
    now = NOON + phase
    assert at_once(whole(now), now) == NOTHING


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_that_tells_whole_seconds_is_refused_a_second_past_the_bound(phase: timedelta, sign: int) -> None:
    now = NOON + phase
    assert abs(at_once(whole(now + sign * (BOUND + SECOND + MICROSECOND)), now)) > BOUND


@pytest.mark.parametrize("off", [BOUND + MICROSECOND, -BOUND - MICROSECOND])
def test_a_clock_that_tells_fractions_is_refused_a_microsecond_past_the_bound(off: timedelta) -> None:
    assert at_once(NOON + off, NOON) == off


@pytest.mark.parametrize("looked_after", [NOTHING, SECOND / 2, SECOND])
def test_where_in_its_second_an_answer_was_made_is_no_skew(looked_after: timedelta) -> None:
    told = NOON + MICROSECOND + looked_after
    asked_at = NOON + MICROSECOND
    assert Sample(told=told, asked_at=asked_at, answered_at=asked_at + SECOND).skew == NOTHING


@pytest.mark.parametrize("off", [5 * SECOND, -5 * SECOND])
def test_a_slow_answer_hides_no_clock_that_is_off(off: timedelta) -> None:
    """However slow: no more than the bound of doubt is taken off."""
    told = NOON + 4 * SECOND + off + MICROSECOND
    skew = Sample(told=told, asked_at=NOON, answered_at=NOON + 8 * SECOND).skew
    assert abs(abs(skew) - (abs(off) - DOUBT_MAX)) <= MICROSECOND


@pytest.mark.parametrize(
    ("trips_s", "asked"),
    [((0.5,), 1), ((8, 0.1), 2), ((8, 5, 3), SAMPLES_MAX), ((3, 5, 8), SAMPLES_MAX)],
)
def test_it_is_asked_again_while_answers_are_slow_and_the_quickest_counts(
    trips_s: tuple[float, ...], asked: int
) -> None:
    """The venue looks at its clock when it answers, as behind a queue of ours: half the trip seems to be skew."""
    now, waits = NOON + MICROSECOND, iter(trips_s)

    async def ask() -> datetime:
        nonlocal now
        now += timedelta(seconds=next(waits))
        return now

    skew = asyncio.run(measured_skew(ask, lambda: now))
    assert skew == max(timedelta(seconds=min(trips_s)) / 2 - DOUBT_MAX, NOTHING)
    assert len(trips_s) - len([*waits]) == asked
    assert timedelta(seconds=0.5) == PROMPT
