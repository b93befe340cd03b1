"""An HTTP server on the loopback interface, as both listeners run one: agents here, operators there, never together."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX = 256
ACCEPTED_AT_ONCE = 64
"""asyncio accepts up to so many before it looks at any of them; each has a descriptor by then."""
SHUTDOWN_WAIT_MAX_S = 3
LOCALHOST = ("127.0.0.1", "::1")
"""What `localhost` is (RFC 6761, 6.3). Browsers try the second one first."""
FREE_PORT_TRIES = 16
_NOT_THERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""This host has no such address, so nobody else on it can listen there."""

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


class _Connection(H11Protocol):
    """One of so many. Where there are more, the oldest that asks nothing now is closed for the one that comes: else any
    program on this host could hold them all, keep everybody out, and take all descriptors of this process."""

    _numbers = count()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the base has it
        """As `asyncio.Protocol`."""
        super().connection_made(transport)
        self.number = next(self._numbers)
        if len(self.connections) >= (self.limit_concurrency or CONNECTIONS_MAX):
            silent = [it for it in self.connections if isinstance(it, _Connection) and it.asks_nothing()]
            oldest = min(silent, key=lambda it: it.number)
            self.connections.discard(oldest)
            oldest.transport.abort()

    def asks_nothing(self) -> bool:
        """Whether no request is here as a whole that was not answered yet."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body


class LoopbackServer:
    """Serves one ASGI application, on all that `localhost` is.

    Whoever listened on `[::1]` beside us on 127.0.0.1 would be taken for us: to a browser both are one origin, whose
    stored tokens, passwords and passkeys it would be given.
    """

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
            http=_Connection,
            backlog=ACCEPTED_AT_ONCE,
            ws=ws,
            ws_max_size=ws_message_max,
            log_config=None,
            access_log=False,
            log_level="error",  # else every line that is no HTTP makes a line in the log: strangers choose how many
            server_header=False,
            proxy_headers=False,
            limit_concurrency=connections_max + 1,
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
        listeners = self._bound()
        self._port = listeners[0].getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=listeners), name=self._name)
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

    def _bound(self) -> list[socket.socket]:
        """The address that was asked for, first, and all of `localhost`; port 0 is one that is free on all of them."""
        tries = 1 if self._port else FREE_PORT_TRIES
        while True:
            tries -= 1
            bound = [_bind(self._host, self._port)]
            port = bound[0].getsockname()[1]
            try:
                others = (_bind_if_there(host, port) for host in LOCALHOST if host != self._host)
                bound.extend(listener for listener in others if listener is not None)
            except HttpRefused:
                for listener in bound:
                    listener.close()
                if not tries:
                    raise
            else:
                return bound


def _bind_if_there(host: str, port: int) -> socket.socket | None:
    try:
        return _bind(host, port)
    except HttpRefused as fault:
        cause = fault.__cause__
        if isinstance(cause, OSError) and cause.errno in _NOT_THERE:
            return None
        raise


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # With the protocol named, asyncio turns Nagle's algorithm off; without, every answer waits 40 ms for an ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as fault:
        raise HttpRefused(f"{host}:{port}: cannot listen: {fault.strerror}") from fault
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as fault:
        listener.close()
        advice = "; ss -tlnp shows by whom" if fault.errno == errno.EADDRINUSE else ""
        raise HttpRefused(f"{host}:{port}: cannot listen: {fault.strerror}{advice}") from fault
    return listener
