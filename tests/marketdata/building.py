"""Small builders for market-data tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from readytrader_sdk.instruments import Asset, Instrument, MarketType, Symbol
from readytrader_sdk.market import Book, Candle, Level, Quote, Trade

from appliance.domain.intents import AgentId
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.values import BusSettings, Priority, SourceInfo

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
BTC, USDT = Asset("BTC"), Asset("USDT")
BTC_USDT = Symbol("BTC/USDT")
BTC_PERP = Symbol("BTC/USDT:USDT")
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)

STREAM = SourceInfo(name="stream", priority=Priority.STREAM, admissible=True)
STREAM_2 = SourceInfo(name="stream_2", priority=Priority.STREAM, admissible=True)
REST = SourceInfo(name="rest", priority=Priority.REST, admissible=True)
ANN = AgentId("ann")
BOB = AgentId("bob")
ANNS_FEED = SourceInfo(name="anns_feed", priority=Priority.INGEST, admissible=True, supplier=ANN)
UNTRUSTED = SourceInfo(name="untrusted", priority=Priority.STREAM, admissible=False, supplier=BOB)


def instrument(symbol: Symbol = BTC_USDT) -> Instrument:
    return Instrument(
        symbol=symbol,
        base=BTC,
        quote=USDT,
        price_increment=Decimal("0.01"),
        quantity_increment=Decimal("0.00001"),
        quantity_min=Decimal("0.00001"),
        notional_min=Decimal(5),
        market_type=MarketType.SWAP if ":" in symbol else MarketType.SPOT,
    )


def bus_of(*sources: SourceInfo, settings: BusSettings | None = None) -> MarketDataBus:
    bus = MarketDataBus(settings or BusSettings(), [instrument(), instrument(BTC_PERP)])
    for source in sources:
        bus.register(source)
    return bus


def quote(mid: str, at: datetime = START, *, symbol: Symbol = BTC_USDT, sequence: int | None = None) -> Quote:
    """A quote without a spread, so that limits on the price can be hit exactly."""
    price = Decimal(mid)
    return Quote(
        symbol=symbol, bid=price, ask=price, bid_size=Decimal(1), ask_size=Decimal(2), observed_at=at, sequence=sequence
    )


def spread(bid: str, ask: str, at: datetime = START) -> Quote:
    return Quote(symbol=BTC_USDT, bid=Decimal(bid), ask=Decimal(ask), observed_at=at)


def book(bid: str, ask: str, at: datetime = START) -> Book:
    return Book(
        symbol=BTC_USDT,
        bids=(Level(Decimal(bid), Decimal(1)),),
        asks=(Level(Decimal(ask), Decimal(1)),),
        observed_at=at,
    )


def trade(price: str, at: datetime = START, *, sequence: int | None = None) -> Trade:
    return Trade(symbol=BTC_USDT, price=Decimal(price), quantity=Decimal(1), observed_at=at, sequence=sequence)


def candle(minute: int, close: str = "100", *, timeframe: str = "1m", volume: str = "1") -> Candle:
    """The candle that opens `minute` minutes after `START`."""
    price = Decimal(close)
    return Candle(
        symbol=BTC_USDT,
        timeframe=timeframe,
        opened_at=START + timedelta(minutes=minute),
        open=price,
        high=price + 1,
        low=price - 1,
        close=price,
        volume=Decimal(volume),
    )
