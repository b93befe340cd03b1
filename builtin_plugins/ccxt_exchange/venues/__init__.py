"""What is different about each venue: its requests as its documentation has them, signed and parsed by ccxt."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from builtin_plugins.ccxt_exchange.capabilities import capabilities_of
from builtin_plugins.ccxt_exchange.client import Client
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect


def dialect_of(exchange_id: str, client: Client) -> Dialect:
    """The venue's own dialect, or the cautious one."""
    return _DIALECTS.get(capabilities_of(exchange_id).venue, _cautious)(client)


def _binance(client: Client) -> Dialect:
    from builtin_plugins.ccxt_exchange.venues.binance import Binance

    return Binance(client)


def _kraken(client: Client) -> Dialect:
    from builtin_plugins.ccxt_exchange.venues.kraken import Kraken

    return Kraken(client)


def _coinbase(client: Client) -> Dialect:
    from builtin_plugins.ccxt_exchange.venues.coinbase import Coinbase

    return Coinbase(client)


def _okx(client: Client) -> Dialect:
    from builtin_plugins.ccxt_exchange.venues.okx import Okx

    return Okx(client)


def _bybit(client: Client) -> Dialect:
    from builtin_plugins.ccxt_exchange.venues.bybit import Bybit

    return Bybit(client)


def _cautious(client: Client) -> Dialect:
    from builtin_plugins.ccxt_exchange.venues.cautious import Cautious

    return Cautious(client)


_DIALECTS: Mapping[str, Callable[[Client], Dialect]] = {
    "binance": _binance,
    "kraken": _kraken,
    "coinbase": _coinbase,
    "okx": _okx,
    "bybit": _bybit,
}
