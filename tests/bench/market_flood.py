"""A venue that says one thing, fast: Binance's USD-M perpetuals, best bid and ask, as many as a socket takes.

Run as a program with the number of symbols and the messages a second (0: as fast as they are taken); its port is
printed when it is ready. It stands in a process of its own, so that it shares no core's time with what is measured.
"""

from __future__ import annotations

import asyncio
import sys
import time

from aiohttp import WSMsgType, web

SLICE_S = 0.01
BURST = 200
"""Messages between two looks at the event loop, where there is no pace."""


def names(count: int) -> list[str]:
    """Symbols as the venue calls them."""
    return [f"A{number}USDT" for number in range(count)]


def listed(name: str) -> dict[str, object]:
    return {
        "symbol": name, "pair": name, "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": name[:-4],
        "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 2, "quantityPrecision": 3,
        "orderTypes": ["LIMIT"], "timeInForce": ["GTC"], "onboardDate": 1, "deliveryDate": 4133404800000,
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
    }  # fmt: skip


def told(name: str, update: int, now_ms: int) -> str:
    bid = 60_000 + (update % 100) / 10
    return (
        f'{{"e":"bookTicker","u":{update},"s":"{name}","b":"{bid:.2f}","B":"31.21000000",'
        f'"a":"{bid + 0.1:.2f}","A":"40.66000000","T":{now_ms},"E":{now_ms}}}'
    )


def venue(count: int, rate: float) -> web.Application:
    known = names(count)

    async def info(_request: web.Request) -> web.Response:
        return web.json_response({"symbols": [listed(name) for name in known]})

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        telling = asyncio.create_task(tell(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await socket.send_str('{"result":null,"id":1}')
        finally:
            telling.cancel()
        return socket

    async def tell(socket: web.WebSocketResponse) -> None:
        update, started = 0, time.monotonic()
        while not socket.closed:
            due = int((time.monotonic() - started) * rate) - update if rate else BURST
            for _ in range(due):
                update += 1
                await socket.send_str(told(known[update % count], update, int(time.time() * 1000)))
            await asyncio.sleep(SLICE_S if rate else 0)

    application = web.Application()
    application.router.add_get("/fapi/v1/exchangeInfo", info)
    application.router.add_get("/{path:.*}/ws/{number}", stream)
    return application


async def main(count: int, rate: float) -> None:
    runner = web.AppRunner(venue(count, rate), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201 - to whoever started it
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
