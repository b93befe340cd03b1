"""The public channels of Kraken's websocket: what a subscriber of one pair is told at first, and then of each change.

Numbers are numbers here, not texts.
Source: docs.kraken.com, Ticker, Book, Trades, Candles and Instruments of the Spot Websocket API v2.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

from readytrader_sdk.money import ZERO

from appliance.local_exchange.display import MINUTE_MS, Display, Minute
from appliance.local_exchange.distortion import told_best, told_levels
from appliance.local_exchange.faults import Fault, Faults
from appliance.local_exchange.kraken_book import BookView, rfc3339
from appliance.local_exchange.kraken_names import KrakenNames, Pair
from appliance.local_exchange.values import MarketNews, MarketPrint

Entry = dict[str, object]
_SNAPSHOT_TRADES = 50


class Feed(Protocol):
    """One subscription of one pair."""

    def snapshot(self) -> list[Entry]:
        """What the first message says."""

    def update(self, news: MarketNews) -> list[Entry]:
        """What the next message says; nothing when this subscription is not concerned."""


class TickerFeed:
    """Best prices and the day's figures: with every trade, or (`bbo`) when a best price or its size has changed."""

    def __init__(self, pair: Pair, display: Display, faults: Faults, *, by_quote: bool) -> None:
        self._pair = pair
        self._display = display
        self._faults = faults
        self._by_quote = by_quote
        self._best: tuple[object, object] | None = None

    def snapshot(self) -> list[Entry]:
        """The ticker as it is; nothing before anything was displayed."""
        self._best = self._present_best()
        return self._entries(self._display.minutes[-1].opened_ms if self._display.minutes else 0, is_update=False)

    def update(self, news: MarketNews) -> list[Entry]:
        """The ticker as it is now."""
        if not self._by_quote:
            return self._entries(news.at_ms, is_update=True) if news.trade is not None else []
        best, self._best = self._best, self._present_best()
        return self._entries(news.at_ms, is_update=True) if best != self._best else []

    def _present_best(self) -> tuple[object, object]:
        return self._display.bids[:1], self._display.asks[:1]

    def _entries(self, at_ms: int, *, is_update: bool) -> list[Entry]:
        display, pair = self._display, self._pair
        day = display.day(at_ms)
        if day is None or not display.bids or not display.asks:
            return []
        bid, ask = display.bids[0].price, display.asks[0].price
        if is_update:
            bid, ask = told_best(self._faults, f"market ticker {pair.symbol}", bid, ask)
        last = display.trades[-1].price if display.trades else day.close
        unit = Decimal(1).scaleb(-pair.price_decimals)
        change = last - day.open
        return [
            {
                "symbol": pair.symbol,
                "bid": bid,
                "bid_qty": display.bids[0].size,
                "ask": ask,
                "ask_qty": display.asks[0].size,
                "last": last,
                "volume": day.volume,
                "vwap": (day.quote_volume / day.volume).quantize(unit) if day.volume else last,
                "low": day.low,
                "high": day.high,
                "change": change,
                "change_pct": (change * 100 / day.open).quantize(Decimal("0.01")) if day.open else ZERO,
                "timestamp": rfc3339(at_ms),
            }
        ]


class BookFeed:
    """The book with its checksums."""

    def __init__(self, pair: Pair, display: Display, faults: Faults, depth: int) -> None:
        self._view = BookView(pair, depth)
        self._display = display
        self._faults = faults
        self._occasion = f"market book {pair.symbol}"

    def snapshot(self) -> list[Entry]:
        """The whole book."""
        return [self._view.snapshot(self._display.asks, self._display.bids)]

    def update(self, news: MarketNews) -> list[Entry]:
        """What has changed, unless a gap in the sequence is asked for: then the next checksum does not fit."""
        if news.trade is not None:
            return []
        bids, asks = told_levels(self._faults, self._occasion, self._display.bids, self._display.asks)
        entry = self._view.update(asks, bids, news.at_ms)
        if entry is None or self._faults.take(Fault.SEQUENCE_GAP, self._occasion):
            return []
        return [entry]


class TradeFeed:
    """Public trades."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def snapshot(self) -> list[Entry]:
        """The last fifty."""
        return [_trade(trade) for trade in list(self._display.trades)[-_SNAPSHOT_TRADES:]]

    def update(self, news: MarketNews) -> list[Entry]:
        """The new one."""
        return [] if news.trade is None else [_trade(news.trade)]


class CandleFeed:
    """Candles of `interval` minutes; each change of the last one is told."""

    def __init__(self, pair: Pair, display: Display, interval: int) -> None:
        self._pair = pair
        self._display = display
        self._interval = interval

    def snapshot(self) -> list[Entry]:
        """All that there are."""
        return [self._entry(candle) for candle in self._display.candles(self._interval * MINUTE_MS)]

    def update(self, news: MarketNews) -> list[Entry]:
        """The candle that a trade fell into."""
        if news.trade is None:
            return []
        return [self._entry(self._display.candles(self._interval * MINUTE_MS)[-1])]

    def _entry(self, candle: Minute) -> Entry:
        begin = rfc3339(candle.opened_ms)
        vwap = candle.quote_volume / candle.volume if candle.volume else candle.close
        return {
            "symbol": self._pair.symbol,
            "open": candle.open,
            "high": candle.high,
            "low": candle.low,
            "close": candle.close,
            "trades": candle.trades,
            "volume": candle.volume,
            "vwap": vwap.quantize(Decimal(1).scaleb(-self._pair.price_decimals)),
            "interval_begin": begin,
            "interval": self._interval,
            "timestamp": rfc3339(candle.opened_ms + self._interval * MINUTE_MS),
        }


def instruments(names: KrakenNames) -> Entry:
    """The one entry of the channel `instrument`: assets and pairs with their increments."""
    return {
        "assets": [_asset(asset) for asset in names.assets],
        "pairs": [_pair(pair) for pair in names.pairs],
    }


def _asset(asset: str) -> Entry:
    return {"id": asset, "status": "enabled", "precision": 10, "precision_display": 5, "borrowable": False}


def _pair(pair: Pair) -> Entry:
    rules = pair.instrument
    return {
        "symbol": pair.symbol,
        "base": rules.base,
        "quote": rules.quote,
        "status": "online",
        "qty_precision": pair.quantity_decimals,
        "qty_increment": rules.quantity_increment,
        "price_precision": pair.price_decimals,
        "cost_precision": 5,
        "marginable": False,
        "has_index": False,
        "cost_min": rules.notional_min,
        "price_increment": rules.price_increment,
        "qty_min": rules.quantity_min,
    }


def _trade(trade: MarketPrint) -> Entry:
    return {
        "symbol": trade.symbol,
        "side": "sell" if trade.buyer_is_maker else "buy",
        "price": trade.price,
        "qty": trade.quantity,
        "ord_type": "limit",
        "trade_id": trade.trade_id,
        "timestamp": rfc3339(trade.at_ms),
    }


def now_rfc3339() -> str:
    """`time_in` and `time_out` of the websocket's answers."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
