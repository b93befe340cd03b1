"""An HTTP server on the loopback interface, as both listeners run one: agents here, operators there, never together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn

CONNECTIONS_MAX = 256
SHUTDOWN_WAIT_MAX_S = 3

Scope = MutableMapping[str, Any]
"""An ASGI scope (ASGI 3.0, HTTP connection scope)."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class HttpRefused(Exception):
    """The listener cannot be opened. The message names the address and says why."""


class _Server(uvicorn.Server):
    """Leaves the process's signals alone: the daemon has its own way to end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class LoopbackServer:
    """Serves one ASGI application."""

    def __init__(
        self,
        name: str,
        app: AsgiApp,
        host: str,
        port: int,
        *,
        ws: Literal["none", "websockets-sansio"],
        ws_message_max: int = 1 << 16,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self._name = name
        self._host = host
        self._port = port
        config = uvicorn.Config(
            app,
            lifespan="on",
            ws=ws,
            ws_max_size=ws_message_max,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=connections_max,
            timeout_graceful_shutdown=SHUTDOWN_WAIT_MAX_S,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; the one asked for, unless that was 0."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises `HttpRefused` when the address is taken."""
        listener = self._bind()
        self._port = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name=self._name)
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise HttpRefused(f"{self._host}:{self._port}: the server ended while it started")
            await asyncio.sleep(0.01)

    async def aclose(self) -> None:
        """Let requests end, for a few seconds, and stop listening. Orders that were permitted go on."""
        if self._serving is None:
            return
        self._server.should_exit = True
        await self._serving
        self._serving = None

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # With the protocol named, asyncio turns Nagle's algorithm off; without, every answer waits 40 ms for an ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as fault:
            listener.close()
            raise HttpRefused(f"{self._host}:{self._port}: cannot listen: {fault.strerror}") from fault
        return listener
