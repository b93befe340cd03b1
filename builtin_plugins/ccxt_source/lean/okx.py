"""OKX, spot and perpetuals: best bid and ask tick by tick, or five levels ten times a second.

https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel: `bbo-tbt` and `books5` are whole
each time, with `ts` (ms) and `seqId`. Sizes of perpetuals are in contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field
from readytrader_sdk.market import Book, Quote, Tick

from builtin_plugins.ccxt_source.ladder import Ladder
from builtin_plugins.ccxt_source.lean.reading import Broken, NoSnapshots, Subscription, by_venue_id, in_parts
from builtin_plugins.ccxt_source.markets import Market
from builtin_plugins.ccxt_source.timeframes import from_milliseconds

SYMBOLS_A_MESSAGE = 50
_Levels = tuple[tuple[Decimal, Decimal, str, str], ...]
"""Price, size, and two fields that are of no use here."""


class _Argument(Struct, frozen=True, gc=False):
    channel: str
    market: str = field(name="instId")


class _Data(Struct, frozen=True):
    asks: _Levels
    bids: _Levels
    time: str = field(name="ts")
    number: int = field(name="seqId")


class _Push(Struct, frozen=True):
    argument: _Argument = field(name="arg")
    data: tuple[_Data, ...]


_decode = msgspec.json.Decoder(_Push).decode


class Okx(NoSnapshots):
    """Reads `bbo-tbt`, and `books5` where books are wanted."""

    def __init__(self, exchange: Any, markets: Sequence[Market], depth: int) -> None:
        self._exchange = exchange
        self._markets = by_venue_id(markets)
        self._depth = depth

    def subscriptions(self) -> Sequence[Subscription]:
        """As `Reader`."""
        url = self._exchange.get_url("bbo-tbt", "public")
        channels = ("bbo-tbt", "books5") if self._depth else ("bbo-tbt",)
        return [
            Subscription(
                url=url,
                message={"op": "subscribe", "args": [{"channel": name, "instId": market} for market in part]},
            )
            for name in channels
            for part in in_parts([*self._markets], SYMBOLS_A_MESSAGE)
        ]

    def read(self, text: str) -> Sequence[Tick] | None:
        """As `Reader`."""
        try:
            push = _decode(text)
        except msgspec.MsgspecError:
            return None
        market = self._markets.get(push.argument.market)
        if market is None:
            raise Broken("a message about a symbol that was not asked for")
        make = _quote if push.argument.channel == "bbo-tbt" else self._book
        return [make(market, data) for data in push.data if data.bids and data.asks]

    def _book(self, market: Market, data: _Data) -> Tick:
        ladder = Ladder()
        ladder.bids.change((price, size) for price, size, *_ in data.bids)
        ladder.asks.change((price, size) for price, size, *_ in data.asks)
        return Book(
            symbol=market.symbol,
            bids=ladder.bids.best(self._depth, market.contract_size),
            asks=ladder.asks.best(self._depth, market.contract_size),
            observed_at=from_milliseconds(int(data.time)),
            sequence=data.number,
        )


def _quote(market: Market, data: _Data) -> Tick:
    bid, ask = data.bids[0], data.asks[0]
    return Quote(
        symbol=market.symbol,
        bid=bid[0],
        ask=ask[0],
        bid_size=bid[1] * market.contract_size,
        ask_size=ask[1] * market.contract_size,
        observed_at=from_milliseconds(int(data.time)),
        sequence=data.number,
    )
