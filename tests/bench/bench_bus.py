"""What the market-data bus costs. Run with `pytest tests/bench/bench_bus.py --benchmark-only`."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import islice
from random import Random

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from readytrader_sdk.market import Book, Level, Quote

from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.values import Priority, SourceInfo, Verdict
from tests.marketdata.building import ANN, BTC, BTC_USDT, START, USDT, bus_of, candle

TICKS = 10_000


def sources(count: int) -> list[SourceInfo]:
    return [SourceInfo(name=f"source_{n}", priority=Priority.STREAM, admissible=True) for n in range(count)]


def quotes() -> list[Quote]:
    """A seeded walk, a quote every 100 µs, prices and sizes with as many digits as a venue sends."""
    random, price, made = Random(1), 6_000_000, []
    for number in range(TICKS):
        price += random.randint(-50, 50)
        made.append(
            Quote(
                symbol=BTC_USDT,
                bid=Decimal(price).scaleb(-2),
                ask=Decimal(price + 10).scaleb(-2),
                bid_size=Decimal(random.randint(1, 10**6)).scaleb(-5),
                ask_size=Decimal(random.randint(1, 10**6)).scaleb(-5),
                observed_at=START + number * timedelta(microseconds=100),
            )
        )
    return made


def publish_all(bus: MarketDataBus, count: int, ticks: list[Quote]) -> None:
    for number, tick in enumerate(ticks):
        bus.publish(f"source_{number % count}", tick, tick.observed_at)


@pytest.mark.parametrize("count", [1, 3])
def test_bench_publish_10_000_quotes(benchmark: BenchmarkFixture, count: int) -> None:
    ticks = quotes()

    def fresh() -> tuple[tuple[MarketDataBus, int, list[Quote]], dict[str, object]]:
        bus = bus_of(*sources(count))
        bus.subscribe(lambda source, tick: None)
        return (bus, count, ticks), {}

    benchmark.pedantic(publish_all, setup=fresh, rounds=7)


def test_bench_publish_a_book_of_20_levels_a_side(benchmark: BenchmarkFixture) -> None:
    bids = tuple(Level(Decimal(60_000 - n), Decimal(1)) for n in range(20))
    asks = tuple(Level(Decimal(60_001 + n), Decimal(1)) for n in range(20))
    books = [
        Book(symbol=BTC_USDT, bids=bids, asks=asks, observed_at=START + n * timedelta(microseconds=100))
        for n in range(1000)
    ]

    def publish(bus: MarketDataBus) -> None:
        for book in books:
            bus.publish("source_0", book, book.observed_at)

    benchmark.pedantic(publish, setup=lambda: ((bus_of(*sources(1)),), {}), rounds=7)


@pytest.mark.parametrize("count", [1, 3])
def test_bench_facts(benchmark: BenchmarkFixture, count: int) -> None:
    bus = bus_of(*sources(count))
    publish_all(bus, count, list(islice(quotes(), 100)))
    assert benchmark(bus.facts, BTC_USDT, START, ANN) is not None


def test_bench_price(benchmark: BenchmarkFixture) -> None:
    bus = bus_of(*sources(1))
    publish_all(bus, 1, quotes()[:1])
    assert benchmark(bus.price, BTC, USDT, START) is not None


def test_bench_publish_1_000_minutes_into_all_timeframes(benchmark: BenchmarkFixture) -> None:
    minutes = [candle(number) for number in range(1000)]
    later = START + timedelta(days=2)

    def publish(bus: MarketDataBus) -> None:
        verdicts = {bus.publish("source_0", minute, later) for minute in minutes}
        assert verdicts == {Verdict.ACCEPTED}

    benchmark.pedantic(publish, setup=lambda: ((bus_of(*sources(1)),), {}), rounds=7)
