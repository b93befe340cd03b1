"""Kraken spot: a book of ten levels kept from its changes, each change proven by its checksum.

https://docs.kraken.com/api/docs/websocket-v2/book and .../guides/spot-ws-book-v2: the checksum is the CRC-32 of the ten
best asks from low to high, then the ten best bids from high to low, each price and size as it was sent, without its
point and leading zeros. Numbers are read as they are written, which keeps the zeros at their end. Changes carry the
book's own time. (The ticker carries none that can be relied on.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

import msgspec
from msgspec import Struct
from readytrader_sdk.market import Level, Quote, Tick

from builtin_plugins.ccxt_source.ladder import Ladder
from builtin_plugins.ccxt_source.lean.reading import Broken, NoSnapshots, Subscription, in_parts, of_ladder
from builtin_plugins.ccxt_source.markets import Market

SYMBOLS_A_MESSAGE = 50
DEPTHS = (10, 25, 100)
CHECKED = 10
"""Levels a side that the checksum covers."""


class _Level(Struct, frozen=True, gc=False):
    price: Decimal
    qty: Decimal


class _Data(Struct, frozen=True):
    symbol: str
    checksum: int
    bids: tuple[_Level, ...] = ()
    asks: tuple[_Level, ...] = ()
    timestamp: datetime | None = None


class _Book(Struct, frozen=True, tag_field="channel", tag="book"):
    type: str
    data: tuple[_Data, ...]


_decode = msgspec.json.Decoder(_Book).decode


class Kraken(NoSnapshots):
    """Reads `book`."""

    def __init__(self, exchange: Any, markets: Sequence[Market], depth: int) -> None:
        self._exchange = exchange
        self._symbols = {_name_of(exchange, market): market.symbol for market in markets}
        self._ladders: dict[str, Ladder] = {}
        self._depth = depth
        self._kept = next((levels for levels in DEPTHS if levels >= depth), DEPTHS[-1])

    def subscriptions(self) -> Sequence[Subscription]:
        """As `Reader`."""
        url = self._exchange.urls["api"]["ws"]["publicV2"]
        return [
            Subscription(
                url=url,
                message={
                    "method": "subscribe",
                    "params": {"channel": "book", "symbol": part, "depth": self._kept, "snapshot": True},
                    "req_id": number,
                },
            )
            for number, part in enumerate(in_parts([*self._symbols], SYMBOLS_A_MESSAGE), start=1)
        ]

    def read(self, text: str) -> Sequence[Tick] | None:
        """As `Reader`."""
        try:
            message = _decode(text)
        except msgspec.MsgspecError:
            return None
        ticks: list[Tick] = []
        for data in message.data:
            ticks += self._take(data, is_whole=message.type == "snapshot")
        return ticks

    def _take(self, data: _Data, *, is_whole: bool) -> Sequence[Tick]:
        symbol = self._symbols.get(data.symbol)
        if symbol is None:
            raise Broken("a message about a symbol that was not asked for")
        ladder = Ladder() if is_whole else self._ladders.get(data.symbol)
        if ladder is None:
            raise Broken(f"{symbol}: a change before the book")
        self._ladders[data.symbol] = ladder
        for side, levels in ((ladder.bids, data.bids), (ladder.asks, data.asks)):
            side.change((level.price, level.qty) for level in levels)
            side.keep(self._kept)
        bids, asks = ladder.bids.best(CHECKED), ladder.asks.best(CHECKED)
        if checksum(asks, bids) != data.checksum:
            raise Broken(f"{symbol}: the book's checksum is not the exchange's")
        if data.timestamp is None or not bids or not asks:
            return ()  # a book without its time is there to begin with, not to price anything
        quote = Quote(
            symbol=symbol,
            bid=bids[0].price,
            ask=asks[0].price,
            bid_size=bids[0].size,
            ask_size=asks[0].size,
            observed_at=data.timestamp.astimezone(UTC),
        )
        return of_ladder(ladder, quote, self._depth)


def checksum(asks: Iterable[Level], bids: Iterable[Level]) -> int:
    """Kraken's, of the ten best levels of each side, best first."""
    numbers = (number for level in (*asks, *bids) for number in (level.price, level.size))
    return crc32("".join(f"{number:f}".replace(".", "").lstrip("0") for number in numbers).encode())


def _name_of(exchange: Any, market: Market) -> str:
    """The name that version 2 of the websocket uses: `BTC/USD`, where REST says `XXBTZUSD`."""
    return str(exchange.markets[market.symbol]["symbol"])
