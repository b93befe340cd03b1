"""Clients that nobody here wrote, let in by the same stand-ins: they judge those, and those judge us."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import apprise
import pytest
from slack_sdk.webhook import WebhookClient
from telegram import Bot, LinkPreviewOptions, MessageEntity

from tests.plugins import services
from tests.plugins.giving import notice
from tests.plugins.notifying import DISCORD, NTFY, SLACK, TELEGRAM
from tests.plugins.serving import Posted, Receiver, receiving

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own import


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def same_door(ours: Posted, theirs: Posted) -> None:
    """Path and content type, apart from a query and a charset."""
    assert ours.path.partition("?")[0] == theirs.path.partition("?")[0]
    assert ours.headers["content-type"].split(";")[0] == theirs.headers["content-type"].split(";")[0]


def test_python_telegram_bot_posts_where_we_post_and_means_the_same_by_the_same_names(receiver: Receiver) -> None:
    def answering(handler: object) -> None:
        if receiver.posted[-1].path.endswith("/getMe"):
            me = {"id": 123456, "is_bot": True, "first_name": "rt", "username": "rt_bot"}
            services.answer(handler, 200, {"ok": True, "result": me})  # type: ignore[arg-type]
        else:
            services.telegram(receiver)(handler)  # type: ignore[arg-type]

    async def run() -> None:
        notifier = TELEGRAM.notifier(receiver)
        await notifier.notify(notice())
        receiver.act = answering
        text = json.loads(receiver.posted[0].body)["text"]
        async with Bot(services.BOT_TOKEN, base_url=f"http://127.0.0.1:{receiver.port}/bot") as bot:
            message = await bot.send_message(
                int(services.CHAT),
                text,
                entities=[MessageEntity(MessageEntity.PRE, 0, services.units(text))],
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                disable_notification=False,
            )
            assert message.text == text

    asyncio.run(run())
    ours, theirs = (it for it in receiver.posted if it.path.endswith("/sendMessage"))
    assert ours.path == theirs.path
    sent, foreign = services._parameters(ours), services._parameters(theirs)
    assert sent["text"] == foreign["text"]
    assert sent["entities"] == foreign["entities"]
    assert sent["link_preview_options"] == foreign["link_preview_options"]
    assert str(sent["chat_id"]) == str(foreign["chat_id"])


def test_slacks_own_sdk_posts_what_we_post(receiver: Receiver) -> None:
    asyncio.run(SLACK.notifier(receiver).notify(notice()))
    body = json.loads(receiver.posted[0].body)
    client = WebhookClient(f"http://127.0.0.1:{receiver.port}{services.SLACK_PATH}")
    answer = client.send(text=body["text"], blocks=body["blocks"], unfurl_links=False, unfurl_media=False)
    assert (answer.status_code, answer.body) == (200, "ok")
    ours, theirs = receiver.posted
    same_door(ours, theirs)
    assert body == {**json.loads(theirs.body), "mrkdwn": False}


def test_apprise_publishes_to_ntfy_where_we_publish(receiver: Receiver) -> None:
    asyncio.run(NTFY.notifier(receiver).notify(notice()))
    sender = apprise.Apprise()
    assert sender.add(f"ntfy://{services.NTFY_TOKEN}@127.0.0.1:{receiver.port}/{services.TOPIC}?auth=token")
    assert sender.notify(title="t", body="b")
    ours, theirs = receiver.posted
    same_door(ours, theirs)
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    foreign = json.loads(theirs.body)
    assert {name: type(value) for name, value in json.loads(ours.body).items() if name != "priority"} == {
        name: type(value) for name, value in foreign.items()
    }


def test_apprise_knows_the_names_of_a_discord_message(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.discord import NotifyDiscord

    asyncio.run(DISCORD.notifier(receiver).notify(notice()))
    monkeypatch.setattr(
        NotifyDiscord, "notify_url", f"http://127.0.0.1:{receiver.port}/api/webhooks"
    )  # the one place that names Discord's host
    seen: list[dict[str, object]] = []
    receiver.act = lambda handler: (
        seen.append(services.json_of(receiver.posted[-1])),
        services.answer(handler, 200, {}),
    )[1]
    webhook_id, token = services.DISCORD_PATH.split("/")[-2:]
    sender = apprise.Apprise()
    assert sender.add(f"discord://{webhook_id}/{token}")
    assert sender.notify(title="t", body="b")
    ours, theirs = receiver.posted
    same_door(ours, theirs)
    assert {"content", "allowed_mentions"} & seen[0].keys()
