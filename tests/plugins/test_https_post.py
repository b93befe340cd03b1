"""One POST: what counts as delivered, what may be tried again, and what is never followed, awaited for ever or told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from readytrader_sdk.errors import Misconfigured, Unavailable

from builtin_plugins import https_post
from builtin_plugins.https_post import Address, address_from_text, post
from tests.plugins.serving import Receiver, make_certificate, receiving

PATH = "/secret-path?token=secret-token"


def deliver(receiver: Receiver, *, scheme: str = "http", host: str = "127.0.0.1", ca: Path | None = None) -> None:
    address = address_from_text(f"{scheme}://{host}:{receiver.port}{PATH}")
    asyncio.run(post(address, b"body", {"X-Test": "yes"}, ssl.create_default_context(cafile=ca)))


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    with receiving() as receiver:
        receiver.status = status
        deliver(receiver)
    (posted,) = receiver.posted
    assert (posted.path, posted.body, posted.headers["x-test"]) == (PATH, b"body", "yes")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
def test_what_may_pass_is_unavailable_and_says_when_to_come_back(status: int) -> None:
    with receiving() as receiver:
        receiver.status, receiver.headers = status, {"Retry-After": "1.5"}
        with pytest.raises(Unavailable, match=f"answered {status}, to be tried again after 1.5 s"):
            deliver(receiver)
    assert len(receiver.posted) == 1


@pytest.mark.parametrize("text", ["soon", "1e9", "-1", "9" * 50, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_time_to_come_back_that_is_no_number_of_seconds_is_not_repeated(text: str) -> None:
    with receiving() as receiver:
        receiver.status, receiver.headers = 429, {"Retry-After": text}
        with pytest.raises(Unavailable) as raised:
            deliver(receiver)
    assert str(raised.value) == f"127.0.0.1:{receiver.port}: answered 429"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_what_will_not_pass_is_misconfigured(status: int) -> None:
    with receiving() as receiver:
        receiver.status = status
        with pytest.raises(Misconfigured, match=f"answered {status}"):
            deliver(receiver)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with receiving() as receiver, receiving() as elsewhere:
        receiver.status = status
        receiver.headers = {"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        with pytest.raises(Misconfigured, match="redirects are not followed"):
            deliver(receiver)
        assert not elsewhere.posted


def test_no_error_tells_the_path_the_query_or_the_answer() -> None:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(400, "secret-reason")
        handler.send_header("X-Secret", "secret-header")
        handler.end_headers()
        handler.wfile.write(b"secret-body")

    with receiving() as receiver:
        receiver.act = act
        with pytest.raises(Misconfigured) as raised:
            deliver(receiver)
    assert "secret" not in str(raised.value)


def test_a_host_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        deliver(Receiver(port=port))


def test_a_peer_that_speaks_something_else_is_unavailable_and_not_quoted() -> None:
    with receiving() as receiver:
        receiver.act = lambda handler: handler.wfile.write(b"SSH-2.0-secret\r\n") and None
        with pytest.raises(Unavailable) as raised:
            deliver(receiver)
    assert "secret" not in str(raised.value)


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    with receiving() as receiver:
        receiver.act = act
        deliver(receiver)


@pytest.mark.parametrize("drip", [b"", b"X-Header: x\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_slow_or_silent_peer_is_given_up_and_its_thread_ends(drip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https_post, "TOTAL_TIMEOUT_S", 0.3)
    done = threading.Event()

    def act(handler: BaseHTTPRequestHandler) -> None:
        if drip.startswith(b"X"):
            handler.send_response(200)
            handler.flush_headers()
        while not done.wait(0.02):
            handler.wfile.write(drip)

    with receiving() as receiver:
        receiver.act = act
        try:
            with pytest.raises(Unavailable, match="no answer in time"):
                # Closing the loop waits for its threads: this ends only because the exchange was cut off.
                deliver(receiver)
        finally:
            done.set()


def test_a_delivery_that_nobody_waits_for_any_more_is_cut_off() -> None:
    came, released = threading.Event(), threading.Event()

    async def give_up(receiver: Receiver) -> None:
        address = Address(encrypted=False, host="127.0.0.1", port=receiver.port, target="/")
        sending = asyncio.create_task(post(address, b"", {}, ssl.create_default_context()))
        await asyncio.to_thread(came.wait, 10)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending

    def act(handler: BaseHTTPRequestHandler) -> None:
        came.set()
        handler.connection.recv(1)  # returns when the client has closed
        released.set()

    with receiving() as receiver:
        receiver.act = act
        asyncio.run(give_up(receiver))
        assert released.wait(10)


def test_a_certificate_is_checked_against_host_and_authority(tmp_path: Path) -> None:
    right, other = make_certificate(tmp_path, "127.0.0.1"), make_certificate(tmp_path, "other.example")
    with receiving(right) as receiver:
        deliver(receiver, scheme="https", ca=right)
        with pytest.raises(Unavailable, match="certificate was not accepted"):
            deliver(receiver, scheme="https", ca=other)
        with pytest.raises(Unavailable, match="certificate was not accepted"):
            deliver(receiver, scheme="https", host="localhost", ca=right)
    assert len(receiver.posted) == 1


def test_a_host_that_was_not_granted_is_a_matter_of_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("api.example:443 is not among the hosts")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(Misconfigured, match="was not granted"):
        deliver(Receiver(port=443), scheme="https", host="api.example")


@pytest.mark.parametrize(
    "text",
    ["", "example.com/x", "ftp://example.com/", "https://", "https:///x", "https://user@example.com/",
     "https://u:p@example.com/", "https://example.com/#part", "https://example.com:0/", "https://example.com:99999/",
     "https://example.com:x/", "https://exa mple.com/", "https://example.com/a b", "https://example.com/\r\nX: y",
     "https://exämple.com/", "https://a..b/", "https://-a.com/", f"https://{'a' * 64}.com/", "https://[::1]/",
     "https://[/", "https://example.com/\x00"],
)  # fmt: skip
def test_an_odd_url_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        address_from_text(text)
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://Example.com", (True, "example.com", 443, "/")),
        ("http://10.0.0.1/a?b=c", (False, "10.0.0.1", 80, "/a?b=c")),
        ("https://example.com:8443/a/b%20c", (True, "example.com", 8443, "/a/b%20c")),
    ],
)
def test_a_url_becomes_an_address(text: str, expected: tuple[bool, str, int, str]) -> None:
    address = address_from_text(text)
    assert (address.encrypted, address.host, address.port, address.target) == expected
