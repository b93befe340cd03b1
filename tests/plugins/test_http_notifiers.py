"""Telegram, Slack, ntfy, Discord: one message for each notice, within the rules, and plain whatever it holds."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import given as property_of
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.ports import Notice, NotifierPort, Severity
from slack_sdk.models.blocks import Block

from builtin_plugins.ntfy_notifier.notifier import NtfyNotifier
from builtin_plugins.ntfy_notifier.notifier import message_of as ntfy_message
from builtin_plugins.slack_notifier.notifier import SlackNotifier
from builtin_plugins.slack_notifier.notifier import message_of as slack_message
from builtin_plugins.telegram_notifier.notifier import TelegramNotifier
from builtin_plugins.telegram_notifier.notifier import message_of as telegram_message
from tests.plugins import services
from tests.plugins.giving import AT, given, notice
from tests.plugins.notifying import LINES, NTFY, SLACK, TELEGRAM, Line
from tests.plugins.serving import Receiver, receiving
from tests.plugins.test_discord_notifier import HOSTILE

HTTPS = (Endpoint("api.telegram.org", 443), Endpoint("hooks.slack.com", 443), Endpoint("ntfy.sh", 443))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.plugin)
def test_a_notice_is_one_message_that_the_service_takes_and_shows_whole(line: Line, receiver: Receiver) -> None:
    notifier = line.notifier(receiver)
    assert isinstance(notifier, NotifierPort)
    asyncio.run(notifier.notify(notice(severity=Severity.CRITICAL, subject="Ä “quoted” & <b> 😀")))
    (posted,) = receiver.posted
    shown = line.shown(posted)
    for part in ("CRITICAL", "Ä “quoted” & <b> 😀", "Trading was halted.", "n-0001", "checkpoint 1234 AbCd"):
        assert part in shown


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.plugin)
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 410])
def test_a_refusal_is_for_good_and_tells_nothing_of_a_credential(
    line: Line, receiver: Receiver, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    notifier = line.notifier(receiver)
    receiver.act, receiver.status = None, status
    receiver.headers = {"Location": f"http://elsewhere/{line.credential}"}
    with pytest.raises(Misconfigured) as raised:
        asyncio.run(notifier.notify(notice()))
    assert str(status) in str(raised.value)
    for told in (str(raised.value), repr(raised.value), caplog.text, repr(vars(notifier).get("_address"))):
        assert line.credential not in told


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.plugin)
def test_a_service_that_asks_for_patience_is_told_on_with_its_seconds(line: Line, receiver: Receiver) -> None:
    notifier = line.notifier(receiver)
    receiver.act, receiver.status, receiver.headers = None, 429, {"Retry-After": "7"}
    with pytest.raises(Unavailable, match="answered 429") as raised:
        asyncio.run(notifier.notify(notice()))
    assert raised.value.retry_after_s == 7
    assert line.credential not in str(raised.value)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.plugin)
def test_a_service_that_is_down_or_not_there_may_be_tried_again(line: Line, receiver: Receiver) -> None:
    notifier = line.notifier(receiver)
    receiver.act, receiver.status = None, 503
    with pytest.raises(Unavailable) as raised:
        asyncio.run(notifier.notify(notice()))
    assert raised.value.retry_after_s is None
    with receiving() as gone:
        notifier = line.notifier(gone)
    with pytest.raises(Unavailable) as raised:
        asyncio.run(notifier.notify(notice()))
    assert line.credential not in str(raised.value)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.plugin)
@pytest.mark.parametrize(
    "text", [*HOSTILE, "<!channel>", "<!subteam^S1>", "<@U012AB3CD>", "<https://evil.example|ok>", "/halt"]
)
def test_markup_mentions_and_commands_arrive_as_the_text_that_they_are(
    line: Line, receiver: Receiver, text: str
) -> None:
    asyncio.run(line.notifier(receiver).notify(notice(subject=text, text=text)))
    (posted,) = receiver.posted
    assert line.shown(posted).count(text) == 2
    body = json.loads(posted.body)
    if line is TELEGRAM:
        assert "parse_mode" not in body
        assert body["entities"] == [{"type": "pre", "offset": 0, "length": services.units(body["text"])}]
    elif line is SLACK:
        assert body["mrkdwn"] is False
        assert {it["type"] for it in (body["blocks"][0]["text"], *body["blocks"][1]["elements"])} == {"plain_text"}
        assert not set("<>") & set(json.dumps(body))
    elif line is NTFY:
        assert body.keys() == {"topic", "title", "message", "priority"}, "no markdown, actions, tags or attachments"
        assert posted.headers.keys() <= {
            "host", "accept-encoding", "content-type", "user-agent", "authorization", "connection", "content-length",
        }  # fmt: skip


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=6000)
said = st.builds(
    lambda severity, texts, checkpoint: Notice(
        notice_id=texts[0], severity=severity, subject=texts[1], text=texts[2], at=AT, checkpoint=checkpoint
    ),
    st.sampled_from(Severity),
    st.tuples(anything, anything, anything),
    st.none() | anything,
)


@property_of(said)
@settings(max_examples=100, deadline=None)
def test_whatever_a_notice_says_its_message_is_within_the_limits_and_its_foot_is_whole(it: Notice) -> None:
    telegram = telegram_message(it)
    text = telegram["text"]
    assert isinstance(text, str)
    assert services._fault_of_telegram({"chat_id": services.CHAT, **telegram}) is None
    blocks = Block.parse_all(json.loads(slack_message(it))["blocks"])
    for block in blocks:
        block.validate_json()
    ntfy: dict[str, Any] = json.loads(ntfy_message(it, "t", 3))
    assert 0 < len(ntfy["message"].encode()) <= 4096
    assert len(ntfy["title"].encode()) <= 250
    for whole in (text, ntfy["message"]):
        assert "2026-03-01 09:30:20 UTC ·" in whole
        assert "\r" not in whole
        assert not any(character in whole for character in "\x00\x1b\u202e\u200b\u2066\ufeff")


@pytest.mark.parametrize("line", [TELEGRAM, NTFY, SLACK], ids=lambda line: line.plugin)
def test_a_text_that_is_too_long_is_cut_visibly_and_keeps_its_checkpoint(line: Line, receiver: Receiver) -> None:
    asyncio.run(line.notifier(receiver).notify(notice(text="😀" * 5000)))
    shown = line.shown(receiver.posted[0])
    assert "😀…" in shown
    assert shown.endswith("checkpoint 1234 AbCd")


# Telegram


def _said_by_telegram(handler: BaseHTTPRequestHandler, status: int, **parameters: int) -> None:
    said = {"ok": False, "error_code": status, "description": f"secret {services.BOT_TOKEN}", "parameters": parameters}
    services.answer(handler, status, said)


def test_telegram_says_in_its_answers_body_how_long_to_wait(receiver: Receiver) -> None:
    notifier = TELEGRAM.notifier(receiver)
    receiver.act = lambda handler: _said_by_telegram(handler, 429, retry_after=35)
    with pytest.raises(Unavailable, match="answered 429") as raised:
        asyncio.run(notifier.notify(notice()))
    assert raised.value.retry_after_s == 35


def test_a_group_that_moved_is_told_with_its_new_number(receiver: Receiver) -> None:
    notifier = TELEGRAM.notifier(receiver)
    receiver.act = lambda handler: _said_by_telegram(handler, 400, migrate_to_chat_id=-100987)
    with pytest.raises(Misconfigured, match="set chat_id to -100987") as raised:
        asyncio.run(notifier.notify(notice()))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("body", ["<html>sign in to this network</html>", '{"ok": false}', "", "[]"])
def test_a_200_of_somebody_who_is_not_the_bot_api_is_no_delivery(receiver: Receiver, body: str) -> None:
    notifier = TELEGRAM.notifier(receiver)
    receiver.act = lambda handler: services.answer(handler, 200, body)
    with pytest.raises(Unavailable):
        asyncio.run(notifier.notify(notice()))


def test_telegram_rings_for_what_is_urgent_and_names_the_topic(receiver: Receiver) -> None:
    receiver.act, context = services.telegram(receiver), TELEGRAM.context(receiver)
    notifier = TelegramNotifier(replace(context, settings={**context.settings, "thread_id": "7"}))
    for severity in Severity:
        asyncio.run(notifier.notify(notice(severity=severity)))
    sent = [json.loads(posted.body) for posted in receiver.posted]
    assert [it["disable_notification"] for it in sent] == [True, False, False]
    assert {it["message_thread_id"] for it in sent} == {7}
    assert {it["chat_id"] for it in sent} == {int(services.CHAT)}


@pytest.mark.parametrize(
    ("settings", "secrets", "words"),
    [
        ({}, {}, "chat_id: expected"),
        ({"chat_id": "ops"}, {}, "chat_id: expected"),
        ({"chat_id": "1", "thread_id": "x"}, {}, "thread_id: expected"),
        ({"chat_id": "1"}, {}, "secret bot_token: expected"),
        ({"chat_id": "1"}, {"bot_token": "1:short-canary"}, "secret bot_token: expected"),
        ({"chat_id": "1"}, {"bot_token": services.BOT_TOKEN + "/../x"}, "secret bot_token: expected"),
        ({"chat_id": "1", "url": "https://other.example"}, {"bot_token": services.BOT_TOKEN}, "is not among"),
        ({"chat_id": "1", "url": "http://ntfy.sh:443"}, {"bot_token": services.BOT_TOKEN}, "http is for hosts"),
        ({"chat_id": "1", "url": "https://api.telegram.org/x"}, {"bot_token": services.BOT_TOKEN}, "without a path"),
        ({"chat_id": "1", "parse_mode": "HTML"}, {"bot_token": services.BOT_TOKEN}, "unknown setting 'parse_mode'"),
    ],
)  # fmt: skip
def test_telegram_that_cannot_work_says_so_at_its_start_and_quotes_no_token(
    settings: dict[str, str], secrets: dict[str, str], words: str
) -> None:
    with pytest.raises(Misconfigured, match=f"instance: {words}|{words}") as raised:
        TelegramNotifier(given(settings, secrets, hosts=HTTPS))
    for secret in secrets.values():
        assert secret.partition(":")[2] not in str(raised.value)


# Slack and ntfy


@pytest.mark.parametrize(
    "url",
    ["", "hooks.slack.com", "http://hooks.slack.com" + services.SLACK_PATH, "https://evil.org" + services.SLACK_PATH,
     "https://hooks.slack.com:444" + services.SLACK_PATH, "https://hooks.slack.com/api/" + services.SLACK_PATH,
     "https://hooks.slack.com" + services.SLACK_PATH + "?x=1", "https://hooks.slack.com" + services.SLACK_PATH + "/..",
     "https://hooks.slack.com@evil.example" + services.SLACK_PATH],
)  # fmt: skip
def test_anything_but_a_webhook_of_slacks_is_refused_at_the_start_and_not_quoted(url: str) -> None:
    with pytest.raises(Misconfigured, match="instance: secret webhook_url: ") as raised:
        SlackNotifier(given(secrets={"webhook_url": url}, hosts=HTTPS))
    assert "sEcReT" not in str(raised.value)


def test_ntfy_rings_as_its_priorities_say(receiver: Receiver) -> None:
    receiver.act, context = services.ntfy(receiver), NTFY.context(receiver)
    for priorities in ({}, {"priorities": "1,2,4"}):
        notifier = NtfyNotifier(replace(context, settings=priorities))
        for severity in Severity:
            asyncio.run(notifier.notify(notice(severity=severity)))
    assert [json.loads(posted.body)["priority"] for posted in receiver.posted] == [3, 4, 5, 1, 2, 4]


@pytest.mark.parametrize(
    ("settings", "secrets", "words"),
    [
        ({}, {}, "secret topic_url: "),
        ({}, {"topic_url": "https://ntfy.sh/"}, "secret topic_url: expected"),
        ({}, {"topic_url": "https://ntfy.sh/sEcReT/json"}, "secret topic_url: expected"),
        ({}, {"topic_url": "https://other.example/sEcReT"}, "secret topic_url: other.example:443 is not among"),
        ({}, {"topic_url": "https://ntfy.sh/sEcReT", "token": "a\r\nX-Actions: sEcReT"}, "secret token: expected"),
        ({"priorities": "1,2"}, {"topic_url": "https://ntfy.sh/sEcReT"}, "priorities: expected"),
        ({"topic": "x"}, {"topic_url": "https://ntfy.sh/sEcReT"}, "unknown setting 'topic'"),
    ],
)
def test_ntfy_that_cannot_work_says_so_at_its_start_and_quotes_no_topic(
    settings: dict[str, str], secrets: dict[str, str], words: str
) -> None:
    with pytest.raises(Misconfigured, match=words) as raised:
        NtfyNotifier(given(settings, secrets, hosts=HTTPS))
    assert "sEcReT" not in str(raised.value)
