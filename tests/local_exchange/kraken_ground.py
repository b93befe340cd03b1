"""A local exchange with Kraken's pairs, and ccxt's Kraken that can reach nothing else."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ccxt.pro
from readytrader_sdk.instruments import Asset, Symbol

from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.server import serve
from tests.local_exchange.ground import BTC, ETH, instrument, quote, rewritten

BTC_USD = Symbol("BTC/USD")
KEY = "kraken-local-key"
SECRET = base64.b64encode(b"a secret for nothing but play money").decode()
BALANCES = {
    Asset("USD"): Decimal(100_000),
    Asset("USDT"): Decimal(100_000),
    Asset("BTC"): Decimal(2),
    Asset("ETH"): Decimal(10),
}


def exchange(**options: Any) -> LocalExchange:
    """BTC/USD and BTC/USDT at 60,000, ETH/USDT at 2,500, and one key whose account has some of everything."""
    instruments = [
        instrument(BTC_USD, price_increment="0.1", quantity_increment="0.00000001"),
        instrument(BTC, price_increment="0.1", quantity_increment="0.00000001"),
        instrument(ETH, price_increment="0.01", quantity_increment="0.00000001"),
    ]
    venue = LocalExchange(instruments, lambda: datetime.now(UTC), **options)
    venue.register_key(KEY, SECRET, balances=BALANCES)
    for symbol in (BTC_USD, BTC):
        venue.show(quote(symbol, "59999", "60001"))
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


@asynccontextmanager
async def kraken(base: str, **options: Any) -> AsyncIterator[Any]:
    """ccxt.pro's Kraken, talking to `base` alone."""
    client = ccxt.pro.kraken(
        {"apiKey": KEY, "secret": SECRET, "timeout": 1000, "enableRateLimit": False, **options},
    )
    client.urls = rewritten(client.urls, base)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def traded(**options: Any) -> AsyncIterator[tuple[LocalExchange, Any]]:
    """An exchange and a client of it that knows its markets."""
    async with served(**options) as (venue, url), kraken(url) as client:
        await client.load_markets()
        yield venue, client
