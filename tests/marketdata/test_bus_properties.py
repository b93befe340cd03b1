"""What holds of the bus whatever is thrown at it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from readytrader_sdk.market import Quote

from appliance.marketdata.values import BusSettings, Verdict
from tests.marketdata.building import ANN, ANNS_FEED, BTC, BTC_USDT, REST, START, STREAM, UNTRUSTED, USDT, bus_of

SOURCES = (STREAM, REST, ANNS_FEED, UNTRUSTED)
SKEW_MAX = BusSettings().clock_skew_max

numbers = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.decimals(min_value=90, max_value=110, places=2),
    st.sampled_from([Decimal(text) for text in ("0", "-0", "1E+999999", "1E-999999", "100", "0.1")]),
)
offsets = st.integers(min_value=-120_000, max_value=120_000).map(lambda ms: timedelta(milliseconds=ms))


@st.composite
def published(draw: st.DrawFn) -> tuple[str, Quote, timedelta]:
    """A quote of some source, and how much later than the one before it comes."""
    low, high = draw(numbers), draw(numbers)
    quote = Quote(
        symbol=BTC_USDT,
        bid=low,
        ask=draw(st.sampled_from([low, high])),
        bid_size=draw(st.none() | numbers),
        observed_at=START + draw(offsets),
        sequence=draw(st.none() | st.integers(0, 5)),
    )
    return draw(st.sampled_from([source.name for source in SOURCES])), quote, abs(draw(offsets)) / 10


@settings(max_examples=100, deadline=None)
@given(st.lists(published(), max_size=30), offsets, st.sampled_from([None, ANN]))
def test_no_sequence_of_ticks_yields_a_future_a_crossed_or_an_infinite_quote(
    ticks: list[tuple[str, Quote, timedelta]], asked_after: timedelta, agent: object
) -> None:
    bus = bus_of(*SOURCES)
    now = START
    for source, quote, later in ticks:
        now += later
        bus.publish(source, quote, now)
    asked_at = now + asked_after
    facts = bus.facts(BTC_USDT, asked_at, ANN if agent else None)
    if facts is not None:
        assert facts.bid.is_finite()
        assert facts.ask.is_finite()
        assert 0 < facts.bid <= facts.ask
        assert facts.bid_size is None or facts.bid_size >= 0
        assert facts.observed_at <= asked_at + SKEW_MAX
        assert facts.age >= timedelta(0)
        assert "untrusted" not in facts.sources + facts.outliers
        assert not agent or "anns_feed" not in facts.sources + facts.outliers
    price = bus.price(BTC, USDT, asked_at)
    assert price is None or (price.is_finite() and price > 0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.decimals(min_value=1, max_value=10_000, places=2), st.integers(1, 9_999)), min_size=2, max_size=40
    )
)
def test_a_lone_source_never_moves_by_more_than_the_limit_in_less_than_the_confirmation_time(
    steps: list[tuple[Decimal, int]],
) -> None:
    """Over any ten seconds, accepted prices stay within 20 % of each other, or a claim lasted ten seconds."""
    bus = bus_of(STREAM)
    now, last_accepted_at, accepted = START, START, None
    for price, milliseconds in steps:
        now += timedelta(milliseconds=milliseconds)
        quote = Quote(symbol=BTC_USDT, bid=price, ask=price, observed_at=now)
        if bus.publish("stream", quote, now) is not Verdict.ACCEPTED:
            continue
        if accepted is not None and not accepted * Decimal("0.8") <= price <= accepted * Decimal("1.2"):
            assert now - last_accepted_at >= BusSettings().jump_time_min
        accepted, last_accepted_at = price, now


@settings(max_examples=30, deadline=None)
@given(st.lists(published(), max_size=30))
def test_every_tick_is_counted_once(ticks: list[tuple[str, Quote, timedelta]]) -> None:
    bus = bus_of(*SOURCES)
    for source, quote, _ in ticks:
        bus.publish(source, quote, START)
    counted = sum(sum(status.verdicts.values()) for status in bus.statuses())
    assert counted == len(ticks)
