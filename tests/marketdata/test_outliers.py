"""Prices that are too far from the source's own, or from the others': what confirms them, and what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.values import Verdict, ViewProblem
from tests.marketdata.building import (
    ANNS_FEED,
    BTC_USDT,
    MICROSECOND,
    REST,
    SECOND,
    START,
    STREAM,
    STREAM_2,
    book,
    bus_of,
    quote,
    spread,
    trade,
)

HOUR = timedelta(hours=1)


def publish(bus: MarketDataBus, source: str, price: str, seconds: int) -> Verdict:
    at = START + seconds * SECOND
    return bus.publish(source, quote(price, at), at)


def test_a_quote_dated_ten_years_ahead_is_refused_and_leaves_no_trace() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    assert bus.publish("stream", quote("101", START.replace(year=2036)), START + SECOND) is Verdict.FROM_FUTURE
    assert publish(bus, "stream", "100", 2) is Verdict.ACCEPTED
    facts = bus.facts(BTC_USDT, START + 2 * SECOND)
    assert facts is not None
    assert facts.observed_at == START + 2 * SECOND


@pytest.mark.parametrize("silence", [timedelta(seconds=11), HOUR, timedelta(days=30)])
def test_a_fall_of_99_9_percent_after_silence_is_refused(silence: timedelta) -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", quote("100", START), START)
    at = START + silence
    assert bus.publish("stream", quote("0.1", at), at) is Verdict.JUMP_UNCONFIRMED


def test_not_a_number_is_refused_and_leaves_no_trace() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    assert publish(bus, "stream", "NaN", 1) is Verdict.NOT_FINITE
    assert publish(bus, "stream", "100", 2) is Verdict.ACCEPTED


@pytest.mark.parametrize(("inside", "beyond"), [("80", "79.99"), ("120", "120.01")])
def test_a_change_of_exactly_the_limit_passes_and_one_step_more_does_not(inside: str, beyond: str) -> None:
    for price, expected in ((inside, Verdict.ACCEPTED), (beyond, Verdict.JUMP_UNCONFIRMED)):
        bus = bus_of(STREAM)
        publish(bus, "stream", "100", 0)
        assert publish(bus, "stream", price, 1) is expected


def test_both_sides_of_a_quote_must_be_near() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    at = START + SECOND
    assert bus.publish("stream", spread("79", "121", at), at) is Verdict.JUMP_UNCONFIRMED


def test_books_and_trades_are_held_to_the_same_limit() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", book("99", "101"), START)
    bus.publish("stream", trade("100"), START)
    at = START + SECOND
    assert bus.publish("stream", book("50", "51", at), at) is Verdict.JUMP_UNCONFIRMED
    assert bus.publish("stream", trade("50", at), at) is Verdict.JUMP_UNCONFIRMED


def test_small_steps_do_not_add_up_to_a_jump_within_the_window() -> None:
    bus = bus_of(STREAM)
    verdicts = [publish(bus, "stream", price, second) for second, price in enumerate(("100", "90", "81", "79.99"))]
    assert verdicts == [Verdict.ACCEPTED] * 3 + [Verdict.JUMP_UNCONFIRMED]


def test_forgetting_the_oldest_price_does_not_forget_the_rest_of_the_window() -> None:
    bus = bus_of(STREAM)
    for seconds, price in ((0, "100"), (5, "100"), (9, "85")):
        publish(bus, "stream", price, seconds)
    assert publish(bus, "stream", "79.99", 12) is Verdict.JUMP_UNCONFIRMED


def test_the_same_steps_pass_once_the_window_is_over() -> None:
    bus = bus_of(STREAM)
    for seconds, price in ((0, "100"), (1, "90"), (2, "81")):
        publish(bus, "stream", price, seconds)
    assert publish(bus, "stream", "79.99", 14) is Verdict.ACCEPTED


def test_a_jump_is_believed_when_another_source_has_already_moved() -> None:
    bus = bus_of(STREAM, REST)
    publish(bus, "stream", "100", 0)
    at = START + HOUR
    bus.publish("rest", quote("50", at), at)
    assert bus.publish("stream", quote("50", at), at) is Verdict.ACCEPTED


def test_two_sources_that_jump_together_confirm_each_other() -> None:
    bus = bus_of(STREAM, REST)
    publish(bus, "stream", "100", 0)
    publish(bus, "rest", "100", 0)
    assert publish(bus, "stream", "50", 1) is Verdict.CONTRADICTED
    assert publish(bus, "rest", "50", 2) is Verdict.ACCEPTED
    assert publish(bus, "stream", "50", 3) is Verdict.ACCEPTED


def test_a_source_that_claims_a_new_price_no_longer_vouches_for_its_old_one() -> None:
    bus = bus_of(STREAM, REST)
    publish(bus, "stream", "100", 0)
    assert publish(bus, "stream", "50", 1) is Verdict.JUMP_UNCONFIRMED
    assert publish(bus, "rest", "50", 2) is Verdict.ACCEPTED


def test_one_bad_source_is_outvoted_however_long_it_insists() -> None:
    bus = bus_of(STREAM, STREAM_2, REST)
    for seconds in range(120):
        assert publish(bus, "stream_2", "100", seconds) is Verdict.ACCEPTED
        assert publish(bus, "rest", "100", seconds) is Verdict.ACCEPTED
        expected = Verdict.ACCEPTED if seconds == 0 else Verdict.CONTRADICTED
        assert publish(bus, "stream", "100" if seconds == 0 else "65", seconds) is expected
    facts = bus.facts(BTC_USDT, START + 120 * SECOND)
    assert facts is not None
    assert (facts.bid, facts.sources) == (100, ("stream_2", "rest"))


@pytest.mark.parametrize(("price", "expected"), [("80", Verdict.ACCEPTED), ("79.99", Verdict.CONTRADICTED)])
def test_a_first_quote_must_fit_the_median_of_the_others(price: str, expected: Verdict) -> None:
    bus = bus_of(STREAM, STREAM_2, REST)
    publish(bus, "stream_2", "99", 0)
    publish(bus, "rest", "101", 0)
    assert publish(bus, "stream", price, 0) is expected


def test_a_lone_source_is_believed_after_enough_ticks_over_enough_time() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    verdicts = [publish(bus, "stream", "50", 1 + second) for second in range(11)]
    assert verdicts == [Verdict.JUMP_UNCONFIRMED] * 10 + [Verdict.ACCEPTED]


def test_the_time_for_a_lone_source_is_counted_by_our_clock_to_the_microsecond() -> None:
    for wait, expected in ((10 * SECOND, Verdict.ACCEPTED), (10 * SECOND - MICROSECOND, Verdict.JUMP_UNCONFIRMED)):
        bus = bus_of(STREAM)
        publish(bus, "stream", "100", 0)
        began = START + SECOND
        for number in range(4):
            bus.publish("stream", quote("50", began + number * MICROSECOND), began)
        assert bus.publish("stream", quote("50", began + wait), began + wait) is expected


def test_enough_time_without_enough_ticks_confirms_nothing() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    verdicts = [publish(bus, "stream", "50", 1 + 1000 * number) for number in range(5)]
    assert verdicts == [Verdict.JUMP_UNCONFIRMED] * 4 + [Verdict.ACCEPTED]


def test_the_same_tick_again_and_again_confirms_nothing() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    stuck = quote("50", START + SECOND)
    verdicts = {bus.publish("stream", stuck, START + seconds * SECOND) for seconds in range(1, 100)}
    assert verdicts == {Verdict.JUMP_UNCONFIRMED, Verdict.REPEATED}


def test_ticks_that_do_not_fit_each_other_confirm_nothing() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    verdicts = {publish(bus, "stream", "50" if second % 2 else "10", second) for second in range(1, 100)}
    assert verdicts == {Verdict.JUMP_UNCONFIRMED}


def test_a_return_to_the_old_price_ends_the_claim() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    for second in range(1, 10):
        publish(bus, "stream", "50", second)
    assert publish(bus, "stream", "100", 10) is Verdict.ACCEPTED
    assert publish(bus, "stream", "50", 12) is Verdict.JUMP_UNCONFIRMED


def test_while_a_jump_is_unconfirmed_no_source_supports_the_old_quote() -> None:
    bus = bus_of(STREAM)
    publish(bus, "stream", "100", 0)
    publish(bus, "stream", "50", 1)
    now = START + SECOND
    facts = bus.facts(BTC_USDT, now)
    assert facts is not None
    assert (facts.bid, facts.sources, facts.outliers) == (100, (), ("stream",))
    view = bus.view(BTC_USDT, now, for_agent=None, execution=True)
    assert (view.quote, view.problem) == (None, ViewProblem.CONTESTED)


def test_an_agents_source_neither_confirms_nor_contradicts_the_operators() -> None:
    bus = bus_of(STREAM, ANNS_FEED)
    publish(bus, "anns_feed", "50", 0)
    assert publish(bus, "stream", "100", 1) is Verdict.ACCEPTED
    assert publish(bus, "stream", "50", 2) is Verdict.JUMP_UNCONFIRMED


def test_a_broken_source_does_not_hold_up_a_steady_one() -> None:
    bus = bus_of(STREAM, REST)
    publish(bus, "stream", "100", 0)
    publish(bus, "rest", "1", 0)
    assert publish(bus, "stream", "100.5", 1) is Verdict.ACCEPTED
