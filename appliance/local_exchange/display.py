"""What the exchange displays of one instrument: its book, the last trades, a day's figures, and one-minute candles."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Instrument
from readytrader_sdk.market import Book, Level, Quote
from readytrader_sdk.money import EXACT, ZERO, round_down
from readytrader_sdk.orders import Side

from appliance.local_exchange.values import MarketNews, MarketPrint

PLENTY = Decimal(1_000_000)
"""The size that is displayed where a source does not say how much there is."""
MINUTE_MS = 60_000
DAY_MS = 86_400_000
TRADES_KEPT = 1000
CANDLES_KEPT = 1500


class Minute(Struct, kw_only=True):
    """One candle of a minute, by the mid price where nothing trades."""

    opened_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    trades: int = 0


class Display:
    """The market of one instrument as everybody sees it. Updates are numbered, one number for each changed level."""

    def __init__(self, instrument: Instrument, first_update: int) -> None:
        self.instrument = instrument
        self.update = first_update
        self.bids: tuple[Level, ...] = ()
        self.asks: tuple[Level, ...] = ()
        self.trades: deque[MarketPrint] = deque(maxlen=TRADES_KEPT)
        self.minutes: deque[Minute] = deque(maxlen=CANDLES_KEPT)
        self.last: Decimal | None = None

    def show(self, tick: Quote | Book, at_ms: int) -> MarketNews | None:
        """Replace what is displayed. What has changed, or None when nothing has."""
        if isinstance(tick, Quote):
            bids: tuple[Level, ...] = (Level(tick.bid, PLENTY if tick.bid_size is None else tick.bid_size),)
            asks: tuple[Level, ...] = (Level(tick.ask, PLENTY if tick.ask_size is None else tick.ask_size),)
        else:
            bids, asks = tick.bids, tick.asks
        bids_changed, asks_changed = _changes(self.bids, bids), _changes(self.asks, asks)
        count = len(bids_changed) + len(asks_changed)
        if not count:
            return None
        self.bids, self.asks = bids, asks
        first, self.update = self.update + 1, self.update + count
        if bids and asks:
            self._note((bids[0].price + asks[0].price) / 2, at_ms)
        return MarketNews(
            symbol=self.instrument.symbol,
            at_ms=at_ms,
            update_first=first,
            update_last=self.update,
            bids=bids_changed,
            asks=asks_changed,
        )

    def show_trade(self, trade: MarketPrint) -> MarketNews:
        """Print a trade."""
        self.trades.append(trade)
        self._note(trade.price, trade.at_ms)
        minute = self.minutes[-1]
        minute.volume += trade.quantity
        minute.quote_volume += EXACT.multiply(trade.quantity, trade.price)
        minute.trades += 1
        return MarketNews(symbol=trade.symbol, at_ms=trade.at_ms, trade=trade)

    def _note(self, price: Decimal, at_ms: int) -> None:
        price = price.quantize(self.instrument.price_increment, ROUND_DOWN)
        self.last = price
        opened_ms = at_ms - at_ms % MINUTE_MS
        if not self.minutes or self.minutes[-1].opened_ms < opened_ms:
            self.minutes.append(Minute(opened_ms=opened_ms, open=price, high=price, low=price, close=price))
            return
        minute = self.minutes[-1]
        minute.close = price
        if price > minute.high:
            minute.high = price
        elif price < minute.low:
            minute.low = price

    def day(self, now_ms: int) -> Minute | None:
        """The last 24 hours as one candle, or None when nothing was ever displayed."""
        return joined(minute for minute in self.minutes if minute.opened_ms > now_ms - DAY_MS) or (
            self.minutes[-1] if self.minutes else None
        )

    def candles(self, length_ms: int) -> list[Minute]:
        """Candles of `length_ms` (a whole number of minutes), oldest first."""
        if length_ms == MINUTE_MS:
            return list(self.minutes)
        groups: dict[int, list[Minute]] = {}
        for minute in self.minutes:
            groups.setdefault(minute.opened_ms - minute.opened_ms % length_ms, []).append(minute)
        candles = []
        for opened_ms, minutes in groups.items():
            candle = joined(minutes)
            if candle is not None:
                candle.opened_ms = opened_ms
                candles.append(candle)
        return candles

    def offered_to(self, side: Side) -> tuple[Level, ...]:
        """The levels that an order of `side` takes from, best first."""
        return self.asks if side is Side.BUY else self.bids

    def reach(self, side: Side, quantity: Decimal) -> Decimal | None:
        """The worst price that taking `quantity` comes to; the last one displayed when there is not enough."""
        price = None
        for level in self.offered_to(side):
            price = level.price
            quantity -= level.size
            if quantity <= ZERO:
                break
        return price

    def quantity_for(self, side: Side, quote_quantity: Decimal) -> Decimal:
        """How much of the base `quote_quantity` comes to at what is displayed, in whole increments, rounded down."""
        left, quantity = quote_quantity, ZERO
        for level in self.offered_to(side):
            worth = EXACT.multiply(level.price, level.size)
            if worth >= left:
                quantity += left / level.price
                break
            quantity += level.size
            left -= worth
        return round_down(quantity, self.instrument.quantity_increment)


def joined(minutes: Iterable[Minute]) -> Minute | None:
    """One candle over several, oldest first; None over none."""
    candle: Minute | None = None
    for minute in minutes:
        if candle is None:
            candle = Minute(
                opened_ms=minute.opened_ms,
                open=minute.open,
                high=minute.high,
                low=minute.low,
                close=minute.close,
                volume=minute.volume,
                quote_volume=minute.quote_volume,
                trades=minute.trades,
            )
            continue
        candle.high, candle.low = max(candle.high, minute.high), min(candle.low, minute.low)
        candle.close = minute.close
        candle.volume += minute.volume
        candle.quote_volume += minute.quote_volume
        candle.trades += minute.trades
    return candle


def _changes(before: tuple[Level, ...], after: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels that differ, with size 0 where a price is gone."""
    if before == after:
        return ()
    sizes = {level.price: level.size for level in before}
    changed = [level for level in after if sizes.pop(level.price, None) != level.size]
    changed.extend(Level(price, ZERO) for price in sizes)
    return tuple(changed)
