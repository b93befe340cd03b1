"""Markets that move by themselves: a seeded random walk of books, and recordings of Binance's USD-M streams.

Neither is a prediction of anything. The same seed gives the same books.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct, field
from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.market import Book, Level, Quote, Tick, Trade
from readytrader_sdk.money import round_down

LEVELS = 20
STEP_TICKS_MAX = 8
SIZE_STEPS_MAX = 100_000


def walk(instrument: Instrument, start: Decimal, seed: int) -> Iterator[Book]:
    """Books of twenty levels a side around a mid price that goes up and down, without end."""
    chance = random.Random(f"{seed} {instrument.symbol}")  # noqa: S311 - a market to try against, nothing secret
    tick, step = instrument.price_increment, instrument.quantity_increment
    mid = round_down(start, tick)
    floor = tick * (LEVELS + 2)
    while True:
        mid = max(mid + tick * chance.randint(-STEP_TICKS_MAX, STEP_TICKS_MAX), floor)
        bids = tuple(Level(mid - tick * n, step * chance.randint(1, SIZE_STEPS_MAX)) for n in range(1, LEVELS + 1))
        asks = tuple(Level(mid + tick * n, step * chance.randint(1, SIZE_STEPS_MAX)) for n in range(1, LEVELS + 1))
        yield Book(symbol=instrument.symbol, bids=bids, asks=asks, observed_at=datetime.now(UTC))


class _Data(Struct, kw_only=True):
    event: str = field(name="e")
    bid: Decimal | None = field(name="b", default=None)
    bid_size: Decimal | None = field(name="B", default=None)
    ask: Decimal | None = field(name="a", default=None)
    ask_size: Decimal | None = field(name="A", default=None)
    price: Decimal | None = field(name="p", default=None)
    quantity: Decimal | None = field(name="q", default=None)
    buyer_is_maker: bool | None = field(name="m", default=None)


class _Line(Struct, kw_only=True):
    data: _Data


_decoder = msgspec.json.Decoder(_Line)


def recorded(path: Path, symbol: Symbol) -> Iterator[tuple[int, Tick]]:
    """Best prices and trades of a recording, each with the local nanoseconds at which it came.

    Raises `OSError` for a file that cannot be read, `ValueError` for a line that is no such message.
    """
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            if b'"bookTicker"' not in line and b'"trade"' not in line:
                continue
            local, _, text = line.partition(b" ")
            tick = _tick(_decoder.decode(text).data, symbol)
            if tick is not None:
                yield int(local), tick


def _tick(data: _Data, symbol: Symbol) -> Tick | None:
    now = datetime.now(UTC)
    if data.bid is not None and data.ask is not None:
        return Quote(
            symbol=symbol,
            bid=data.bid,
            ask=data.ask,
            bid_size=data.bid_size,
            ask_size=data.ask_size,
            observed_at=now,
        )
    if data.price is not None and data.quantity is not None:
        return Trade(
            symbol=symbol,
            price=data.price,
            quantity=data.quantity,
            observed_at=now,
            buyer_is_maker=data.buyer_is_maker,
        )
    return None
