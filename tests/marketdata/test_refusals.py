"""Every reason for which a tick is not believed, with the last tick that passes and the first that does not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Book, Candle, Level, Sentiment, Tick

from appliance.marketdata.values import Verdict
from tests.marketdata.building import (
    BTC_USDT,
    MICROSECOND,
    REST,
    SECOND,
    START,
    STREAM,
    book,
    bus_of,
    candle,
    quote,
    spread,
    trade,
)


def verdict_of(tick: object) -> Verdict:
    return bus_of(STREAM).publish("stream", tick, START + timedelta(minutes=1))  # type: ignore[arg-type]


@pytest.mark.parametrize("tick", [quote("100"), book("99", "100"), trade("100"), candle(0), spread("99", "101")])
def test_a_sane_first_tick_is_accepted(tick: Tick) -> None:
    assert verdict_of(tick) is Verdict.ACCEPTED


@pytest.mark.parametrize("number", ["NaN", "sNaN", "-NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_is_refused_wherever_it_stands(number: str) -> None:
    bad = Decimal(number)
    good = quote("100")
    ticks = [
        replace(good, bid=bad),
        replace(good, ask=bad),
        replace(good, bid_size=bad),
        replace(good, ask_size=bad),
        replace(good, last=bad),
        replace(book("99", "100"), bids=(Level(bad, Decimal(1)),)),
        replace(book("99", "100"), asks=(Level(Decimal(100), bad),)),
        replace(trade("100"), price=bad),
        replace(trade("100"), quantity=bad),
        replace(candle(0), high=bad),
        replace(candle(0), volume=bad),
        Sentiment(score=bad, observed_at=START),
    ]
    assert {verdict_of(tick) for tick in ticks} == {Verdict.NOT_FINITE}


def test_a_price_is_above_zero() -> None:
    assert verdict_of(spread("0.000000000000000001", "0.000000000000000001")) is Verdict.ACCEPTED
    assert verdict_of(spread("0", "1")) is Verdict.NOT_POSITIVE
    assert verdict_of(spread("-1", "1")) is Verdict.NOT_POSITIVE
    assert verdict_of(trade("0")) is Verdict.NOT_POSITIVE
    assert verdict_of(replace(candle(0), low=Decimal(0))) is Verdict.NOT_POSITIVE


def test_a_size_may_be_zero_but_not_below() -> None:
    assert verdict_of(replace(quote("100"), bid_size=Decimal(0))) is Verdict.ACCEPTED
    assert verdict_of(replace(quote("100"), bid_size=Decimal("-0.1"))) is Verdict.NOT_POSITIVE


def test_a_number_has_at_most_18_digits_on_either_side_of_the_point() -> None:
    assert verdict_of(quote("9" * 18)) is Verdict.ACCEPTED
    assert verdict_of(quote("1" + "0" * 18)) is Verdict.OUT_OF_RANGE
    assert verdict_of(quote("1." + "1" * 18)) is Verdict.ACCEPTED
    assert verdict_of(quote("1." + "1" * 19)) is Verdict.OUT_OF_RANGE
    assert verdict_of(quote("1E+999999")) is Verdict.OUT_OF_RANGE
    assert verdict_of(quote("1E-999999")) is Verdict.OUT_OF_RANGE


def test_bid_may_touch_ask_but_not_cross_it() -> None:
    assert verdict_of(spread("100", "100")) is Verdict.ACCEPTED
    assert verdict_of(spread("100.01", "100")) is Verdict.CROSSED
    assert verdict_of(book("100", "100")) is Verdict.ACCEPTED
    assert verdict_of(book("100.01", "100")) is Verdict.CROSSED


def test_a_candle_holds_its_open_and_close() -> None:
    assert verdict_of(replace(candle(0), high=Decimal(100))) is Verdict.ACCEPTED
    assert verdict_of(replace(candle(0), high=Decimal("99.99"))) is Verdict.CROSSED
    assert verdict_of(replace(candle(0), low=Decimal("100.01"))) is Verdict.CROSSED


def test_an_instrument_that_is_not_listed_is_refused() -> None:
    assert verdict_of(quote("100", symbol=Symbol("DOGE/USDT"))) is Verdict.UNKNOWN_SYMBOL


@pytest.mark.parametrize(
    "tick",
    [
        "not a tick",
        None,
        replace(quote("100"), bid=100.0),
        replace(quote("100"), ask="100"),
        replace(quote("100"), bid=100),
        replace(quote("100"), symbol=["BTC/USDT"]),
        replace(quote("100"), sequence="1"),
        replace(quote("100"), observed_at=START.replace(tzinfo=None)),
        replace(quote("100"), observed_at="2026-01-05"),
        replace(book("99", "100"), bids=()),
        replace(book("99", "100"), asks=((Decimal(100), Decimal(1)),)),
        replace(candle(0), timeframe="7m"),
        replace(candle(0), timeframe=["1m"]),
        replace(candle(0), opened_at=START + SECOND),
        Sentiment(score=0.5, observed_at=START),  # type: ignore[arg-type]
    ],
)
def test_what_is_not_well_formed_is_refused_and_never_raises(tick: object) -> None:
    assert verdict_of(tick) is Verdict.MALFORMED


def test_a_book_is_in_order_and_bounded() -> None:
    def with_bids(*prices: int) -> Book:
        levels = tuple(Level(Decimal(price), Decimal(1)) for price in prices)
        return Book(symbol=BTC_USDT, bids=levels, asks=(Level(Decimal(9000), Decimal(1)),), observed_at=START)

    deepest = with_bids(*range(5001, 1, -1))
    assert len(deepest.bids) == 5000
    assert verdict_of(replace(deepest, asks=(Level(Decimal(5002), Decimal(1)),))) is Verdict.ACCEPTED
    assert verdict_of(with_bids(*range(5001, 0, -1))) is Verdict.MALFORMED
    assert verdict_of(with_bids(8999, 8998)) is Verdict.ACCEPTED
    assert verdict_of(with_bids(8998, 8999)) is Verdict.MALFORMED
    assert verdict_of(with_bids(8999, 8999)) is Verdict.MALFORMED


def test_a_mood_score_is_between_minus_one_and_one() -> None:
    assert verdict_of(Sentiment(score=Decimal(-1), observed_at=START)) is Verdict.ACCEPTED
    assert verdict_of(Sentiment(score=Decimal("-1.01"), observed_at=START)) is Verdict.OUT_OF_RANGE


def test_a_clock_may_run_ahead_by_the_allowance_and_no_further() -> None:
    at = START + timedelta(seconds=2)
    for make in (
        lambda when: quote("100", when),
        lambda when: book("99", "101", when),
        lambda when: trade("100", when),
    ):
        assert bus_of(STREAM).publish("stream", make(at), START) is Verdict.ACCEPTED
        assert bus_of(STREAM).publish("stream", make(at + MICROSECOND), START) is Verdict.FROM_FUTURE


def test_a_candle_is_taken_once_it_has_closed() -> None:
    closes_at = START + timedelta(minutes=1)
    allowance = timedelta(seconds=2)
    assert bus_of(STREAM).publish("stream", candle(0), closes_at - allowance) is Verdict.ACCEPTED
    assert bus_of(STREAM).publish("stream", candle(0), closes_at - allowance - MICROSECOND) is Verdict.FROM_FUTURE


def test_an_older_quote_than_the_last_is_refused() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", quote("100", START), START)
    assert bus.publish("stream", quote("101", START - MICROSECOND), START) is Verdict.OUT_OF_ORDER
    assert bus.publish("stream", quote("101", START + MICROSECOND), START) is Verdict.ACCEPTED


def test_two_quotes_of_one_instant_are_told_apart_by_their_numbers_alone() -> None:
    bus = bus_of(STREAM, REST)
    bus.publish("stream", quote("100", sequence=7), START)
    assert bus.publish("stream", quote("100", sequence=7), START) is Verdict.REPEATED
    assert bus.publish("stream", quote("101", sequence=7), START) is Verdict.OUT_OF_ORDER
    assert bus.publish("stream", quote("101", sequence=6), START) is Verdict.OUT_OF_ORDER
    assert bus.publish("stream", quote("101", sequence=8), START) is Verdict.ACCEPTED
    bus.publish("rest", quote("100"), START)
    assert bus.publish("rest", quote("100"), START) is Verdict.REPEATED
    assert bus.publish("rest", quote("101"), START) is Verdict.OUT_OF_ORDER


def test_trades_of_one_instant_are_all_kept_unless_their_numbers_say_otherwise() -> None:
    bus = bus_of(STREAM)
    assert bus.publish("stream", trade("100"), START) is Verdict.ACCEPTED
    assert bus.publish("stream", trade("100"), START) is Verdict.ACCEPTED
    assert bus.publish("stream", trade("100", sequence=2), START) is Verdict.ACCEPTED
    assert bus.publish("stream", trade("100", sequence=2), START) is Verdict.REPEATED
    assert bus.publish("stream", trade("100", sequence=1), START) is Verdict.OUT_OF_ORDER
    assert bus.publish("stream", trade("100", START - MICROSECOND), START) is Verdict.OUT_OF_ORDER


def test_an_older_candle_or_score_is_refused() -> None:
    bus = bus_of(STREAM)
    now = START + timedelta(minutes=5)
    ticks: list[tuple[Candle | Sentiment, Verdict]] = [
        (candle(1), Verdict.ACCEPTED),
        (candle(1), Verdict.REPEATED),
        (candle(1, "101"), Verdict.OUT_OF_ORDER),
        (candle(0), Verdict.OUT_OF_ORDER),
        (Sentiment(score=Decimal(0), observed_at=START), Verdict.ACCEPTED),
        (Sentiment(score=Decimal(0), observed_at=START), Verdict.REPEATED),
        (Sentiment(score=Decimal(1), observed_at=START), Verdict.OUT_OF_ORDER),
    ]
    for tick, expected in ticks:
        assert bus.publish("stream", tick, now) is expected


def test_refusals_are_counted_by_source_and_reason() -> None:
    bus = bus_of(STREAM, REST)
    bus.publish("stream", quote("100"), START)
    bus.publish("stream", quote("NaN"), START)
    bus.publish("stream", quote("NaN"), START + SECOND)
    stream, rest = bus.statuses()
    assert stream.verdicts == {Verdict.ACCEPTED: 1, Verdict.NOT_FINITE: 2}
    assert (stream.accepted, stream.refused, stream.last_tick_at) == (1, 2, START + SECOND)
    assert (rest.accepted, rest.refused, rest.last_tick_at) == (0, 0, None)


def test_a_source_that_is_not_registered_is_an_error() -> None:
    with pytest.raises(LookupError, match="'stranger' is not registered"):
        bus_of().publish("stranger", quote("100"), START)
