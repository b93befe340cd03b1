"""Market data as it arrives from a source. Times are the source's own, aware and in UTC."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from readytrader_sdk.instruments import Symbol


class Quote(Struct, frozen=True, kw_only=True, tag="quote"):
    """Best bid and ask of one instrument at one moment. Prices in quote per base, sizes in base units."""

    symbol: Symbol
    bid: Decimal
    ask: Decimal
    observed_at: datetime
    bid_size: Decimal | None = None
    """None where the source does not say how much stands at the bid."""
    ask_size: Decimal | None = None
    last: Decimal | None = None
    sequence: int | None = None
    """The source's own running number, where it has one: tells two quotes of one instant apart."""


class Level(Struct, frozen=True, array_like=True):
    """One price level of a book."""

    price: Decimal
    size: Decimal


class Book(Struct, frozen=True, kw_only=True, tag="book"):
    """A depth snapshot: bids from high to low, asks from low to high."""

    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    observed_at: datetime
    sequence: int | None = None


class Trade(Struct, frozen=True, kw_only=True, tag="trade"):
    """One public trade print. `buyer_is_maker` is True when a seller hit the bid."""

    symbol: Symbol
    price: Decimal
    quantity: Decimal
    observed_at: datetime
    buyer_is_maker: bool | None = None
    sequence: int | None = None


class Candle(Struct, frozen=True, kw_only=True, tag="candle"):
    """One closed candle. `opened_at` is its first instant; volume in base units."""

    symbol: Symbol
    timeframe: str
    """`1m`, `5m`, `15m`, `1h`, `4h`, `1d`."""
    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Sentiment(Struct, frozen=True, kw_only=True, tag="sentiment"):
    """A market-mood score from -1 (fear) to 1 (greed)."""

    score: Decimal
    observed_at: datetime


Tick = Quote | Book | Trade | Candle | Sentiment
"""Anything that a data source may deliver."""
