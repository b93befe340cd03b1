"""Delivers notices to Slack. The webhook's URL is a credential: it is in no error and in no log.

Source of the wire: Slack's developer documentation, "Sending messages using incoming webhooks", "Formatting message
text", "Block Kit" (section, context, text object), "Rate limits" (429 with Retry-After, one message a second).
"""

from __future__ import annotations

import re

import msgspec
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import Notice

from builtin_plugins.https_post import Address, address_from_text, post, trusting
from builtin_plugins.notice_text import capped, footing, headline, plain

SETTINGS = frozenset({"ca_file"})
HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
SECTION_MAX = 3000
"""Characters of a section's text."""
FALLBACK_MAX = 1000
_TARGET = re.compile(r"/services/[A-Za-z0-9]{1,32}/[A-Za-z0-9]{1,32}/[A-Za-z0-9]{1,64}", re.ASCII)
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""Slack's control characters: unescaped they begin mentions (`<!channel>`), links and dates."""


class SlackNotifier:
    """A channel's webhook. Every notice is one message; a notice that is delivered again is a second message."""

    def __init__(self, context: PluginContext) -> None:
        if unknown := sorted(context.settings.keys() - SETTINGS):
            raise Misconfigured(f"{context.name}: unknown setting {unknown[0][:60]!r}; expected {sorted(SETTINGS)}")
        self._address = _webhook(context)
        self._tls = trusting(context)

    async def notify(self, notice: Notice) -> None:
        """Deliver it: returns when Slack has taken the message. Raises `Unavailable`, `Misconfigured`."""
        headers = {"Content-Type": "application/json", "User-Agent": "ReadyTrader"}
        await post(self._address, message_of(notice), headers, self._tls)


def message_of(notice: Notice) -> bytes:
    """The JSON body. Blocks of `plain_text` are what is shown; `text` is what a notification on a phone says."""
    said = f"{headline(notice)}\n{plain(notice.text).strip()}".strip()
    return msgspec.json.encode(
        {
            "text": capped(_escaped(headline(notice)), FALLBACK_MAX),
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
            "blocks": [
                {"type": "section", "text": _plain_text(capped(_escaped(said), SECTION_MAX))},
                {"type": "context", "elements": [_plain_text("".join(_escaped(footing(notice))))]},
            ],
        }
    )


def _plain_text(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> list[str]:
    """The characters, each as the entity that it needs: what must not be cut in two."""
    return [_ESCAPED.get(character, character) for character in text]


def _webhook(context: PluginContext) -> Address:
    """The address to post to. Says what is wrong with the URL and never what it is."""
    url, name = context.secrets.get("webhook_url", ""), context.name
    if not url:
        raise Misconfigured(f"{name}: secret webhook_url: is missing")
    try:
        address = address_from_text(url)
    except ValueError as error:
        raise Misconfigured(f"{name}: secret webhook_url: {error}") from None
    is_slack = address.encrypted and address.host in HOSTS and address.port == 443
    is_ours = context.http.is_private(address.host, address.port)
    if not (is_ours or is_slack) or not _TARGET.fullmatch(address.target):
        raise Misconfigured(
            f"{name}: secret webhook_url: expected https://hooks.slack.com/services/T.../B.../... as Slack shows it"
        )
    return address
