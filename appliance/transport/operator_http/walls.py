"""What every request passes before any code of a route runs, and every reply before it leaves.

A browser may be made to ask anything of this host by any page that it shows. So the name that was asked must be this
host's (else another site's name was made to point here), and a page that asks must be ours. No cookie is ever set: an
agent may run a web server on this host, and cookies know no port.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

import msgspec

from appliance.transport.loopback import AsgiApp, Receive, Scope, Send

BODY_BYTES_MAX = 1 << 16
HOSTS = ("localhost", "127.0.0.1", "[::1]")
PAGE = "/page/"

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""CSP Level 3 and Trusted Types: only files of our own run, nothing is loaded from elsewhere, no text becomes code."""

_HEADERS = {
    b"content-security-policy": CONTENT_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-embedder-policy": b"require-corp",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": (
        b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), "
        b"publickey-credentials-get=(self), publickey-credentials-create=(self)"
    ),
}
_ERRORS = {
    400: ("bad_host", "exactly one Host is expected"),
    403: ("foreign_origin", "only this appliance's own page may ask"),
    413: ("too_large", f"a request may have at most {BODY_BYTES_MAX} bytes"),
    421: ("wrong_host", "ask for this by localhost, 127.0.0.1 or [::1] and the listener's port"),
}


class Walls:
    """Around the whole application: Host, Origin and size of what comes in, headers of what goes out."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refused = _refusal(scope)
        if scope["type"] == "websocket":
            if refused is not None:
                await send({"type": "websocket.close", "code": 1008, "reason": _ERRORS[refused][0]})
                return
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_headers(message["headers"])
            await send(message)

        if refused is not None:
            await _refuse(send_guarded, refused)
            return
        await self._app(scope, receive, send_guarded)


def _refusal(scope: Scope) -> int | None:
    """The status to refuse with, or None."""
    headers = scope["headers"]
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1:
        return 400
    host = hosts[0].decode("latin-1").lower()
    port = scope["server"][1]
    if host not in {f"{name}:{port}" for name in HOSTS}:
        return 421
    origins = [value for name, value in headers if name == b"origin"]
    if any(origin.decode("latin-1").lower() != f"http://{host}" for origin in origins):
        return 403
    sites = {value for name, value in headers if name == b"sec-fetch-site"}
    is_page = scope["path"] == "/" or scope["path"].startswith(PAGE)  # a link may lead to it; all else is ours alone
    if scope["type"] == "http" and not is_page and not sites <= {b"same-origin", b"none"}:
        return 403
    lengths = [value for name, value in headers if name == b"content-length"]
    if any(not value.isdigit() or int(value) > BODY_BYTES_MAX for value in lengths):
        return 413
    return None


def _with_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    own = dict(_HEADERS)
    if not any(name.lower() == b"cache-control" for name, _ in headers):
        own[b"cache-control"] = b"no-store"
    return [(name, value) for name, value in headers if name.lower() not in own] + list(own.items())


async def _refuse(send: Send, status: int) -> None:
    code, text = _ERRORS[status]
    body = msgspec.json.encode({"error": {"code": code, "text": text}})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
