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
from readytrader_sdk.hooks import PluginContext

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

    __repr__ = __str__
    """Wherever it is printed, as part of whatever, the target is not."""


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


class Answer(Struct, frozen=True, kw_only=True):
    """What a host answered, as far as it counts."""

    status: int
    retry_after_s: float | None = None
    """After how many seconds it wants to be asked again, where it says so."""
    body: bytes = b""
    """No more of it than was asked for."""


def granted_address(context: PluginContext, text: str, named: str) -> Address:
    """The address of a URL that the instance may reach; `http` is for its `private_hosts` alone.

    Raises `Misconfigured` with `named` in front, which quotes nothing of the URL but host and port.
    """
    try:
        address = address_from_text(text)
    except ValueError as error:
        raise Misconfigured(f"{context.name}: {named}: {error}") from None
    if not context.http.allows(address.host, address.port):
        raise Misconfigured(f"{context.name}: {named}: {address} is not among the instance's hosts or private_hosts")
    if not address.encrypted and not context.http.is_private(address.host, address.port):
        raise Misconfigured(
            f"{context.name}: {named}: http is for hosts among private_hosts; expected https for {address}"
        )
    return address


def trusting(context: PluginContext) -> ssl.SSLContext:
    """Whom TLS trusts: the certificates of the setting `ca_file`, else the system's. Raises `Misconfigured`."""
    path = context.settings.get("ca_file")
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # a file that is not there, and one that holds no certificate
        raise Misconfigured(f"{context.name}: ca_file: cannot be read as certificates: {path!r}") from error


async def post(address: Address, body: bytes, headers: Mapping[str, str], tls: ssl.SSLContext) -> None:
    """Deliver `body`; returns when the host answered 2xx. At most 8 s. Nothing is sent twice.

    Raises as `exchange` and `judge` do.
    """
    judge(address, await exchange(address, body, headers, tls))


async def exchange(
    address: Address, body: bytes, headers: Mapping[str, str], tls: ssl.SSLContext, answer_max: int = 0
) -> Answer:
    """Post `body` and take the answer, of its body `answer_max` bytes. At most 8 s. Nothing is sent twice.

    Raises `Unavailable` where there is no answer in time, `Misconfigured` for a host that was not granted.
    """
    delivery = _Exchange(address, tls, answer_max)
    try:
        async with asyncio.timeout(TOTAL_TIMEOUT_S):
            return await asyncio.to_thread(delivery.run, body, headers)
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
        delivery.abandon()


def judge(address: Address, answer: Answer) -> None:
    """Return where it was delivered.

    Raises `Unavailable` for what may pass (408, 425, 429, 5xx), `Misconfigured` for what will not (any other answer, a
    redirect among them).
    """
    status, retry_after_s = answer.status, answer.retry_after_s
    if 200 <= status < 300:
        return
    if status in TRY_LATER or status >= 500:
        wait = "" if retry_after_s is None else f", to be tried again after {retry_after_s:.15g} s"
        raise Unavailable(f"{address}: answered {status}{wait}", retry_after_s=retry_after_s)
    if 300 <= status < 400:
        raise Misconfigured(f"{address}: answered {status}; redirects are not followed")
    raise Misconfigured(f"{address}: answered {status}; look at the URL and its credential")


class _Exchange:
    """One request and its answer, in a thread. `abandon` ends it from outside, wherever it waits."""

    def __init__(self, address: Address, tls: ssl.SSLContext, answer_max: int) -> None:
        host, port = address.host, address.port
        self._answer_max = answer_max
        self._target = address.target
        self._abandoned = False
        self._connection = (
            http.client.HTTPSConnection(host, port, timeout=STEP_TIMEOUT_S, context=tls)
            if address.encrypted
            else http.client.HTTPConnection(host, port, timeout=STEP_TIMEOUT_S)
        )

    def run(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer; of its body no more than was asked for is read."""
        connection = self._connection
        try:
            connection.connect()
            if self._abandoned:
                raise TimeoutError
            connection.request("POST", self._target, body, {**headers, "Connection": "close"})
            with connection.getresponse() as answer:
                retry_after = answer.headers.get("Retry-After", "")
                return Answer(
                    status=answer.status,
                    retry_after_s=float(retry_after) if _RETRY_AFTER.fullmatch(retry_after) else None,
                    body=answer.read(self._answer_max) if self._answer_max else b"",
                )
        finally:
            connection.close()

    def abandon(self) -> None:
        self._abandoned = True
        waiting = self._connection.sock
        if waiting is not None:
            with contextlib.suppress(OSError):  # it may have ended by itself in the meantime
                socket.socket.shutdown(waiting, socket.SHUT_RDWR)
