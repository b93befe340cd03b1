"""Binance spot: a book kept from its changes, because there alone Binance tells an event's time.

`bookTicker` and the partial books of spot carry none.
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams ("Diff. Depth Stream", and how to manage a
local order book correctly): changes are kept until the book by REST has come, the first that counts holds its
`lastUpdateId` + 1, and each begins where the one before it ended. After a gap the book is asked for again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field
from readytrader_sdk.market import Quote, Tick

from builtin_plugins.ccxt_source.ladder import Ladder
from builtin_plugins.ccxt_source.lean.reading import Ask, Broken, Subscription, in_parts, of_ladder
from builtin_plugins.ccxt_source.markets import Market
from builtin_plugins.ccxt_source.timeframes import from_milliseconds

STREAMS_A_MESSAGE = 100
CHANGES_MAX = 1000
"""Of one symbol, kept while its book is waited for."""

_Levels = tuple[tuple[Decimal, Decimal], ...]


class _Change(Struct, frozen=True, gc=False, tag_field="e", tag="depthUpdate"):
    symbol: str = field(name="s")
    first: int = field(name="U")
    last: int = field(name="u")
    time: int = field(name="E")
    bids: _Levels = field(name="b")
    asks: _Levels = field(name="a")


class _Whole(Struct, frozen=True, kw_only=True):
    last: int = field(name="lastUpdateId")
    bids: _Levels
    asks: _Levels


_decode = msgspec.json.Decoder(_Change).decode


class _Kept:
    """One market's book, and how far it is known."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.ladder = Ladder()
        self.last: int | None = None
        """The ID of the last change taken in; None while the whole book is waited for."""
        self.waiting: deque[_Change] = deque(maxlen=CHANGES_MAX)
        self.is_asked = False


class BinanceSpot:
    """Reads `depth@100ms`."""

    def __init__(self, exchange: Any, markets: Sequence[Market], depth: int, ask: Ask) -> None:
        self._exchange = exchange
        self._kept = {market.venue_id: _Kept(market) for market in markets}
        self._depth = depth
        self._ask = ask

    def subscriptions(self) -> Sequence[Subscription]:
        """As `Reader`."""
        names = [f"{name.lower()}@depth@100ms" for name in self._kept]
        base = self._exchange.get_ws_url("spot", "public")
        url = f"{base}/{self._exchange.stream('spot', 'ticks', len(names))}"
        return [
            Subscription(url=url, message={"method": "SUBSCRIBE", "params": part, "id": number})
            for number, part in enumerate(in_parts(names, STREAMS_A_MESSAGE), start=1)
        ]

    def read(self, text: str) -> Sequence[Tick] | None:
        """As `Reader`."""
        try:
            change = _decode(text)
        except msgspec.MsgspecError:
            return None
        kept = self._kept.get(change.symbol)
        if kept is None:
            raise Broken("a message about a symbol that was not asked for")
        if kept.last is not None and kept.last + 1 < change.first:
            kept.last = None  # changes were lost: what is known of the book is worth nothing
        if kept.last is None:
            kept.waiting.append(change)
            if not kept.is_asked:
                kept.is_asked = True
                self._ask(kept.market)
            return ()
        return self._apply(kept, change)

    def snapshot(self, market: Market, answer: object) -> Sequence[Tick]:
        """As `Reader`: the answer of `GET /api/v3/depth`."""
        try:
            whole = msgspec.convert(answer, _Whole, strict=False)
        except msgspec.MsgspecError:
            raise Broken(f"{market.symbol}: the exchange's book cannot be read") from None
        kept = self._kept[market.venue_id]
        kept.is_asked = False
        kept.ladder.clear()
        kept.ladder.bids.change(whole.bids)
        kept.ladder.asks.change(whole.asks)
        kept.last = whole.last
        changes, kept.waiting = kept.waiting, deque(maxlen=CHANGES_MAX)
        ticks: list[Tick] = []
        for change in changes:
            if kept.last is None or kept.last + 1 < change.first:
                # The book is older than the first change that was kept, or one is missing among them.
                kept.last = None
                kept.waiting.append(change)
            else:
                ticks += self._apply(kept, change)
        if kept.last is None:
            kept.is_asked = True
            self._ask(market)
        return ticks

    def _apply(self, kept: _Kept, change: _Change) -> Sequence[Tick]:
        if kept.last is not None and change.last <= kept.last:
            return ()
        kept.last = change.last
        kept.ladder.bids.change(change.bids)
        kept.ladder.asks.change(change.asks)
        bid, ask = kept.ladder.bids.top(), kept.ladder.asks.top()
        if bid is None or ask is None:
            return ()
        quote = Quote(
            symbol=kept.market.symbol,
            bid=bid[0],
            ask=ask[0],
            bid_size=bid[1],
            ask_size=ask[1],
            observed_at=from_milliseconds(change.time),
            sequence=change.last,
        )
        return of_ladder(kept.ladder, quote, self._depth)
