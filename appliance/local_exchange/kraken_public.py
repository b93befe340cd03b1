"""Kraken's public REST calls: time, status, assets, pairs, tickers, candles, books and trades.

Source: docs.kraken.com, Market Data. Answers are keyed by the pair's ID, or by the name asked for when that has a
slash, which is what the venue does and what clients rely on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from readytrader_sdk.market import Level
from readytrader_sdk.money import ZERO

from appliance.local_exchange.display import MINUTE_MS, Display, Minute
from appliance.local_exchange.distortion import told_levels
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.kraken_errors import KrakenError, KrakenRefusal
from appliance.local_exchange.kraken_names import KrakenNames, Pair, asset_altname, asset_id
from appliance.local_exchange.kraken_requests import Fields, integer_of, text_of
from appliance.local_exchange.kraken_shapes import fixed, seconds
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import MarketPrint

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""Of candles, in minutes."""
_DEPTH_DEFAULT, _DEPTH_MAX = 100, 500
_CANDLES_MAX = 720
_DIGITS_OF_FIAT = 4

Answer = object
PublicCall = Callable[[Fields], Answer]


class KrakenPublic:
    """What everybody may ask."""

    def __init__(self, exchange: LocalExchange, names: KrakenNames) -> None:
        self._exchange = exchange
        self._names = names
        self.calls: dict[str, PublicCall] = {
            "Time": self.time,
            "SystemStatus": self.system_status,
            "Assets": self.assets,
            "AssetPairs": self.asset_pairs,
            "Ticker": self.ticker,
            "OHLC": self.ohlc,
            "Depth": self.depth,
            "Trades": self.trades,
        }

    def time(self, _fields: Fields) -> Answer:
        """The venue's clock, in whole seconds: no finer measure of a skew is to be had."""
        self._exchange.faults.note_skew()
        now = self._exchange.now_ms() // 1000
        return {"unixtime": now, "rfc1123": f"{datetime.fromtimestamp(now, UTC):%a, %d %b %y %H:%M:%S} +0000"}

    def system_status(self, _fields: Fields) -> Answer:
        """online, or maintenance while that fault is asked for."""
        is_down = self._exchange.faults.take(Fault.MAINTENANCE, "SystemStatus")
        now = datetime.fromtimestamp(self._exchange.now_ms() // 1000, UTC)
        return {"status": "maintenance" if is_down else "online", "timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}"}

    def assets(self, fields: Fields) -> Answer:
        """All assets, or the ones asked for."""
        wanted = _listed(fields, "asset")
        found = {
            asset_id(asset): _asset(asset)
            for asset in self._names.assets
            if not wanted or wanted & {asset, asset_id(asset), asset_altname(asset)}
        }
        if wanted and not found:
            raise KrakenRefusal(KrakenError.UNKNOWN_ASSET)
        return found

    def asset_pairs(self, fields: Fields) -> Answer:
        """All pairs with their rules, or the ones asked for."""
        settings = self._exchange.settings
        return {
            key: _pair(pair, settings.taker_fee_pct, settings.maker_fee_pct) for key, pair in self._asked_for(fields)
        }

    def ticker(self, fields: Fields) -> Answer:
        """Best prices and the day's figures."""
        now_ms = self._exchange.now_ms()
        answer: dict[str, object] = {}
        for key, pair in self._asked_for(fields):
            display = self._shown(pair)
            day = display.day(now_ms)
            if day is not None:
                answer[key] = self._ticker(display, pair, day)
        return answer

    def ohlc(self, fields: Fields) -> Answer:
        """Candles of `interval` minutes, oldest first; the last one is not closed."""
        key, pair = self._one(fields)
        interval = integer_of(fields, "interval") or 1
        since = integer_of(fields, "since") or 0
        if interval not in INTERVALS:
            raise KrakenRefusal(KrakenError.INVALID_ARGUMENTS)
        candles = self._shown(pair).candles(interval * MINUTE_MS)[-_CANDLES_MAX:]
        rows = [_candle(candle, pair) for candle in candles if candle.opened_ms // 1000 > since]
        closed = candles[-2].opened_ms // 1000 if len(candles) > 1 else 0
        return {key: rows, "last": closed}

    def depth(self, fields: Fields) -> Answer:
        """The book, `count` levels deep."""
        key, pair = self._one(fields)
        count = min(integer_of(fields, "count") or _DEPTH_DEFAULT, _DEPTH_MAX)
        display = self._shown(pair)
        now = self._exchange.now_ms() // 1000
        bids, asks = told_levels(self._exchange.faults, "GET /0/public/Depth", display.bids, display.asks)
        sides = {
            name: [[fixed(level.price, 5), fixed(level.size, 3), now] for level in levels[:count]]
            for name, levels in (("asks", asks), ("bids", bids))
        }
        return {key: sides}

    def trades(self, fields: Fields) -> Answer:
        """Public trades after `since`, in nanoseconds since 1970; `last` is where the next page begins."""
        key, pair = self._one(fields)
        since = integer_of(fields, "since") or 0
        count = min(integer_of(fields, "count") or 1000, 1000)
        display = self._exchange.displays[pair.symbol]
        found = [trade for trade in display.trades if trade.at_ms * 1_000_000 > since]
        found = found[:count] if since else found[-count:]
        last = found[-1].at_ms * 1_000_000 if found else since
        return {key: [_trade(trade, pair) for trade in found], "last": str(last)}

    def _ticker(self, display: Display, pair: Pair, day: Minute) -> dict[str, object]:
        decimals, faults = pair.price_decimals, self._exchange.faults
        bids, asks = told_levels(faults, "GET /0/public/Ticker", display.bids[:1], display.asks[:1])
        last = display.trades[-1] if display.trades else None

        def side(levels: Sequence[Level]) -> list[str]:
            price, size = (levels[0].price, levels[0].size) if levels else (ZERO, ZERO)
            return [fixed(price, decimals), str(int(size)), fixed(size, 3)]

        def twice(price: Decimal) -> list[str]:
            return [f"{price:.{decimals}f}"] * 2

        return {
            "a": side(asks),
            "b": side(bids),
            "c": [
                fixed(day.close if last is None else last.price, decimals),
                fixed(last.quantity if last else ZERO, 8),
            ],
            "v": [fixed(day.volume, 8)] * 2,
            "p": twice(day.quote_volume / day.volume if day.volume else day.close),
            "t": [day.trades] * 2,
            "l": twice(day.low),
            "h": twice(day.high),
            "o": fixed(day.open, decimals),
        }

    def _shown(self, pair: Pair) -> Display:
        return self._exchange.displays[pair.symbol]

    def _asked_for(self, fields: Fields) -> list[tuple[str, Pair]]:
        wanted = text_of(fields, "pair")
        if wanted is None:
            return [(pair.id, pair) for pair in self._names.pairs]
        return [self._named(name) for name in wanted.split(",")]

    def _one(self, fields: Fields) -> tuple[str, Pair]:
        return self._named(text_of(fields, "pair") or "")

    def _named(self, name: str) -> tuple[str, Pair]:
        pair = self._names.find(name)
        if pair is None:
            raise KrakenRefusal(KrakenError.UNKNOWN_PAIR)
        return (name if "/" in name else pair.id), pair


def _listed(fields: Fields, name: str) -> set[str]:
    text = text_of(fields, name)
    return set() if text is None else set(text.split(","))


def _asset(asset: str) -> dict[str, object]:
    is_national = asset_id(asset).startswith("Z") and asset_id(asset) != asset
    return {
        "aclass": "currency",
        "altname": asset_altname(asset),
        "decimals": _DIGITS_OF_FIAT if is_national else 10 if asset_id(asset) != asset else 8,
        "display_decimals": 2 if is_national else 5,
        "status": "enabled",
    }


def _pair(pair: Pair, taker_fee_pct: Decimal, maker_fee_pct: Decimal) -> dict[str, object]:
    instrument = pair.instrument
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": asset_id(instrument.base),
        "aclass_quote": "currency",
        "quote": asset_id(instrument.quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": pair.price_decimals,
        "lot_decimals": pair.quantity_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, taker_fee_pct]],
        "fees_maker": [[0, maker_fee_pct]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": f"{instrument.quantity_min:f}",
        "costmin": f"{instrument.notional_min:f}",
        "tick_size": f"{instrument.price_increment:f}",
        "status": "online",
    }


def _candle(candle: Minute, pair: Pair) -> list[object]:
    decimals = pair.price_decimals
    vwap = candle.quote_volume / candle.volume if candle.volume else ZERO
    prices = (candle.open, candle.high, candle.low, candle.close, vwap)
    return [
        candle.opened_ms // 1000,
        *(f"{price:.{decimals}f}" for price in prices),
        fixed(candle.volume, 8),
        candle.trades,
    ]


def _trade(trade: MarketPrint, pair: Pair) -> list[object]:
    return [
        fixed(trade.price, pair.price_decimals),
        fixed(trade.quantity, 8),
        seconds(trade.at_ms),
        "s" if trade.buyer_is_maker else "b",
        "l",
        "",
        trade.trade_id,
    ]
