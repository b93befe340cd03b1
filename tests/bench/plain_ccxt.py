"""ccxt by itself, as anybody would use it: what it takes to place one order and to read the answer.

    python -m tests.bench.plain_ccxt binance URL KEY SECRET

Each line on standard input is a request, `{"side", "price"}`: without a price an order that fills at once. The seconds
that it took go to standard output; what rests is cancelled, which is not counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import ccxt.async_support

from tests.local_exchange.ground import rewritten

SYMBOL, AMOUNT = "BTC/USDT", 0.001
CROSSING = {"buy": 61_000.0, "sell": 59_000.0}


async def trade(client: Any) -> None:
    """Answer every request."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        side, price = asked["side"], asked.get("price")
        parameters = {} if price else {"timeInForce": "IOC"}
        started = time.perf_counter()
        order = await client.create_order(SYMBOL, "limit", side, AMOUNT, price or CROSSING[side], parameters)
        seconds = time.perf_counter() - started
        if price:
            await client.cancel_order(order["id"], SYMBOL)
        sys.stdout.write(f"{seconds}\n")
        sys.stdout.flush()


async def main(wire: str, url: str, key: str, secret: str) -> None:
    options = {"fetchMargins": False, "fetchMarkets": {"types": ["spot"]}}
    client = getattr(ccxt.async_support, wire)(
        {"apiKey": key, "secret": secret, "enableRateLimit": False, "options": options if wire == "binance" else {}}
    )
    client.urls = rewritten(client.urls, url)
    client.has["fetchCurrencies"] = False
    try:
        await client.load_markets()
        await trade(client)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
