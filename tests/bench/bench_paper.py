"""What the paper engine costs. Run with `pytest tests/bench/bench_paper.py --benchmark-only`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count, cycle

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from readytrader_sdk.instruments import Asset, Instrument, Symbol, VenueId
from readytrader_sdk.market import Quote
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderType, Side

from appliance.paper.engine import MatchingEngine
from appliance.paper.ledger import Ledger
from appliance.paper.settings import PaperSettings

START = datetime(2026, 1, 5, tzinfo=UTC)
INSTRUMENT = Instrument(
    symbol=Symbol("BTC/USDT"),
    base=Asset("BTC"),
    quote=Asset("USDT"),
    price_increment=Decimal("0.01"),
    quantity_increment=Decimal("0.00001"),
    quantity_min=Decimal("0.00001"),
    notional_min=Decimal(5),
)


def make_quotes() -> list[Quote]:
    return [
        Quote(
            symbol=INSTRUMENT.symbol,
            bid=Decimal("67123.45") + step,
            ask=Decimal("67123.46") + step,
            bid_size=Decimal("1.2345"),
            ask_size=Decimal("0.5432"),
            observed_at=START,
        )
        for step in range(100)
    ]


def make_order(client_order_id: str, limit_price: Decimal | None = None) -> OrderRequest:
    return OrderRequest(
        client_order_id=ClientOrderId(client_order_id),
        venue=VenueId("binance"),
        symbol=INSTRUMENT.symbol,
        side=Side.BUY,
        quantity=Decimal("0.001"),
        order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        price_worst=Decimal(68000) if limit_price is None else limit_price,
        limit_price=limit_price,
    )


def make_engine() -> MatchingEngine:
    ledger = Ledger()
    ledger.deposit(INSTRUMENT.quote, Decimal(10) ** 12)
    engine = MatchingEngine([INSTRUMENT], ledger, PaperSettings())
    unlimited = Quote(symbol=INSTRUMENT.symbol, bid=Decimal("67123.45"), ask=Decimal("67123.46"), observed_at=START)
    engine.on_quote(unlimited, START)
    return engine


def test_a_market_order_is_submitted_and_filled(benchmark: BenchmarkFixture) -> None:
    engine, numbers = make_engine(), count()

    def one_order() -> tuple[tuple[OrderRequest, datetime], dict[str, object]]:
        return (make_order(f"order-{next(numbers)}"), START), {}

    reports = benchmark.pedantic(engine.submit, setup=one_order, rounds=5000, warmup_rounds=200)  # type: ignore[no-untyped-call]
    assert reports[-1].state == "filled"


@pytest.mark.parametrize("resting", [0, 50])
def test_a_quote_passes_orders_that_it_does_not_reach(benchmark: BenchmarkFixture, resting: int) -> None:
    engine, quotes = make_engine(), cycle(make_quotes())
    for number in range(resting):
        engine.submit(make_order(f"order-{number}", Decimal(60000 + number)), START)
    assert benchmark(lambda: engine.on_quote(next(quotes), START)) == ()
    assert len(engine.open_orders()) == resting
