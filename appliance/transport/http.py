"""The agents' HTTP listener: streamable HTTP at `/mcp`, on the loopback interface, with a token on every request.

The principal of a request is whoever holds the token of that very request. No session is kept, for either revision, so
there is nothing to hijack and nothing that outlives a revoked token.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import msgspec
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request

from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.transport.door import Door
from appliance.transport.lines import LINE_MAX
from appliance.transport.mcp_server import build_server

log = logging.getLogger(__name__)

PATH = "/mcp"
CONNECTIONS_MAX = 256
SHUTDOWN_WAIT_MAX_S = 3
_PRINCIPAL = "readytrader.principal"
_CHALLENGE = b'Bearer realm="readytrader"'

Scope = MutableMapping[str, Any]
"""An ASGI scope (ASGI 3.0, HTTP connection scope)."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class HttpRefused(Exception):
    """The listener cannot be opened. The message names the address and says why."""


class RequireToken:
    """Lets in requests that carry a good token, and hangs the principal on them; answers 401 to all others."""

    def __init__(self, app: AsgiApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no other protocol is spoken here; the server refuses the upgrade
        principal, error = self._admit(scope)
        if principal is None:
            await _unauthorized(send, error)
            return
        scope[_PRINCIPAL] = principal
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> tuple[Principal | None, bytes]:
        headers = [value for name, value in scope["headers"] if name == b"authorization"]
        if not headers:
            self._door.note("a request without a token")
            return None, b""
        scheme, _, token = headers[0].partition(b" ")
        if len(headers) > 1 or scheme.lower() != b"bearer":
            self._door.note("a request with a malformed authorization")
            return None, b', error="invalid_request"'
        return self._door.admit_token(token.strip().decode("latin-1")), b', error="invalid_token"'


async def _unauthorized(send: Send, error: bytes) -> None:
    """401 with a challenge (RFC 6750, section 3); an error code only where a credential was shown."""
    body = msgspec.json.encode({"error": "unauthorized", "error_description": "a good agent token is needed"})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"www-authenticate", _CHALLENGE + error),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def http_app(server: Server[Any], door: Door, *, json_response: bool = True, stateless: bool = True) -> AsgiApp:
    """The whole listener as an ASGI application: token, Host and Origin, body size, and then MCP.

    The two choices are the appliance's own by default; the conformance suite asks servers for streams and sessions too.
    """
    local = [f"{host}:*" for host in ("127.0.0.1", "localhost", "[::1]")]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=local, allowed_origins=[f"http://{host}" for host in local]
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=json_response,
        stateless_http=stateless,
        max_request_body_size=LINE_MAX,
        transport_security=security,
    )
    return RequireToken(app, door)


def principal_of(context: ServerRequestContext[Any, Any]) -> Principal:
    """Whoever holds the token of this request. Raises TypeError for one that did not come through `RequireToken`."""
    request: object = context.request
    principal = request.scope.get(_PRINCIPAL) if isinstance(request, Request) else None
    if not isinstance(principal, Principal):
        raise TypeError("a request without a principal")
    return principal


class _Server(uvicorn.Server):
    """Leaves the process's signals alone: the daemon has its own way to end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class AgentHttp:
    """Serves agents over HTTP."""

    def __init__(self, core: Core, host: str, port: int) -> None:
        self._host = host
        self._port = port
        door = Door(core.agents, "agent http", core.clock, core.telemetry.stages)
        config = uvicorn.Config(
            http_app(build_server(core, principal_of), door),
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS_MAX,
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
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="agent-http")
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
