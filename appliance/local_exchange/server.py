"""The listener: every wire and the controls of `/local` on one loopback port, without a framework's detours.

A wire says which requests it answers as `METHOD /path`; a path that ends in `*` stands for everything below it. The
most specific one wins. Nothing but loopback is listened on: whoever reaches `/local` decides what the exchange does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from appliance.local_exchange.binance import BinanceWire
from appliance.local_exchange.controls import Controls
from appliance.local_exchange.door import Door, Handler, Wire
from appliance.local_exchange.kraken import KrakenWire
from appliance.local_exchange.model import LocalExchange

SHUTDOWN_S = 0.5


class Switchboard:
    """Finds the handler of a request."""

    def __init__(self, routes: Mapping[str, Handler]) -> None:
        self._exact = {route: handler for route, handler in routes.items() if not route.endswith("*")}
        below = ((route[:-1], handler) for route, handler in routes.items() if route.endswith("*"))
        self._below = sorted(below, key=lambda item: -len(item[0]))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; 404 where no wire knows it."""
        wanted = f"{request.method} {request.path}"
        handler = self._exact.get(wanted)
        if handler is None:
            handler = next((handler for start, handler in self._below if wanted.startswith(start)), None)
        if handler is None:
            return web.json_response({"error": f"nothing answers {wanted[:200]}"}, status=404)
        return await handler(request)


@asynccontextmanager
async def serve(exchange: LocalExchange, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Speak every wire over `http://host:port`, which is the value. Port 0: any free one.

    Raises `ValueError` for a host that is not a loopback address, `OSError` when the port is taken.
    """
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"host: expected a loopback address such as 127.0.0.1, got {host}")
    door = Door(exchange)
    wires: list[Wire] = [Controls(door), BinanceWire(door), KrakenWire(door)]
    switchboard = Switchboard({route: handler for wire in wires for route, handler in wire.routes().items()})
    runner = web.ServerRunner(web.Server(switchboard.answer, access_log=None), shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = int(runner.addresses[0][1])
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}"
    finally:
        await door.close()
        await runner.cleanup()
