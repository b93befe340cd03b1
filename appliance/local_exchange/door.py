"""What the wires share with the listener: open websockets, calls that are left unanswered, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from aiohttp import WSCloseCode, web

from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.socket_line import SocketLine

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
SILENCE_MAX_S = 60.0
"""How long a call is left without an answer before its connection is dropped."""


class Wire(Protocol):
    """One protocol that the exchange speaks."""

    def routes(self) -> Mapping[str, Handler]:
        """Which handler answers `METHOD /path`."""


class Door:
    """Given to each wire by the listener."""

    def __init__(self, exchange: LocalExchange) -> None:
        self.exchange = exchange
        self._closing = asyncio.Event()
        self._sockets: set[web.WebSocketResponse] = set()

    async def leave_unanswered(self, request: web.BaseRequest, ms: int = 0) -> web.StreamResponse:
        """Say nothing for `ms` (0: as long as anybody would wait), then drop the connection."""
        await self.wait(ms / 1000 if ms else SILENCE_MAX_S)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def wait(self, seconds: float) -> None:
        """Let time pass, but not beyond the listener's end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    @asynccontextmanager
    async def socket(self, request: web.BaseRequest) -> AsyncIterator[tuple[web.WebSocketResponse, SocketLine]]:
        """A websocket, to be read from, and the line to send over."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        line = SocketLine(socket, request, self.exchange.faults)
        writer = asyncio.create_task(line.run())
        self._sockets.add(socket)
        try:
            yield socket, line
        finally:
            self._sockets.discard(socket)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer

    async def close(self) -> None:
        """End every websocket and every silence."""
        self._closing.set()
        for socket in tuple(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)
