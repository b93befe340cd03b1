"""Lean readers of the busiest channels: exchanges whose messages are decoded straight into ticks.

ccxt connects, subscribes, keeps alive and notices the end; a reader sees each message before ccxt does, and takes what
is of its channels. Five exchanges have one. Every other's messages are read by ccxt itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builtin_plugins.ccxt_source.lean.binance_perpetuals import BinancePerpetuals
from builtin_plugins.ccxt_source.lean.binance_spot import BinanceSpot
from builtin_plugins.ccxt_source.lean.bybit import Bybit
from builtin_plugins.ccxt_source.lean.coinbase import Coinbase
from builtin_plugins.ccxt_source.lean.kraken import Kraken
from builtin_plugins.ccxt_source.lean.okx import Okx
from builtin_plugins.ccxt_source.lean.reading import Ask, Broken, Reader, Subscription
from builtin_plugins.ccxt_source.markets import Market

__all__ = ["Ask", "Broken", "Reader", "Subscription", "reader_of"]


def reader_of(exchange: Any, markets: Sequence[Market], depth: int, ask: Ask) -> Reader | None:
    """The reader for these markets of an exchange of ccxt's, all of one kind; None where there is none."""
    is_spot = ":" not in markets[0].symbol
    match exchange.id:
        case "binance" if is_spot:
            return BinanceSpot(exchange, markets, depth, ask)
        case "binance" | "binanceusdm" if not is_spot:
            return BinancePerpetuals(exchange, markets, depth)
        case "kraken" if is_spot:
            return Kraken(exchange, markets, depth)
        case "okx":
            return Okx(exchange, markets, depth)
        case "bybit":
            return Bybit(exchange, markets, depth)
        case "coinbase" if is_spot:
            return Coinbase(exchange, markets, depth)
        case _:
            return None
