"""Posts notices into a Telegram chat, through a bot of yours (@BotFather makes one).

Settings:

* `chat_id`    where to: the chat's number (of a group with its minus sign), or `@name` of a public channel
* `thread_id`  optional: the topic of a forum
* `url`        optional: a Bot API server of your own, `https://host:port`, in place of https://api.telegram.org; the
               instance must be granted its host. `http` is for a host among `private_hosts`
* `ca_file`    optional: certificates (PEM) to trust in place of the system's

Secret:

* `bot_token`  as @BotFather gives it. The Bot API wants it in the URL's path, so that no error tells a path

A message is one block of plain text: markup, links, mentions and commands in it do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import NotifierFactory, hookimpl

from builtin_plugins.telegram_notifier.notifier import TelegramNotifier


@hookimpl
def register_notifiers() -> Mapping[str, NotifierFactory]:
    """`telegram`: messages in a chat."""
    return {"telegram": TelegramNotifier}
