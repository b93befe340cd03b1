"""Delivers notices to Telegram. The bot's token is part of the URL's path: it is in no error and in no log.

Source of the wire: Telegram's "Bot API", sendMessage, MessageEntity, ResponseParameters, "Making requests".
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import Notice, Severity

from builtin_plugins.https_post import Address, Answer, exchange, granted_address, judge, trusting
from builtin_plugins.notice_text import capped, footing, headline, plain, utf16_units

SETTINGS = frozenset({"chat_id", "thread_id", "url", "ca_file"})
BOT_API = "https://api.telegram.org"
TEXT_MAX = 4096
"""Characters of a message after parsing its entities; counted in UTF-16 units, as an entity's offset is."""
ANSWER_MAX = 1 << 16
_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{20,100}", re.ASCII)
_CHAT = re.compile(r"-?\d{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}", re.ASCII)
_THREAD = re.compile(r"\d{1,10}", re.ASCII)
_SERVER = re.compile(r"/?")


class _Parameters(Struct):
    """Why a request failed, for programs (ResponseParameters)."""

    retry_after: int | None = None
    migrate_to_chat_id: int | None = None


class _Reply(Struct):
    """Every answer of the Bot API. Its description is for people, and not ours to repeat."""

    ok: bool
    parameters: _Parameters | None = None


class TelegramNotifier:
    """A chat of a bot's. Every notice is one message; a notice that is delivered again is a second message."""

    def __init__(self, context: PluginContext) -> None:
        if unknown := sorted(context.settings.keys() - SETTINGS):
            raise Misconfigured(f"{context.name}: unknown setting {unknown[0][:60]!r}; expected {sorted(SETTINGS)}")
        chat, thread = context.settings.get("chat_id", ""), context.settings.get("thread_id")
        if not _CHAT.fullmatch(chat):
            raise Misconfigured(f"{context.name}: chat_id: expected a number or @name of a public channel")
        if thread is not None and not _THREAD.fullmatch(thread):
            raise Misconfigured(f"{context.name}: thread_id: expected a number")
        self._fixed = {
            "chat_id": chat if chat.startswith("@") else int(chat),
            **({} if thread is None else {"message_thread_id": int(thread)}),
        }
        self._address = _method(context)
        self._tls = trusting(context)

    async def notify(self, notice: Notice) -> None:
        """Deliver it: returns when Telegram has the message. Raises `Unavailable`, `Misconfigured`."""
        headers = {"Content-Type": "application/json", "User-Agent": "ReadyTrader"}
        body = msgspec.json.encode({**self._fixed, **message_of(notice)})
        answer = await exchange(self._address, body, headers, self._tls, ANSWER_MAX)
        _judge(self._address, answer)


def message_of(notice: Notice) -> dict[str, object]:
    """The message's own parameters.

    No `parse_mode`, so that nothing is markup. The one entity makes all of it a block, for what Telegram would find in
    plain text by itself (mentions, which ring, commands, links, hashtags) is not looked for in one.
    """
    head, foot = headline(notice), footing(notice)
    room = TEXT_MAX - utf16_units(foot) - 2
    said = f"{head}\n{plain(notice.text).strip()}".strip()
    text = f"{capped(said, room)}\n\n{foot}"
    return {
        "text": text,
        "entities": [{"type": "pre", "offset": 0, "length": utf16_units(text)}],
        "link_preview_options": {"is_disabled": True},
        "disable_notification": notice.severity is Severity.INFO,
    }


def _method(context: PluginContext) -> Address:
    """Where to post to. Says what is wrong with the token and never what it is."""
    token = context.secrets.get("bot_token", "")
    if not _TOKEN.fullmatch(token):
        raise Misconfigured(
            f"{context.name}: secret bot_token: expected digits, a colon and letters, as @BotFather gives it"
        )
    server = granted_address(context, context.settings.get("url", BOT_API), "url")
    if not _SERVER.fullmatch(server.target):
        raise Misconfigured(f"{context.name}: url: expected https://host:port without a path")
    return msgspec.structs.replace(server, target=f"/bot{token}/sendMessage")


def _judge(address: Address, answer: Answer) -> None:
    try:
        reply = msgspec.json.decode(answer.body, type=_Reply)
    except msgspec.DecodeError:
        judge(address, answer)
        # Somebody answered 200 who is not the Bot API: a proxy, a captive portal.
        raise Unavailable(f"{address}: answered {answer.status}, and not as the Bot API does") from None
    said = reply.parameters or _Parameters()
    if said.migrate_to_chat_id is not None:
        raise Misconfigured(f"{address}: the group has become a supergroup; set chat_id to {said.migrate_to_chat_id}")
    if said.retry_after is not None and not reply.ok:
        answer = msgspec.structs.replace(answer, retry_after_s=float(said.retry_after))
    if answer.status in (401, 404):
        raise Misconfigured(f"{address}: answered {answer.status}: it knows no bot of this bot_token")
    if answer.status in (400, 403):
        raise Misconfigured(
            f"{address}: answered {answer.status}: the bot may not write to this chat_id, or it is none"
        )
    judge(address, answer)
    if not reply.ok:
        raise Unavailable(f"{address}: answered {answer.status}, and that it is not done")
