"""The notifiers that speak HTTP, each with what it is given to reach a stand-in, and what such a message shows."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from readytrader_sdk.egress import Endpoint
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import NotifierPort

from builtin_plugins.discord_notifier.notifier import DiscordNotifier
from builtin_plugins.ntfy_notifier.notifier import NtfyNotifier
from builtin_plugins.slack_notifier.notifier import SlackNotifier
from builtin_plugins.telegram_notifier.notifier import TelegramNotifier
from tests.plugins import services
from tests.plugins.giving import given
from tests.plugins.serving import Posted, Receiver


@dataclass(frozen=True)
class Line:
    """One plugin and its service."""

    plugin: str
    make: Callable[[PluginContext], NotifierPort]
    act: Callable[[Receiver], services.Act]
    shown: Callable[[Posted], str]
    """Everything that somebody who gets the message reads."""
    credential: str
    """The part of its secrets that must never be told."""
    secrets: Callable[[str], Mapping[str, str]]
    settings: Callable[[str], Mapping[str, str]] = field(default=lambda _origin: {})

    def context(self, receiver: Receiver) -> PluginContext:
        origin = f"http://127.0.0.1:{receiver.port}"
        granted = (Endpoint("127.0.0.1", receiver.port),)
        return given(self.settings(origin), self.secrets(origin), private_hosts=granted)

    def notifier(self, receiver: Receiver) -> NotifierPort:
        """Before its stand-in."""
        receiver.act = self.act(receiver)
        return self.make(self.context(receiver))


def _shown_by_slack(posted: Posted) -> str:
    section, context = json.loads(posted.body)["blocks"]
    return html.unescape(section["text"]["text"] + "\n" + context["elements"][0]["text"])


def _shown_by_ntfy(posted: Posted) -> str:
    body = json.loads(posted.body)
    return f"{body['title']}\n{body['message']}"


def _shown_by_discord(posted: Posted) -> str:
    body = json.loads(posted.body)
    (embed,) = body["embeds"]
    return re.sub(r"\\(.)", r"\1", f"{body['content']}\n{embed['description']}\n") + embed["footer"]["text"]


TELEGRAM = Line(
    plugin="telegram",
    make=TelegramNotifier,
    act=services.telegram,
    shown=lambda posted: json.loads(posted.body)["text"],
    credential=services.BOT_TOKEN.partition(":")[2],
    secrets=lambda _origin: {"bot_token": services.BOT_TOKEN},
    settings=lambda origin: {"chat_id": services.CHAT, "url": origin},
)
SLACK = Line(
    plugin="slack",
    make=SlackNotifier,
    act=services.slack,
    shown=_shown_by_slack,
    credential="sEcReTcAnArY",
    secrets=lambda origin: {"webhook_url": origin + services.SLACK_PATH},
)
NTFY = Line(
    plugin="ntfy",
    make=NtfyNotifier,
    act=services.ntfy,
    shown=_shown_by_ntfy,
    credential="sEcReTcAnArY",
    secrets=lambda origin: {"topic_url": f"{origin}/{services.TOPIC}", "token": services.NTFY_TOKEN},
)
DISCORD = Line(
    plugin="discord",
    make=DiscordNotifier,
    act=services.discord,
    shown=_shown_by_discord,
    credential="sEcReTcAnArY",
    secrets=lambda origin: {"webhook_url": origin + services.DISCORD_PATH},
)
LINES = (TELEGRAM, SLACK, NTFY, DISCORD)
