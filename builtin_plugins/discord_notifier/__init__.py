"""Posts notices into a Discord channel, through a webhook that the channel's owner made.

Secret:

* `webhook_url`  the whole URL, `https://discord.com/api/webhooks/...` (or discordapp.com); `?thread_id=` may be added

The URL may also lead to a host among the instance's `private_hosts`: a relay of yours that speaks Discord's API.

There are no settings. A message holds the severity and the subject, then the text, the time and the journal's
checkpoint. Nothing in it is taken as markup, and nobody is mentioned.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import NotifierFactory, hookimpl

from builtin_plugins.discord_notifier.notifier import DiscordNotifier


@hookimpl
def register_notifiers() -> Mapping[str, NotifierFactory]:
    """`discord`: messages in a channel."""
    return {"discord": DiscordNotifier}
