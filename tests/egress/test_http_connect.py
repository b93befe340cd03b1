"""The words of HTTP CONNECT."""

from __future__ import annotations

from http.client import HTTPResponse
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.plugin_host.egress.http_connect import ESTABLISHED, Target, Unreadable, parse_head, refusal


@pytest.mark.parametrize(
    ("head", "target"),
    [
        (b"CONNECT api.example.com:443 HTTP/1.1", Target("api.example.com", 443)),
        (b"CONNECT [::1]:8545 HTTP/1.1\r\nHost: [::1]:8545", Target("::1", 8545)),
        (b"CONNECT a:1 HTTP/1.1\r\nUser-Agent: curl/8\r\nProxy-Connection: Keep-Alive", Target("a", 1)),
    ],
)
def test_a_request_is_read(head: bytes, target: Target) -> None:
    assert parse_head(head) == target


@pytest.mark.parametrize(
    "head",
    [b"", b"GET / HTTP/1.1", b"CONNECT a:1", b"CONNECT a:1 HTTP/1.0", b"CONNECT a:1 HTTP/2", b"connect a:1 HTTP/1.1",
     b"CONNECT  a:1 HTTP/1.1", b"CONNECT a HTTP/1.1", b"CONNECT a:0 HTTP/1.1", b"CONNECT a:65536 HTTP/1.1",
     b"CONNECT a:-1 HTTP/1.1", b"CONNECT a:+1 HTTP/1.1", b"CONNECT :1 HTTP/1.1", b"CONNECT ::1:80 HTTP/1.1",
     b"CONNECT [::1%lo]:80 HTTP/1.1", b"CONNECT a b:1 HTTP/1.1", b"CONNECT \xc3\xa9:1 HTTP/1.1",
     b"CONNECT a:1 HTTP/1.1\nHost: a", b"CONNECT a:1 HTTP/1.1\r\n Host: a", b"CONNECT a:1 HTTP/1.1\r\nHost : a",
     b"CONNECT a:1 HTTP/1.1\r\nHost", b"CONNECT a:1 HTTP/1.1\r\nX: \x00", b"CONNECT a:1 HTTP/1.1\r\nContent-Length: 1",
     b"CONNECT a:1 HTTP/1.1\r\ntransfer-encoding: chunked", b"CONNECT a:1\x0b HTTP/1.1"],
)  # fmt: skip
def test_what_is_not_a_request_is_refused(head: bytes) -> None:
    with pytest.raises(Unreadable):
        parse_head(head)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(head: bytes) -> None:
    try:
        parse_head(head)
    except Unreadable:
        return
    assert head.startswith(b"CONNECT ")


class _Socket:
    def __init__(self, said: bytes) -> None:
        self._said = said

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._said)


@pytest.mark.parametrize("status", [400, 403, 408, 431, 502, 504])
def test_a_refusal_is_http_to_the_standard_library(status: int) -> None:
    response = HTTPResponse(_Socket(refusal(status, "no\u202e way")))  # type: ignore[arg-type] - all that it uses
    response.begin()
    assert response.status == status
    assert response.read() == b"no? way\n"
    assert response.will_close
    response.close()


def test_a_success_has_no_content() -> None:
    response = HTTPResponse(_Socket(ESTABLISHED), method="CONNECT")  # type: ignore[arg-type] - all that it uses
    response.begin()
    assert response.status == 200
    response.close()
