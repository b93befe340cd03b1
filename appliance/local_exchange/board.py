"""All that the exchange displays, and who is told when it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from readytrader_sdk.instruments import Instrument
from readytrader_sdk.market import Book, Quote, Trade
from readytrader_sdk.orders import Side

from appliance.local_exchange.display import Display
from appliance.local_exchange.news import Unsubscribe
from appliance.local_exchange.values import MarketNews, MarketPrint, VenueFill

MarketListener = Callable[[MarketNews], None]
FIRST_UPDATE = 10_000_000


class Board:
    """The displays of all instruments."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.displays = {item.symbol: Display(item, FIRST_UPDATE) for item in instruments}
        self._listeners: list[MarketListener] = []

    def watch(self, listener: MarketListener) -> Unsubscribe:
        """Tell `listener` everything that changes, until the function returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def books(self, now: datetime) -> Iterator[Book]:
        """What is displayed now of every instrument of which anything is."""
        for symbol, display in self.displays.items():
            if display.bids or display.asks:
                yield Book(symbol=symbol, bids=display.bids, asks=display.asks, observed_at=now)

    def show(self, tick: Quote | Book, at_ms: int) -> None:
        """Display another market, and tell what has changed."""
        news = self.displays[tick.symbol].show(tick, at_ms)
        if news is not None:
            self._tell(news)

    def show_trade(self, trade: MarketPrint) -> None:
        """Print a trade, and tell it."""
        self._tell(self.displays[trade.symbol].show_trade(trade))

    def _tell(self, news: MarketNews) -> None:
        for listener in tuple(self._listeners):
            listener(news)


def market_print(trade: Trade, trade_id: int, at_ms: int) -> MarketPrint:
    """A trade of somebody else, as it is printed here."""
    return MarketPrint(
        trade_id=trade_id,
        symbol=trade.symbol,
        price=trade.price,
        quantity=trade.quantity,
        buyer_is_maker=bool(trade.buyer_is_maker),
        at_ms=at_ms,
    )


def print_of(fill: VenueFill) -> MarketPrint:
    """The public side of an account's own trade."""
    return MarketPrint(
        trade_id=fill.trade_id,
        symbol=fill.symbol,
        price=fill.price,
        quantity=fill.quantity,
        buyer_is_maker=fill.is_maker is (fill.side is Side.BUY),
        at_ms=fill.at_ms,
    )
