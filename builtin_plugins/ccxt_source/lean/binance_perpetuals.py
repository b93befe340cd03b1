"""Binance USDⓈ-M perpetuals: best bid and ask as they change, with the matching engine's time.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams: `<symbol>@bookTicker`
carries `T` (transaction time) and `u` (order-book update ID); `<symbol>@depth<levels>@100ms` is a whole book each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field
from readytrader_sdk.market import Book, Quote, Tick

from builtin_plugins.ccxt_source.lean.reading import Broken, NoSnapshots, Subscription, by_venue_id, in_parts, levels_of
from builtin_plugins.ccxt_source.markets import Market
from builtin_plugins.ccxt_source.timeframes import from_milliseconds

STREAMS_A_MESSAGE = 100
DEPTHS = (5, 10, 20)


class _BookTicker(Struct, frozen=True, gc=False, tag_field="e", tag="bookTicker"):
    symbol: str = field(name="s")
    update: int = field(name="u")
    time: int = field(name="T")
    bid: Decimal = field(name="b")
    bid_size: Decimal = field(name="B")
    ask: Decimal = field(name="a")
    ask_size: Decimal = field(name="A")


class _Depth(Struct, frozen=True, gc=False, tag_field="e", tag="depthUpdate"):
    symbol: str = field(name="s")
    update: int = field(name="u")
    time: int = field(name="T")
    bids: tuple[tuple[Decimal, Decimal], ...] = field(name="b")
    asks: tuple[tuple[Decimal, Decimal], ...] = field(name="a")


_decode = msgspec.json.Decoder(_BookTicker | _Depth).decode


class BinancePerpetuals(NoSnapshots):
    """Reads `bookTicker` and, where books are wanted, partial depth."""

    def __init__(self, exchange: Any, markets: Sequence[Market], depth: int) -> None:
        self._exchange = exchange
        self._markets = by_venue_id(markets)
        self._depth = depth

    def subscriptions(self) -> Sequence[Subscription]:
        """As `Reader`."""
        levels = next((levels for levels in DEPTHS if levels >= self._depth), DEPTHS[-1])
        channels = ["bookTicker"] + ([f"depth{levels}@100ms"] if self._depth else [])
        names = [f"{market.lower()}@{channel}" for market in self._markets for channel in channels]
        base = self._exchange.get_ws_url("linear", "public")
        url = f"{base}/{self._exchange.stream('linear', 'ticks', len(names))}"
        return [
            Subscription(url=url, message={"method": "SUBSCRIBE", "params": part, "id": number})
            for number, part in enumerate(in_parts(names, STREAMS_A_MESSAGE), start=1)
        ]

    def read(self, text: str) -> Sequence[Tick] | None:
        """As `Reader`."""
        try:
            message = _decode(text)
        except msgspec.MsgspecError:
            return None
        market = self._markets.get(message.symbol)
        if market is None:
            raise Broken("a message about a symbol that was not asked for")
        if isinstance(message, _BookTicker):
            return (
                Quote(
                    symbol=market.symbol,
                    bid=message.bid,
                    ask=message.ask,
                    bid_size=message.bid_size,
                    ask_size=message.ask_size,
                    observed_at=from_milliseconds(message.time),
                    sequence=message.update,
                ),
            )
        return (
            Book(
                symbol=market.symbol,
                bids=levels_of(message.bids, self._depth, market.contract_size),
                asks=levels_of(message.asks, self._depth, market.contract_size),
                observed_at=from_milliseconds(message.time),
                sequence=message.update,
            ),
        )
