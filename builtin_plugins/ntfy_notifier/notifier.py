"""Delivers notices through ntfy. The topic's URL and the token are credentials: they are in no error and in no log.

Source of the wire: docs.ntfy.sh, "Publishing" (Publish as JSON, Message priority, Access tokens, Limitations).
"""

from __future__ import annotations

import re

import msgspec
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import Notice, Severity

from builtin_plugins.https_post import Address, granted_address, post, trusting
from builtin_plugins.notice_text import capped, footing, headline, plain, utf8_bytes

SETTINGS = frozenset({"priorities", "ca_file"})
MESSAGE_MAX = 4096
"""Bytes; a longer message would be made an attachment."""
TITLE_MAX = 250
_TOPIC = re.compile(r"/([A-Za-z0-9_-]{1,64})", re.ASCII)
_TOKEN = re.compile(r"[!-~]{1,200}", re.ASCII)
_PRIORITIES = re.compile(r"([1-5])\s*,\s*([1-5])\s*,\s*([1-5])", re.ASCII)


class NtfyNotifier:
    """A topic. Every notice is one message; a notice that is delivered again is a second message."""

    def __init__(self, context: PluginContext) -> None:
        if unknown := sorted(context.settings.keys() - SETTINGS):
            raise Misconfigured(f"{context.name}: unknown setting {unknown[0][:60]!r}; expected {sorted(SETTINGS)}")
        self._address, self._topic = _topic(context)
        self._priorities = _priorities(context)
        self._headers = {"Content-Type": "application/json", "User-Agent": "ReadyTrader", **_authorization(context)}
        self._tls = trusting(context)

    async def notify(self, notice: Notice) -> None:
        """Deliver it: returns when the server has it. Raises `Unavailable`, `Misconfigured`."""
        body = message_of(notice, self._topic, self._priorities[notice.severity])
        await post(self._address, body, self._headers, self._tls)


def message_of(notice: Notice, topic: str, priority: int) -> bytes:
    """The JSON body. Without `markdown` nothing in it is markup."""
    foot = footing(notice)
    said = plain(notice.text).strip()
    text = capped(said, MESSAGE_MAX - utf8_bytes(foot) - 2, utf8_bytes)
    return msgspec.json.encode(
        {
            "topic": topic,
            "title": capped(headline(notice), TITLE_MAX, utf8_bytes),
            "message": f"{text}\n\n{foot}".strip(),
            "priority": priority,
        }
    )


def _topic(context: PluginContext) -> tuple[Address, str]:
    """Where JSON is posted to, which is the server's root, and the topic."""
    address = granted_address(context, context.secrets.get("topic_url", ""), "secret topic_url")
    found = _TOPIC.fullmatch(address.target)
    if found is None:
        raise Misconfigured(
            f"{context.name}: secret topic_url: expected https://ntfy.sh/TOPIC, with at most 64 letters, digits, "
            "hyphens and underscores in TOPIC"
        )
    return msgspec.structs.replace(address, target="/"), found[1]


def _priorities(context: PluginContext) -> dict[Severity, int]:
    found = _PRIORITIES.fullmatch(context.settings.get("priorities", "3, 4, 5"))
    if found is None:
        raise Misconfigured(f"{context.name}: priorities: expected three numbers from 1 to 5 such as 3, 4, 5")
    return {severity: int(text) for severity, text in zip(Severity, found.groups(), strict=True)}


def _authorization(context: PluginContext) -> dict[str, str]:
    token = context.secrets.get("token")
    if token is None:
        return {}
    if not _TOKEN.fullmatch(token):
        raise Misconfigured(f"{context.name}: secret token: expected printable ASCII without blanks, such as tk_...")
    return {"Authorization": f"Bearer {token}"}
