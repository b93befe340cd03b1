"""The words of HTTP CONNECT (RFC 9110, 9.3.6; RFC 9112 for how they are written), as the broker reads and answers them.

Strict: a request is what this file knows, to the byte, or it is refused. No request has content, and none but CONNECT
is known.
"""

from __future__ import annotations

import re

from msgspec import Struct

HEAD_END = b"\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

_REQUEST_LINE = re.compile(rb"CONNECT (?:\[([0-9A-Fa-f:.]+)\]|([!-9;-Z^-~]+)):([0-9]{1,5}) HTTP/1\.1")
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*")
_CONTENT = (b"content-length", b"transfer-encoding")
_PHRASES = {400: "Bad Request", 403: "Forbidden", 408: "Request Timeout", 431: "Request Header Fields Too Large",
            502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}  # fmt: skip


class Unreadable(Exception):
    """What was sent is not a CONNECT request. The message says what is wrong with it."""


class Target(Struct, frozen=True):
    """What a request asks to be connected to, as it was written."""

    host: str
    port: int


def parse_head(head: bytes) -> Target:
    """The target of a request, given all its bytes before the empty line. Raises `Unreadable`."""
    request_line, *fields = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(request_line)
    if match is None:
        raise Unreadable("the first line must be CONNECT host:port HTTP/1.1")
    for field in fields:
        if not _FIELD.fullmatch(field):
            raise Unreadable("a header line is malformed")
        if field.partition(b":")[0].lower() in _CONTENT:
            raise Unreadable("a CONNECT request has no content")
    port = int(match[3])
    if not 0 < port < 65536:
        raise Unreadable("a port is 1 to 65535")
    return Target((match[1] or match[2]).decode("ascii"), port)


def refusal(status: int, reason: str) -> bytes:
    """A whole answer that says no; the reason is its content. Nothing follows it on the connection."""
    content = reason.encode("ascii", "replace") + b"\n"
    head = (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + content
