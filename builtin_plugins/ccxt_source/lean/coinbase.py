"""Coinbase Advanced Trade, spot: best bid and ask with each trade.

https://docs.cdp.coinbase.com/advanced-trade/docs/ws-channels: every message of a connection has a `timestamp` and a
`sequence_num` that rises by one, whatever its channel. Books are not read: `depth` has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from readytrader_sdk.market import Quote, Tick

from builtin_plugins.ccxt_source.lean.reading import Broken, NoSnapshots, Subscription, by_venue_id
from builtin_plugins.ccxt_source.markets import Market


class _Ticker(Struct, frozen=True, gc=False):
    product_id: str
    price: Decimal
    best_bid: Decimal
    best_bid_quantity: Decimal
    best_ask: Decimal
    best_ask_quantity: Decimal


class _Event(Struct, frozen=True):
    tickers: tuple[_Ticker, ...] = ()


class _Message(Struct, frozen=True):
    channel: str
    timestamp: datetime
    sequence_num: int
    events: msgspec.Raw = msgspec.Raw(b"[]")


_decode = msgspec.json.Decoder(_Message).decode
_decode_events = msgspec.json.Decoder(tuple[_Event, ...]).decode


class Coinbase(NoSnapshots):
    """Reads `ticker`, and the numbers of everything."""

    def __init__(self, exchange: Any, markets: Sequence[Market], _depth: int) -> None:
        self._exchange = exchange
        self._markets = by_venue_id(markets)
        self._number: int | None = None

    def subscriptions(self) -> Sequence[Subscription]:
        """As `Reader`."""
        url = self._exchange.urls["api"]["ws"]
        return [
            Subscription(url=url, message={"type": "subscribe", "channel": name, "product_ids": [*self._markets]})
            for name in ("ticker", "heartbeats")
        ]

    def read(self, text: str) -> Sequence[Tick] | None:
        """As `Reader`."""
        try:
            message = _decode(text)
            events = _decode_events(message.events) if message.channel == "ticker" else ()
        except msgspec.MsgspecError:
            return None
        if self._number is not None and message.sequence_num != self._number + 1:
            raise Broken("messages of the connection are missing")
        self._number = message.sequence_num
        return [self._quote(message, ticker) for event in events for ticker in event.tickers]

    def _quote(self, message: _Message, ticker: _Ticker) -> Tick:
        market = self._markets.get(ticker.product_id)
        if market is None:
            raise Broken("a message about a symbol that was not asked for")
        return Quote(
            symbol=market.symbol,
            bid=ticker.best_bid,
            ask=ticker.best_ask,
            bid_size=ticker.best_bid_quantity,
            ask_size=ticker.best_ask_quantity,
            last=ticker.price,
            observed_at=message.timestamp.astimezone(UTC),
            sequence=message.sequence_num,
        )
