"""Data loss: which instruments nobody who may be traded on has quoted lately."""

from __future__ import annotations

from datetime import timedelta

from tests.marketdata.building import ANNS_FEED, BTC_PERP, BTC_USDT, START, STREAM, UNTRUSTED, bus_of, quote

LATER = START + timedelta(seconds=31)


def test_an_instrument_is_quiet_until_it_is_quoted_and_again_when_the_quote_is_old() -> None:
    bus = bus_of(STREAM)
    assert bus.quiet_symbols(START) == (BTC_USDT, BTC_PERP)
    bus.publish("stream", quote("100"), START)
    assert bus.quiet_symbols(START) == (BTC_PERP,)
    assert bus.quiet_symbols(LATER) == (BTC_USDT, BTC_PERP)


def test_a_source_that_is_not_trusted_breaks_no_silence_and_one_with_the_scope_does() -> None:
    bus = bus_of(UNTRUSTED, ANNS_FEED)
    bus.publish("untrusted", quote("100"), START)
    assert BTC_USDT in bus.quiet_symbols(START)
    bus.publish("anns_feed", quote("100"), START)
    assert BTC_USDT not in bus.quiet_symbols(START)


def test_a_quote_contested_by_an_unconfirmed_jump_is_none() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", quote("100"), START)
    bus.publish("stream", quote("1000", START + timedelta(seconds=1)), START + timedelta(seconds=1))
    assert BTC_USDT in bus.quiet_symbols(START + timedelta(seconds=1))
