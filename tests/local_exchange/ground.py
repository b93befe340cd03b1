"""A local exchange to test against, and ccxt clients that can reach nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.pro
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Book, Level, Quote

from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.server import serve

BTC = Symbol("BTC/USDT")
ETH = Symbol("ETH/USDT")
KEY, SECRET = "local-key", "local-secret"
BALANCES = {Asset("USDT"): Decimal(100_000), Asset("BTC"): Decimal(2), Asset("ETH"): Decimal(10)}
PATIENCE_S = 10.0


def instrument(symbol: Symbol, *, price_increment: str = "0.01", quantity_increment: str = "0.00001") -> Instrument:
    base, quote = symbol.split("/")
    return Instrument(
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        price_increment=Decimal(price_increment),
        quantity_increment=Decimal(quantity_increment),
        quantity_min=Decimal(quantity_increment),
        notional_min=Decimal(5),
    )


def quote(symbol: Symbol, bid: str, ask: str, size: str = "1") -> Quote:
    return Quote(
        symbol=symbol,
        bid=Decimal(bid),
        ask=Decimal(ask),
        bid_size=Decimal(size),
        ask_size=Decimal(size),
        observed_at=datetime.now(UTC),
    )


def book(symbol: Symbol, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> Book:
    return Book(
        symbol=symbol,
        bids=tuple(Level(Decimal(price), Decimal(size)) for price, size in bids),
        asks=tuple(Level(Decimal(price), Decimal(size)) for price, size in asks),
        observed_at=datetime.now(UTC),
    )


def exchange(ledger_path: Path | None = None, **options: Any) -> LocalExchange:
    """BTC/USDT at 60,000 and ETH/USDT at 2,500, with one key whose account has some of everything."""
    venue = LocalExchange(
        [instrument(BTC), instrument(ETH)], lambda: datetime.now(UTC), ledger_path=ledger_path, **options
    )
    venue.register_key(KEY, SECRET, balances=BALANCES)
    venue.show(quote(BTC, "59999", "60001"))
    venue.show(quote(ETH, "2499", "2501", "10"))
    return venue


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[tuple[LocalExchange, str]]:
    venue = exchange(**options)
    try:
        async with serve(venue) as url:
            yield venue, url
    finally:
        venue.close()


def rewritten(urls: Any, base: str) -> Any:
    """Every address in ccxt's tables at `base`, whatever scheme and host it had."""
    if isinstance(urls, dict):
        return {name: rewritten(value, base) for name, value in urls.items()}
    if isinstance(urls, str) and "://" in urls:
        scheme, _, rest = urls.partition("://")
        _, slash, path = rest.partition("/")
        return f"{base.replace('http', 'ws', 1) if scheme.startswith('ws') else base}{slash}{path}"
    return urls


@asynccontextmanager
async def binance(base: str, **options: Any) -> AsyncIterator[Any]:
    """ccxt.pro's Binance, talking to `base` alone."""
    client = ccxt.pro.binance(
        {
            "apiKey": KEY,
            "secret": SECRET,
            "timeout": 1000,
            "enableRateLimit": False,
            "options": {"fetchMargins": False, "fetchMarkets": {"types": ["spot"]}},
            **options,
        }
    )
    client.urls = rewritten(client.urls, base)
    client.has["fetchCurrencies"] = False
    try:
        yield client
    finally:
        await client.close()


async def until(met: Callable[[], bool]) -> None:
    """Wait for a condition, with a bound."""
    async with asyncio.timeout(PATIENCE_S):
        while not met():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
