"""The agents' HTTP listener: streamable HTTP at `/mcp`, on the loopback interface, with a token on every request.

The principal of a request is whoever holds the token of that very request. No session is kept, for either revision, so
there is nothing to hijack and nothing that outlives a revoked token.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request

from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.transport.door import Door
from appliance.transport.lines import LINE_MAX
from appliance.transport.loopback import AsgiApp, LoopbackServer, Receive, Scope, Send
from appliance.transport.mcp_server import build_server

log = logging.getLogger(__name__)

PATH = "/mcp"
_PRINCIPAL = "readytrader.principal"
_CHALLENGE = b'Bearer realm="readytrader"'


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


class AgentHttp(LoopbackServer):
    """Serves agents over HTTP."""

    def __init__(self, core: Core, host: str, port: int) -> None:
        door = Door(core.agents, "agent http", core.clock, core.telemetry.stages)
        super().__init__("agent-http", http_app(build_server(core, principal_of), door), host, port, ws="none")
