"""Binance's public calls: time, rules, depth, prices, candles and trades. None needs a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from appliance.local_exchange import binance_errors as errors
from appliance.local_exchange.binance_errors import BinanceError
from appliance.local_exchange.binance_names import Names, amount, name_of
from appliance.local_exchange.binance_requests import text, whole
from appliance.local_exchange.display import MINUTE_MS, Display, Minute
from appliance.local_exchange.distortion import told_best, told_levels
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import MarketPrint

Parameters = Mapping[str, str]
Shape = dict[str, object]
INTERVALS = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "8h": 480,
    "12h": 720,
    "1d": 1440,
}
"""Lengths of candles in minutes."""
DEPTH_DEFAULT = 100
DEPTH_MAX = 5000
QUANTITY_MAX = Decimal(9_000_000)
PRICE_MAX = Decimal(1_000_000_000)
LIMITS = (
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000},
)


class BinanceMarket:
    """Answers to public calls. Each raises `BinanceError` when the answer is an error."""

    def __init__(self, exchange: LocalExchange, names: Names) -> None:
        self._exchange = exchange
        self._names = names

    def calls(self) -> Mapping[str, Callable[[Parameters], object]]:
        """All of them, by `METHOD /path`."""
        return {
            "GET /api/v3/ping": lambda _: {},
            "GET /api/v3/time": self.time,
            "GET /api/v3/exchangeInfo": self.rules,
            "GET /api/v3/depth": self.depth,
            "GET /api/v3/trades": self.trades,
            "GET /api/v3/aggTrades": self.joined_trades,
            "GET /api/v3/klines": self.candles,
            "GET /api/v3/avgPrice": self.average,
            "GET /api/v3/ticker/bookTicker": lambda asked: self._each(asked, self.best),
            "GET /api/v3/ticker/price": lambda asked: self._each(asked, self.price),
            "GET /api/v3/ticker/24hr": lambda asked: self._each(asked, self.day),
            "GET /sapi/v1/system/status": lambda _: {"status": 0, "msg": "normal"},
        }

    def time(self, parameters: Parameters) -> Shape:  # noqa: ARG002 - every call has the same shape
        """`GET /api/v3/time`."""
        self._exchange.faults.note_skew()
        return {"serverTime": self._exchange.now_ms()}

    def rules(self, parameters: Parameters) -> Shape:
        """`GET /api/v3/exchangeInfo`."""
        displays = [self._names.display(name) for name in self._asked_names(parameters)]
        return {
            "timezone": "UTC",
            "serverTime": self._exchange.now_ms(),
            "rateLimits": list(LIMITS),
            "exchangeFilters": [],
            "symbols": [_rules_of(display) for display in displays],
        }

    def depth(self, parameters: Parameters) -> Shape:
        """`GET /api/v3/depth`."""
        name = text(parameters, "symbol")
        display = self._names.display(name)
        limit = whole(parameters, "limit")
        limit = DEPTH_DEFAULT if limit is None else min(limit, DEPTH_MAX)
        bids, asks = told_levels(
            self._exchange.faults, f"GET /api/v3/depth {name}", display.bids[:limit], display.asks[:limit]
        )
        return {
            "lastUpdateId": display.update,
            "bids": [(amount(level.price), amount(level.size)) for level in bids],
            "asks": [(amount(level.price), amount(level.size)) for level in asks],
        }

    def trades(self, parameters: Parameters) -> list[Shape]:
        """`GET /api/v3/trades`."""
        trades = self._named(parameters).trades
        return [_public_trade(trade) for trade in list(trades)[-(whole(parameters, "limit") or 500) :]]

    def joined_trades(self, parameters: Parameters) -> list[Shape]:
        """`GET /api/v3/aggTrades`: each trade stands for itself."""
        trades = self._named(parameters).trades
        return [_joined_trade(trade) for trade in list(trades)[-(whole(parameters, "limit") or 500) :]]

    def candles(self, parameters: Parameters) -> list[list[object]]:
        """`GET /api/v3/klines`."""
        minutes = INTERVALS.get(text(parameters, "interval"))
        if minutes is None:
            raise BinanceError(-1120, "Invalid interval.")
        start, end = whole(parameters, "startTime"), whole(parameters, "endTime")
        length_ms = minutes * MINUTE_MS
        found = [
            candle
            for candle in self._named(parameters).candles(length_ms)
            if (start is None or candle.opened_ms >= start) and (end is None or candle.opened_ms <= end)
        ]
        limit = whole(parameters, "limit") or 500
        page = found[-limit:] if start is None else found[:limit]
        return [_candle(candle, length_ms) for candle in page]

    def average(self, parameters: Parameters) -> Shape:
        """`GET /api/v3/avgPrice`: the last price, whatever the minutes before were."""
        last = self._named(parameters).last
        return {"mins": 5, "price": amount(last), "closeTime": self._exchange.now_ms()}

    def best(self, name: str) -> Shape:
        """One entry of `GET /api/v3/ticker/bookTicker`."""
        display = self._names.display(name)
        bid, ask = best_of(display)
        occasion = f"GET /api/v3/ticker/bookTicker {name}"
        bid_price, ask_price = told_best(self._exchange.faults, occasion, bid[0], ask[0])
        return {
            "symbol": name,
            "bidPrice": amount(bid_price),
            "bidQty": amount(bid[1]),
            "askPrice": amount(ask_price),
            "askQty": amount(ask[1]),
        }

    def price(self, name: str) -> Shape:
        """One entry of `GET /api/v3/ticker/price`."""
        last = self._names.display(name).last or Decimal(0)
        occasion = f"GET /api/v3/ticker/price {name}"
        return {"symbol": name, "price": amount(told_best(self._exchange.faults, occasion, last, last)[0])}

    def day(self, name: str) -> Shape:
        """One entry of `GET /api/v3/ticker/24hr`."""
        display = self._names.display(name)
        now_ms = self._exchange.now_ms()
        day = display.day(now_ms) or Minute(opened_ms=now_ms, open=ZERO, high=ZERO, low=ZERO, close=ZERO)
        bid, ask = best_of(display)
        occasion = f"GET /api/v3/ticker/24hr {name}"
        bid_price, ask_price = told_best(self._exchange.faults, occasion, bid[0], ask[0])
        trades = display.trades
        return {
            "symbol": name,
            "priceChange": amount(day.close - day.open),
            "priceChangePercent": format((day.close - day.open) / day.open * 100 if day.open else ZERO, ".3f"),
            "weightedAvgPrice": amount(day.close),
            "prevClosePrice": amount(day.open),
            "lastPrice": amount(display.last),
            "lastQty": amount(trades[-1].quantity if trades else None),
            "bidPrice": amount(bid_price),
            "bidQty": amount(bid[1]),
            "askPrice": amount(ask_price),
            "askQty": amount(ask[1]),
            "openPrice": amount(day.open),
            "highPrice": amount(day.high),
            "lowPrice": amount(day.low),
            "volume": amount(day.volume),
            "quoteVolume": amount(day.quote_volume),
            "openTime": day.opened_ms,
            "closeTime": now_ms,
            "firstId": trades[0].trade_id if trades else -1,
            "lastId": trades[-1].trade_id if trades else -1,
            "count": day.trades,
        }

    def _named(self, parameters: Parameters) -> Display:
        return self._names.display(text(parameters, "symbol"))

    def _asked_names(self, parameters: Parameters) -> list[str]:
        """What `symbol` or `symbols` names, or everything."""
        if "symbol" in parameters:
            return [parameters["symbol"]]
        if "symbols" not in parameters:
            return self._names.all()
        try:
            return msgspec.json.decode(parameters["symbols"], type=list[str])
        except (msgspec.ValidationError, msgspec.DecodeError):
            raise errors.malformed("symbols") from None

    def _each(self, parameters: Parameters, one: Callable[[str], Shape]) -> object:
        """One entry when `symbol` was asked for, else a list."""
        found = [one(name) for name in self._asked_names(parameters)]
        return found[0] if "symbol" in parameters else found


ZERO = Decimal(0)


def best_of(display: Display) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
    """Price and size of the best bid and of the best ask; zeros where nothing is displayed."""
    bid = (display.bids[0].price, display.bids[0].size) if display.bids else (ZERO, ZERO)
    ask = (display.asks[0].price, display.asks[0].size) if display.asks else (ZERO, ZERO)
    return bid, ask


def _rules_of(display: Display) -> Shape:
    instrument = display.instrument
    tick, step = amount(instrument.price_increment), amount(instrument.quantity_increment)
    return {
        "symbol": name_of(instrument),
        "status": "TRADING" if instrument.status == "trading" else "BREAK",
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": amount(PRICE_MAX), "tickSize": tick},
            {
                "filterType": "LOT_SIZE",
                "minQty": amount(instrument.quantity_min),
                "maxQty": amount(QUANTITY_MAX),
                "stepSize": step,
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": amount(None),
                "maxQty": amount(QUANTITY_MAX),
                "stepSize": amount(None),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": amount(instrument.notional_min),
                "applyMinToMarket": True,
                "maxNotional": amount(PRICE_MAX),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def _public_trade(trade: MarketPrint) -> Shape:
    return {
        "id": trade.trade_id,
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "quoteQty": amount(trade.price * trade.quantity),
        "time": trade.at_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def _joined_trade(trade: MarketPrint) -> Shape:
    return {
        "a": trade.trade_id,
        "p": amount(trade.price),
        "q": amount(trade.quantity),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": trade.at_ms,
        "m": trade.buyer_is_maker,
        "M": True,
    }


def _candle(candle: Minute, length_ms: int) -> list[object]:
    return [
        candle.opened_ms,
        amount(candle.open),
        amount(candle.high),
        amount(candle.low),
        amount(candle.close),
        amount(candle.volume),
        candle.opened_ms + length_ms - 1,
        amount(candle.quote_volume),
        candle.trades,
        "0",
        "0",
        "0",
    ]
