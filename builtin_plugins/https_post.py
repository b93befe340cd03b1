"""One HTTP POST, for notifiers: TLS verified, no redirect followed, bounded in time, and nothing told of the URL.

A notifier's URL is often its credential. Errors therefore name the host alone, never the path, the query or the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, Unavailable

STEP_TIMEOUT_S = 4.0
"""For connecting, and for each wait on the socket."""
TOTAL_TIMEOUT_S = 8.0
"""For everything together: less than the 10 s that a notice has."""
TRY_LATER = frozenset({408, 425, 429})
"""Timeout, too early, too many requests (RFC 9110, 8470, 6585): the same request may be taken later."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_TARGET = re.compile(r"[!-~]*", re.ASCII)
_RETRY_AFTER = re.compile(r"\d{1,6}(\.\d{1,6})?", re.ASCII)


class Address(Struct, frozen=True, kw_only=True):
    """Where to post to."""

    encrypted: bool
    host: str
    port: int
    target: str
    """Path and query: often a credential."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address_from_text(text: str) -> Address:
    """Parse an absolute `https` or `http` URL. Raises `ValueError` that says what is wrong and quotes nothing of it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("expected a URL such as https://example.com/path") from None
    fault = _fault_of(parts, text)
    if fault:
        raise ValueError(fault)
    encrypted = parts.scheme == "https"
    return Address(
        encrypted=encrypted,
        host=parts.hostname or "",
        port=port if port is not None else (443 if encrypted else 80),
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def _fault_of(parts: SplitResult, text: str) -> str | None:
    if not _TARGET.fullmatch(text):
        return "expected a URL of printable ASCII without spaces"
    if parts.scheme not in ("https", "http"):
        return "expected a URL that begins with https://"
    if parts.username is not None or parts.password is not None:
        return "expected no user name or password in the URL"
    if "#" in text:
        return "expected no fragment (#) in the URL"
    if not _HOST.fullmatch(parts.hostname or "") or parts.port == 0:
        return "expected a host name or an IPv4 address, and a port from 1 to 65535"
    return None


async def post(address: Address, body: bytes, headers: Mapping[str, str], tls: ssl.SSLContext) -> None:
    """Deliver `body`; returns when the host answered 2xx. At most 8 s. Nothing is sent twice.

    Raises `Unavailable` for what may pass (no connection, no answer in time, 408, 425, 429, 5xx), `Misconfigured` for
    what will not (any other answer, a redirect among them, and a host that was not granted).
    """
    exchange = _Exchange(address, tls)
    try:
        async with asyncio.timeout(TOTAL_TIMEOUT_S):
            status, retry_after = await asyncio.to_thread(exchange.run, body, headers)
    except TimeoutError as error:
        raise Unavailable(f"{address}: no answer in time") from error
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(f"{address}: its certificate was not accepted: {error.verify_message[:100]}") from None
    except PermissionError as error:
        raise Misconfigured(f"{address}: this host was not granted") from error
    except (OSError, http.client.HTTPException) as error:
        # The error's text may quote what the host sent: the type is enough.
        raise Unavailable(f"{address}: no answer ({type(error).__name__})") from None
    finally:
        exchange.abandon()
    _judge(address, status, retry_after)


def _judge(address: Address, status: int, retry_after: str | None) -> None:
    if 200 <= status < 300:
        return
    if status in TRY_LATER or status >= 500:
        wait = f", to be tried again after {retry_after} s" if retry_after else ""
        raise Unavailable(f"{address}: answered {status}{wait}")
    if 300 <= status < 400:
        raise Misconfigured(f"{address}: answered {status}; redirects are not followed")
    raise Misconfigured(f"{address}: answered {status}; look at the URL and its credential")


class _Exchange:
    """One request and its answer, in a thread. `abandon` ends it from outside, wherever it waits."""

    def __init__(self, address: Address, tls: ssl.SSLContext) -> None:
        host, port = address.host, address.port
        self._target = address.target
        self._abandoned = False
        self._connection = (
            http.client.HTTPSConnection(host, port, timeout=STEP_TIMEOUT_S, context=tls)
            if address.encrypted
            else http.client.HTTPConnection(host, port, timeout=STEP_TIMEOUT_S)
        )

    def run(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str | None]:
        """The status, and after how many seconds to come back. The answer's body is not read: nothing in it counts."""
        connection = self._connection
        try:
            connection.connect()
            if self._abandoned:
                raise TimeoutError
            connection.request("POST", self._target, body, {**headers, "Connection": "close"})
            with connection.getresponse() as answer:
                retry_after = answer.headers.get("Retry-After", "")
                return answer.status, retry_after if _RETRY_AFTER.fullmatch(retry_after) else None
        finally:
            connection.close()

    def abandon(self) -> None:
        self._abandoned = True
        waiting = self._connection.sock
        if waiting is not None:
            with contextlib.suppress(OSError):  # it may have ended by itself in the meantime
                socket.socket.shutdown(waiting, socket.SHUT_RDWR)
