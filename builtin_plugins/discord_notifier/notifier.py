"""Delivers notices to Discord. The webhook's URL is a credential: it is in no error and in no log."""

from __future__ import annotations

import re
import ssl

from msgspec.structs import replace
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import Notice

from builtin_plugins.discord_notifier.message import message_of
from builtin_plugins.https_post import Address, address_from_text, post

HOSTS = frozenset({"discord.com", "discordapp.com"})
_TARGET = re.compile(r"(/api(?:/v\d{1,2})?/webhooks/\d{1,20}/[A-Za-z0-9_-]{1,128})(\?thread_id=\d{1,20})?", re.ASCII)


class DiscordNotifier:
    """A channel's webhook. Every notice is one message; a notice that is delivered again is a second message."""

    def __init__(self, context: PluginContext) -> None:
        if unknown := sorted(context.settings):
            raise Misconfigured(f"{context.name}: unknown setting {unknown[0]!r}; this plugin has none")
        self._address = _webhook(context, context.secrets.get("webhook_url", ""))
        self._tls = ssl.create_default_context()

    async def notify(self, notice: Notice) -> None:
        """Deliver it: returns when Discord has stored the message. Raises `Unavailable`, `Misconfigured`."""
        headers = {"Content-Type": "application/json", "User-Agent": "ReadyTrader"}
        await post(self._address, message_of(notice), headers, self._tls)


def _webhook(context: PluginContext, url: str) -> Address:
    """The address to post to. Says what is wrong with the URL and never what it is."""
    name = context.name
    if not url:
        raise Misconfigured(f"{name}: secret webhook_url: is missing")
    try:
        address = address_from_text(url)
    except ValueError as error:
        raise Misconfigured(f"{name}: secret webhook_url: {error}") from None
    found = _TARGET.fullmatch(address.target)
    is_discord = address.encrypted and address.host in HOSTS and address.port == 443
    if found is None or not (is_discord or context.http.is_private(address.host, address.port)):
        raise Misconfigured(
            f"{name}: secret webhook_url: expected https://discord.com/api/webhooks/ID/TOKEN as Discord shows it"
        )
    path, query = found.groups()
    # Without `wait` Discord answers before it has stored the message, and says nothing when it could not.
    return replace(address, target=f"{path}{query}&wait=true" if query else f"{path}?wait=true")
