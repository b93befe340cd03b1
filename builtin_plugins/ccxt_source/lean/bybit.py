"""Bybit, spot and linear perpetuals: a book of one level or fifty kept from its changes.

https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook: `ts` (ms) is when the message was made, `u` counts
the changes of a book one by one; a `snapshot`, or `u` = 1, begins the book again. Without a change the level-1 book is
repeated every three seconds with the same `u`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field
from readytrader_sdk.market import Quote, Tick

from builtin_plugins.ccxt_source.ladder import Ladder
from builtin_plugins.ccxt_source.lean.reading import Broken, NoSnapshots, Subscription, by_venue_id, in_parts, of_ladder
from builtin_plugins.ccxt_source.markets import Market
from builtin_plugins.ccxt_source.timeframes import from_milliseconds

TOPICS_A_MESSAGE = 10
_Levels = tuple[tuple[Decimal, Decimal], ...]


class _Data(Struct, frozen=True):
    market: str = field(name="s")
    number: int = field(name="u")
    bids: _Levels = field(name="b", default=())
    asks: _Levels = field(name="a", default=())


class _Push(Struct, frozen=True):
    topic: str
    type: str
    time: int = field(name="ts")
    data: _Data


_decode = msgspec.json.Decoder(_Push).decode


class Bybit(NoSnapshots):
    """Reads `orderbook.1` or `orderbook.50`."""

    def __init__(self, exchange: Any, markets: Sequence[Market], depth: int) -> None:
        self._exchange = exchange
        self._markets = by_venue_id(markets)
        self._depth = depth
        self._ladders: dict[str, Ladder] = {}
        self._numbers: dict[str, int] = {}

    def subscriptions(self) -> Sequence[Subscription]:
        """As `Reader`."""
        kind = "linear" if ":" in next(iter(self._markets.values())).symbol else "spot"
        url = self._exchange.implode_hostname(self._exchange.urls["api"]["ws"]["public"][kind])
        levels = 50 if self._depth > 1 else 1
        topics = [f"orderbook.{levels}.{name}" for name in self._markets]
        return [
            Subscription(url=url, message={"op": "subscribe", "req_id": str(number), "args": part})
            for number, part in enumerate(in_parts(topics, TOPICS_A_MESSAGE), start=1)
        ]

    def read(self, text: str) -> Sequence[Tick] | None:
        """As `Reader`."""
        try:
            push = _decode(text)
        except msgspec.MsgspecError:
            return None
        data = push.data
        market = self._markets.get(data.market)
        if market is None:
            raise Broken("a message about a symbol that was not asked for")
        ladder = self._ladders.setdefault(data.market, Ladder())
        if push.type == "snapshot" or data.number == 1:
            ladder.clear()
        elif self._numbers.get(data.market) != data.number - 1:
            raise Broken(f"{market.symbol}: changes of the book are missing")
        self._numbers[data.market] = data.number
        ladder.bids.change(data.bids)
        ladder.asks.change(data.asks)
        bid, ask = ladder.bids.top(), ladder.asks.top()
        if bid is None or ask is None:
            return ()
        quote = Quote(
            symbol=market.symbol,
            bid=bid[0],
            ask=ask[0],
            bid_size=bid[1],
            ask_size=ask[1],
            observed_at=from_milliseconds(push.time),
            sequence=data.number,
        )
        return of_ladder(ladder, quote, self._depth)
