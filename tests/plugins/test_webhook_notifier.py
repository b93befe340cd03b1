"""Signed posts, judged by the Standard Webhooks project's own library."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import rfc8785
import standardwebhooks
from hypothesis import given as property_of
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.errors import Misconfigured, Unavailable, Unsupported
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import NotifierPort

from builtin_plugins.webhook_notifier.notifier import WebhookNotifier
from builtin_plugins.webhook_notifier.signature import key_from_text, signed_headers
from tests.plugins.giving import given, notice
from tests.plugins.serving import Receiver, make_certificate, receiving

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def context(url: str, *, key: str = KEY, ca: Path | None = None, private: bool = True) -> PluginContext:
    settings = {"url": url} | ({"ca_file": str(ca)} if ca else {})
    endpoint = Endpoint("127.0.0.1", int(url.split(":")[2].split("/")[0])) if url.count(":") == 2 else None
    granted = (endpoint or Endpoint("example.com", 443),)
    return given(
        settings, {"signing_key": key}, hosts=() if private else granted, private_hosts=granted if private else ()
    )


def webhook(receiver: Receiver, **changes: object) -> WebhookNotifier:
    return WebhookNotifier(context(f"http://127.0.0.1:{receiver.port}/hook", **changes))


def test_the_foreign_library_believes_what_is_posted() -> None:
    with receiving() as receiver:
        notifier = webhook(receiver)
        assert isinstance(notifier, NotifierPort)
        asyncio.run(notifier.notify(notice(subject="Ä “quoted” \n 😀")))
    (posted,) = receiver.posted
    assert posted.path == "/hook"
    told = standardwebhooks.Webhook(KEY).verify(posted.body, dict(posted.headers))
    assert told == {
        "notice_id": "n-0001",
        "severity": "warning",
        "subject": "Ä “quoted” \n 😀",
        "text": "Trading was halted.",
        "at": "2026-03-01T09:30:20Z",
        "checkpoint": "1234 AbCd",
    }
    assert posted.headers["webhook-id"] == "n-0001"


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp", "key"])
def test_the_foreign_library_finds_what_was_altered(part: str) -> None:
    with receiving() as receiver:
        asyncio.run(webhook(receiver).notify(notice()))
    (posted,) = receiver.posted
    headers, body, key = dict(posted.headers), posted.body, KEY
    if part == "body":
        body = body.replace(b"halted", b"Halted")
    elif part == "key":
        key = "whsec_" + base64.b64encode(bytes(32)).decode()
    elif part == "webhook-timestamp":
        headers[part] = str(int(headers[part]) + 1)
    else:
        headers[part] += "x"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(key).verify(body, headers)


def test_a_delivery_of_long_ago_is_not_believed() -> None:
    with receiving() as receiver:
        past = datetime.now(UTC) - timedelta(minutes=6)
        url = f"http://127.0.0.1:{receiver.port}/hook"
        asyncio.run(WebhookNotifier(context(url), clock=lambda: past).notify(notice()))
    (posted,) = receiver.posted
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(KEY).verify(posted.body, dict(posted.headers))


def test_a_repeated_delivery_has_the_same_id_and_the_same_body() -> None:
    with receiving() as receiver:
        notifier = webhook(receiver)

        async def twice() -> None:
            await notifier.notify(notice())
            await notifier.notify(notice())

        asyncio.run(twice())
    first, second = receiver.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


@property_of(
    st.binary(min_size=24, max_size=64), st.from_regex(r"[!-~]{1,40}", fullmatch=True), st.binary(max_size=200),
    st.integers(0, 2**33),
)  # fmt: skip
def test_a_signature_is_that_of_the_foreign_library(key: bytes, message_id: str, body: bytes, seconds: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    text = "whsec_" + base64.b64encode(key).decode()
    headers = signed_headers(key_from_text(text), message_id, at, body)
    foreign = standardwebhooks.Webhook(text)
    try:
        decoded = body.decode()
    except UnicodeDecodeError:
        return
    assert headers["webhook-signature"] == foreign.sign(message_id, at, decoded)


@property_of(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_the_body_is_canonical_json(subject: str, text: str) -> None:
    from builtin_plugins.webhook_notifier.notifier import _canonical

    body = _canonical.encode(notice(subject=subject, text=text, checkpoint=None))
    assert body == rfc8785.dumps(json.loads(body))


def test_https_is_judged_by_the_ca_file_that_was_set(tmp_path: Path) -> None:
    right, wrong = make_certificate(tmp_path, "127.0.0.1"), make_certificate(tmp_path, "other.example")
    with receiving(right) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        asyncio.run(WebhookNotifier(context(url, ca=right, private=False)).notify(notice()))
        for ca in (wrong, None):
            with pytest.raises(Unavailable, match="certificate was not accepted"):
                asyncio.run(WebhookNotifier(context(url, ca=ca)).notify(notice()))
    assert len(receiver.posted) == 1


def test_plain_http_is_for_private_hosts_alone() -> None:
    with pytest.raises(Misconfigured, match="http is for hosts among private_hosts"):
        WebhookNotifier(context("http://127.0.0.1:8080/", private=False))
    assert WebhookNotifier(context("http://127.0.0.1:8080/"))


@pytest.mark.parametrize("url", ["https://elsewhere.example/", "https://127.0.0.1:8080@elsewhere.example/"])
def test_a_host_that_the_instance_was_not_granted_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(Misconfigured, match="instance: url: "):
        WebhookNotifier(given({"url": url}, {"signing_key": KEY}, hosts=(Endpoint("example.com", 443),)))


@pytest.mark.parametrize(
    "key",
    ["", KEY.removeprefix("whsec_"), "whsec_", "whsec_!" + KEY[6:], "whsec_" + base64.b64encode(bytes(23)).decode(),
     "whsec_" + base64.b64encode(bytes(65)).decode(), KEY + "\n", KEY.rstrip("=")[:-1] + "ä"],
)  # fmt: skip
def test_a_key_that_is_none_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(Misconfigured, match="secret signing_key: expected whsec_") as raised:
        WebhookNotifier(context("https://example.com/", key=key))
    assert not key[6:] or key[6:].strip() not in str(raised.value)


@pytest.mark.parametrize("size", [24, 64])
def test_a_key_of_the_least_and_of_the_greatest_length_is_taken(size: int) -> None:
    assert len(key_from_text("whsec_" + base64.b64encode(bytes(size)).decode())) == size


def test_an_unknown_setting_and_a_ca_file_that_is_none_are_refused(tmp_path: Path) -> None:
    usual = context("https://example.com/")
    with pytest.raises(Misconfigured, match="unknown setting 'retries'"):
        WebhookNotifier(replace(usual, settings={**usual.settings, "retries": "3"}))
    (tmp_path / "empty.pem").write_text("nothing")
    for path in (tmp_path / "empty.pem", tmp_path / "missing.pem"):
        with pytest.raises(Misconfigured, match="ca_file: cannot be read as certificates"):
            WebhookNotifier(replace(usual, settings={**usual.settings, "ca_file": str(path)}))


@pytest.mark.parametrize("notice_id", ["", "a b", "a\r\nX: y", "ä", "x" * 257])
def test_an_id_that_no_header_can_carry_is_refused(notice_id: str) -> None:
    with receiving() as receiver, pytest.raises(Unsupported, match="notice_id"):
        asyncio.run(webhook(receiver).notify(notice(notice_id=notice_id)))
    assert not receiver.posted
