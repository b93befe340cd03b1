"""Recordings of Binance's USD-M futures streams: a line is the local time in nanoseconds, a blank, and the message.

Messages are combined-stream envelopes (`{"stream": ..., "data": ...}`) of `bookTicker`, `depthUpdate` and `trade`:
https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams. A tick's time is `T`,
the matching engine's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct, field
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Book, Level, Quote, Tick, Trade

from builtin_plugins.replay_source.recording import Recorded, from_milliseconds, from_nanoseconds, read_lines


class _BookTicker(Struct, frozen=True, kw_only=True, tag_field="e", tag="bookTicker"):
    symbol: str = field(name="s")
    update: int = field(name="u")
    time: int = field(name="T")
    bid: Decimal = field(name="b")
    bid_size: Decimal = field(name="B")
    ask: Decimal = field(name="a")
    ask_size: Decimal = field(name="A")


class _Depth(Struct, frozen=True, kw_only=True, tag_field="e", tag="depthUpdate"):
    symbol: str = field(name="s")
    update: int = field(name="u")
    previous: int = field(name="pu")
    time: int = field(name="T")
    bids: list[tuple[Decimal, Decimal]] = field(name="b")
    asks: list[tuple[Decimal, Decimal]] = field(name="a")


class _Trade(Struct, frozen=True, kw_only=True, tag_field="e", tag="trade"):
    symbol: str = field(name="s")
    number: int = field(name="t")
    time: int = field(name="T")
    price: Decimal = field(name="p")
    quantity: Decimal = field(name="q")
    buyer_is_maker: bool = field(name="m")


class _Line(Struct, frozen=True, kw_only=True):
    """A message of a stream in its envelope, or the depth snapshot that the recorder asked for by REST."""

    data: _BookTicker | _Depth | _Trade | None = None
    update: int | None = field(name="lastUpdateId", default=None)
    time: int = field(name="T", default=0)
    bids: list[tuple[Decimal, Decimal]] = []
    asks: list[tuple[Decimal, Decimal]] = []


_decoder = msgspec.json.Decoder(_Line)


def read(path: Path, symbol: Symbol, depth: int) -> Iterator[Recorded]:
    """The recording's ticks in the order recorded, books cut to `depth` levels a side.

    Raises `Misconfigured` with the line's number when a line is not such a message, or is of a second instrument.
    """
    books = _BookBuilder(symbol, depth)
    venue_symbol: str | None = None
    for number, line in enumerate(read_lines(path), start=1):
        local, _, text = line.partition(b" ")
        try:
            arrived_at = from_nanoseconds(int(local))
            message = _decoder.decode(text)
        except (ValueError, OverflowError) as error:
            raise Misconfigured(f"{path}: line {number}: not a recorded message: {error}") from error
        data = message.data
        if data is None:
            if message.update is None:
                raise Misconfigured(f"{path}: line {number}: neither a stream's message nor a depth snapshot")
            books.restart(message.update, message.bids, message.asks)
            continue
        if venue_symbol not in (None, data.symbol):
            raise Misconfigured(f"{path}: line {number}: {data.symbol} in a recording of {venue_symbol}")
        venue_symbol = data.symbol
        tick = books.apply(data) if isinstance(data, _Depth) else _tick(data, symbol)
        if tick is not None:
            yield Recorded(arrived_at, tick)


def _tick(message: _BookTicker | _Trade, symbol: Symbol) -> Tick:
    observed_at = from_milliseconds(message.time)
    if isinstance(message, _Trade):
        return Trade(
            symbol=symbol,
            price=message.price,
            quantity=message.quantity,
            observed_at=observed_at,
            buyer_is_maker=message.buyer_is_maker,
            sequence=message.number,
        )
    return Quote(
        symbol=symbol,
        bid=message.bid,
        ask=message.ask,
        bid_size=message.bid_size,
        ask_size=message.ask_size,
        observed_at=observed_at,
        sequence=message.update,
    )


class _Side:
    """One side of a book: the size at each price, the prices in order, and every price that an update has named."""

    def __init__(self) -> None:
        self._sizes: dict[Decimal, Decimal] = {}
        self._prices: list[Decimal] = []
        self._updated: set[Decimal] = set()

    def update(self, levels: list[tuple[Decimal, Decimal]]) -> None:
        for price, size in levels:
            self._updated.add(price)
            self._set(price, size)

    def complete(self, snapshot: list[tuple[Decimal, Decimal]]) -> None:
        """Add what an older snapshot knows of prices that no update has named."""
        for price, size in snapshot:
            if price not in self._updated:
                self._set(price, size)

    def _set(self, price: Decimal, size: Decimal) -> None:
        if size == 0:
            if self._sizes.pop(price, None) is not None:
                del self._prices[bisect_left(self._prices, price)]
            return
        if price not in self._sizes:
            self._prices.insert(bisect_left(self._prices, price), price)
        self._sizes[price] = size

    def lowest(self, depth: int) -> tuple[Level, ...]:
        return tuple(Level(price, self._sizes[price]) for price in self._prices[:depth])

    def highest(self, depth: int) -> tuple[Level, ...]:
        return tuple(Level(price, self._sizes[price]) for price in self._prices[: -depth - 1 : -1])


class _BookBuilder:
    """Books from updates and, where the recorder took one, a snapshot. Without it levels show up as they first change.

    Each update names the one before it; after a gap nothing known can be trusted, and the book starts again.
    """

    def __init__(self, symbol: Symbol, depth: int) -> None:
        self._symbol = symbol
        self._depth = depth
        self._update: int | None = None
        self._snapshot = 0
        self._bids = _Side()
        self._asks = _Side()

    def restart(self, update: int, bids: list[tuple[Decimal, Decimal]], asks: list[tuple[Decimal, Decimal]]) -> None:
        """Take a snapshot in: below the updates that are newer than it, in place of those that are older."""
        if self._update is None or update >= self._update:
            self._bids, self._asks = _Side(), _Side()
            self._snapshot = update
        self._bids.complete(bids)
        self._asks.complete(asks)

    def apply(self, message: _Depth) -> Book | None:
        if self._update not in (None, message.previous):
            self._bids, self._asks = _Side(), _Side()
        self._update = message.update
        if message.update <= self._snapshot:
            return None
        self._bids.update(message.bids)
        self._asks.update(message.asks)
        bids, asks = self._bids.highest(self._depth), self._asks.lowest(self._depth)
        if not bids or not asks:
            return None
        return Book(
            symbol=self._symbol,
            bids=bids,
            asks=asks,
            observed_at=from_milliseconds(message.time),
            sequence=message.update,
        )
