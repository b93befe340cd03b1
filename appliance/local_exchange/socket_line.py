"""One websocket's way out: messages in order, without making whoever has news wait, and the faults of a connection."""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import web

from appliance.local_exchange.faults import Fault, Faults, Stopwatch

BACKLOG_MAX = 100_000
"""Messages waiting for a slow reader; one more and it is dropped, as real venues do."""
FOR_GOOD_MS = 10**9


class SocketLine:
    """Sends over `socket` from a task of its own: `run` it beside the reading loop, and `stop` it at the end."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest, faults: Faults) -> None:
        self._socket = socket
        self._request = request
        self._faults = faults
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        self._silence: Stopwatch | None = None

    def answer(self, text: str) -> None:
        """Send the answer to something that was asked over this socket; no fault touches it."""
        self._waiting.append(text)
        self._wake.set()

    def send(self, text: str, occasion: str) -> None:
        """Send news. `occasion` says of what, for faults: `market ` or `user ` and the name of the stream."""
        if self._faults.take(Fault.CONNECTION_DROPPED, occasion):
            self.drop()
            return
        silent_ms = self._faults.take_ms(Fault.SILENT_SOCKET, occasion)
        if silent_ms is not None:
            self._silence = Stopwatch(silent_ms or FOR_GOOD_MS)
        if self._silence is not None:
            if self._silence.is_running:
                return
            self._silence = None
        if len(self._waiting) >= BACKLOG_MAX:
            self.drop()
            return
        self._waiting.append(text)
        self._wake.set()

    def drop(self) -> None:
        """Cut the connection, without a closing handshake."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    async def run(self) -> None:
        """Send what comes until the connection ends."""
        waiting, socket = self._waiting, self._socket
        while not socket.closed:
            await self._wake.wait()
            self._wake.clear()
            while waiting:
                try:
                    await socket.send_str(waiting.popleft())
                except ConnectionError:
                    return
