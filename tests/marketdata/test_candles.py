"""Candles: what is kept, and how the longer timeframes come from the minutes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.market import Candle

from appliance.domain.intents import AgentId
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.sanity import TIMEFRAMES
from appliance.marketdata.values import BusSettings, Priority, SourceInfo
from tests.marketdata.building import BTC_USDT, REST, START, STREAM, UNTRUSTED, bus_of, candle

LATER = START + timedelta(days=30)


def feed(bus: MarketDataBus, *candles: Candle, source: str = "stream") -> MarketDataBus:
    for each in candles:
        bus.publish(source, each, LATER)
    return bus


def test_five_minutes_make_a_candle_with_their_open_high_low_close_and_volume() -> None:
    minutes = [candle(minute, str(100 + minute)) for minute in range(5)]
    (built,) = feed(bus_of(STREAM), *minutes).candles(BTC_USDT, "5m", 10)
    assert built == Candle(
        symbol=BTC_USDT,
        timeframe="5m",
        opened_at=START,
        open=Decimal(100),
        high=Decimal(105),
        low=Decimal(99),
        close=Decimal(104),
        volume=Decimal(5),
    )


def test_a_candle_appears_with_its_last_minute_and_not_before() -> None:
    bus = feed(bus_of(STREAM), *map(candle, range(4)))
    assert bus.candles(BTC_USDT, "5m", 10) == ()
    feed(bus, candle(4))
    assert len(bus.candles(BTC_USDT, "5m", 10)) == 1


def test_history_that_begins_inside_a_span_does_not_make_half_a_candle() -> None:
    bus = feed(bus_of(STREAM), *map(candle, range(2, 10)))
    assert [each.opened_at for each in bus.candles(BTC_USDT, "5m", 10)] == [START + timedelta(minutes=5)]


def test_minutes_without_trade_leave_the_candle_whole() -> None:
    bus = feed(bus_of(STREAM), candle(0), candle(1), candle(6))
    (built,) = bus.candles(BTC_USDT, "5m", 10)
    assert (built.opened_at, built.volume) == (START, 2)


def test_a_timeframe_that_the_source_delivers_itself_is_not_built() -> None:
    own = candle(0, "500", timeframe="5m")
    bus = feed(bus_of(STREAM), own, *map(candle, range(5)))
    assert bus.candles(BTC_USDT, "5m", 10) == (own,)


def test_the_best_admissible_source_with_candles_answers() -> None:
    bus = bus_of(UNTRUSTED, REST, STREAM)
    feed(bus, candle(0, "10"), source="untrusted")
    assert bus.candles(BTC_USDT, "1m", 1) == (candle(0, "10"),)
    feed(bus, candle(0, "20"), source="rest")
    assert bus.candles(BTC_USDT, "1m", 1) == (candle(0, "20"),)
    feed(bus, candle(0, "30"), source="stream")
    assert bus.candles(BTC_USDT, "1m", 1) == (candle(0, "30"),)


def test_only_the_newest_are_kept_and_the_last_are_returned_oldest_first() -> None:
    bus = feed(bus_of(STREAM, settings=BusSettings(candles_max=3)), *map(candle, range(5)))
    assert bus.candles(BTC_USDT, "1m", 10) == tuple(map(candle, (2, 3, 4)))
    assert bus.candles(BTC_USDT, "1m", 2) == tuple(map(candle, (3, 4)))
    assert bus.candles(BTC_USDT, "1m", 0) == ()


def test_an_unknown_timeframe_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="expected one of 1m, 5m, 15m, 1h, 4h, 1d, got '2m'"):
        bus_of().candles(BTC_USDT, "2m", 1)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=300), st.sampled_from(["5m", "15m", "1h"]))
def test_built_candles_hold_exactly_what_their_minutes_held(gaps: list[int], timeframe: str) -> None:
    minutes, at = [], 0
    for index, gap in enumerate(gaps):
        minutes.append(replace(candle(at, str(100 + index * 7 % 13)), volume=Decimal(index)))
        at += 1 + gap
    built = feed(bus_of(STREAM), *minutes).candles(BTC_USDT, timeframe, 1000)
    for each in built:
        span = [
            minute for minute in minutes if each.opened_at <= minute.opened_at < each.opened_at + TIMEFRAMES[timeframe]
        ]
        assert each.volume == sum(minute.volume for minute in span)
        assert (each.open, each.close) == (span[0].open, span[-1].close)
        assert (each.high, each.low) == (max(m.high for m in span), min(m.low for m in span))


def test_an_operators_candles_go_before_an_agents_whatever_its_scope() -> None:
    bus = bus_of(
        STREAM, SourceInfo(name="ingest:bob", priority=Priority.STREAM, admissible=True, supplier=AgentId("bob"))
    )
    bus.publish("ingest:bob", candle(0, "30"), LATER)
    source = bus.candle_source(BTC_USDT, "1m")
    assert source is not None
    assert source.supplier == "bob"
    bus.publish(STREAM.name, candle(0, "20"), LATER)
    source = bus.candle_source(BTC_USDT, "1m")
    assert source is not None
    assert source.supplier is None
