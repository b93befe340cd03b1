"""Notices in a Discord channel: over a real TLS connection to what passes for discord.com, and never as markup."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.ports import Notice, NotifierPort, Severity

from builtin_plugins.discord_notifier.message import message_of
from builtin_plugins.discord_notifier.notifier import DiscordNotifier
from tests.plugins.giving import AT, given, notice
from tests.plugins.serving import Receiver, make_certificate, receiving

TOKEN = "sEcReT-t0ken_x"
URL = f"https://discord.com/api/webhooks/123456789/{TOKEN}"


def discord(url: str = URL) -> DiscordNotifier:
    return DiscordNotifier(given(secrets={"webhook_url": url}))


@pytest.fixture
def channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """What listens where discord.com would, with a certificate that this process trusts."""
    certificate = make_certificate(tmp_path, "discord.com", "discordapp.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connect = socket.create_connection
    with receiving(certificate) as receiver:

        def lead(address: tuple[str, int], *rest: Any, **named: Any) -> socket.socket:
            assert address in [("discord.com", 443), ("discordapp.com", 443)]
            return connect(("127.0.0.1", receiver.port), *rest, **named)

        monkeypatch.setattr(socket, "create_connection", lead)
        yield receiver


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (URL, f"/api/webhooks/123456789/{TOKEN}?wait=true"),
        (f"https://discordapp.com/api/v10/webhooks/1/{TOKEN}", f"/api/v10/webhooks/1/{TOKEN}?wait=true"),
        (f"{URL}?thread_id=42", f"/api/webhooks/123456789/{TOKEN}?thread_id=42&wait=true"),
    ],
)
def test_a_notice_is_one_message_that_discord_confirms(channel: Receiver, url: str, path: str) -> None:
    channel.status = 200
    notifier = discord(url)
    assert isinstance(notifier, NotifierPort)
    asyncio.run(notifier.notify(notice()))
    (posted,) = channel.posted
    assert posted.path == path
    assert posted.headers["host"] in ("discord.com", "discordapp.com")
    assert posted.headers["content-type"] == "application/json"
    body = json.loads(posted.body)
    assert body["content"] == "**WARNING** Halted"
    assert body["allowed_mentions"] == {"parse": []}
    (embed,) = body["embeds"]
    assert embed["description"] == "Trading was halted\\."
    assert embed["timestamp"] == AT.isoformat()
    assert embed["footer"]["text"] == "n-0001 · checkpoint 1234 AbCd"


def test_too_many_messages_are_unavailable_for_as_long_as_discord_says(channel: Receiver) -> None:
    channel.status, channel.headers = 429, {"Retry-After": "0.65"}
    with pytest.raises(Unavailable, match=r"after 0\.65 s"):
        asyncio.run(discord().notify(notice()))


@pytest.mark.parametrize("status", [302, 400, 401, 404])
def test_a_refusal_tells_nothing_of_the_url(channel: Receiver, status: int) -> None:
    channel.status, channel.headers = status, {"Location": URL}
    with pytest.raises(Misconfigured) as raised:
        asyncio.run(discord().notify(notice()))
    assert str(status) in str(raised.value)
    assert TOKEN not in str(raised.value)
    assert "webhooks/" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["", "discord.com", URL.replace("https", "http"), URL.replace("https://discord.com", "http://discord.com:443"),
     URL.replace("discord.com", "discord.com.evil.example"),
     URL.replace("discord.com", "evil.example"), URL.replace("discord.com", "discord.com:444"),
     URL.replace("https://", "https://discord.com@evil.example/"), URL.replace("/api/", "/apj/"), URL + "/slack",
     URL + "?wait=false", URL + "?thread_id=x", URL + "/../../users", URL.replace("123456789", "me"), URL + "\n"],
)  # fmt: skip
def test_anything_but_a_webhook_of_discord_is_refused_at_the_start_and_not_quoted(url: str) -> None:
    with pytest.raises(Misconfigured, match="instance: secret webhook_url: ") as raised:
        discord(url)
    assert TOKEN not in str(raised.value)


def test_a_setting_is_refused_as_there_is_none() -> None:
    with pytest.raises(Misconfigured, match="webhook_url"):
        DiscordNotifier(given({"webhook_url": URL}, {"webhook_url": URL}))


HOSTILE = [
    "@everyone", "@here", "<@123456>", "<@&99>", "<#12>", "<t:1618953630:R>", "</halt:12>", "<:x:1>",
    "[click](https://evil.example)",
    "https://evil.example", "# big", "-# small", "> quoted", "- item", "1. item", "**bold** __u__ ~~s~~ ||hidden||",
    "```code```", "`code`", "\\@everyone", ":smile:",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_and_mentions_arrive_as_plain_text(text: str) -> None:
    body = json.loads(message_of(notice(subject=text, text=text)))
    shown = body["content"].removeprefix("**WARNING** ")
    for escaped in (shown, body["embeds"][0]["description"]):
        assert re.sub(r"\\(.)", r"\1", escaped) == text
        assert not set(re.sub(r"\\.", "", escaped)) & set("\\*_~`|>#@:/<[](-.")


def test_invisible_and_direction_changing_characters_are_taken_out() -> None:
    text = "a\x00b\x1b[31mc\u202ed\u200be\u2066f\ufeff\tg\r\nh"
    body = json.loads(message_of(notice(subject=text, text=text)))
    assert body["embeds"][0]["description"] == "ab\\[31mcdefg\nh"
    assert body["content"] == "**WARNING** ab\\[31mcdefg h"


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=5000)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def said_notice(severity: Severity, texts: tuple[str, str, str], checkpoint: str | None, hours: int) -> Notice:
    notice_id, subject, text = texts
    at = AT + timedelta(hours=hours)
    return Notice(
        notice_id=notice_id, severity=severity, subject=subject, text=text, at=at, checkpoint=checkpoint
    )  # fmt: skip


notices = st.builds(
    said_notice,
    st.sampled_from(Severity),
    st.tuples(anything, anything, anything),
    st.none() | anything,
    st.integers(-(10**5), 10**5),
)


@property_of(notices)
def test_whatever_a_notice_says_the_message_is_within_discords_limits(said: Notice) -> None:
    body = json.loads(message_of(said))
    (embed,) = body["embeds"]
    assert units(body["content"]) <= 2000
    assert units(embed["description"]) <= 4096
    assert units(embed["footer"]["text"]) <= 2048
    assert units(embed["description"]) + units(embed["footer"]["text"]) <= 6000
    for text in (body["content"], embed["description"]):
        assert not re.search(r"(?<!\\)(\\\\)*\\…?$", text), "cut within an escape"


def test_a_long_subject_is_cut_and_leaves_room_for_the_severity() -> None:
    for severity in Severity:
        content = json.loads(message_of(notice(subject="x" * 3000, severity=severity)))["content"]
        assert units(content) == 2000
        assert content.endswith("x…")


@pytest.mark.parametrize("sign", ["x", "*", "😀"])
def test_a_text_of_just_the_limit_is_whole_and_one_more_is_cut(sign: str) -> None:
    each = units(f"\\{sign}") if sign == "*" else units(sign)
    fits = 4096 // each
    whole, cut = (json.loads(message_of(notice(text=sign * n)))["embeds"][0]["description"] for n in (fits, fits + 1))
    assert units(whole) == 4096
    assert whole.count(sign) == fits
    assert units(cut) <= 4096
    assert cut.endswith("…")
