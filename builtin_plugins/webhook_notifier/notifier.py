"""Delivers notices to a URL of the operator's. Neither the URL's path nor the key is in any error or log."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from readytrader_sdk.errors import Misconfigured, Unsupported
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import Notice

from builtin_plugins.https_post import granted_address, post, trusting
from builtin_plugins.webhook_notifier.signature import key_from_text, signed_headers

SETTINGS = frozenset({"url", "ca_file"})
_ID = re.compile(r"[!-~]{1,256}", re.ASCII)
_canonical = msgspec.json.Encoder(order="sorted")


class WebhookNotifier:
    """A receiver of signed posts."""

    def __init__(self, context: PluginContext, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        if unknown := sorted(context.settings.keys() - SETTINGS):
            raise Misconfigured(f"{context.name}: unknown setting {unknown[0][:60]!r}; expected {sorted(SETTINGS)}")
        self._address = granted_address(context, context.settings.get("url", ""), "url")
        self._key = _signing_key(context)
        self._tls = trusting(context)
        self._clock = clock

    async def notify(self, notice: Notice) -> None:
        """Deliver it: returns when the receiver answered 2xx. Raises `Unavailable`, `Misconfigured`."""
        if not _ID.fullmatch(notice.notice_id):
            raise Unsupported("notice_id: expected 1 to 256 printable ASCII characters")
        body = _canonical.encode(notice)
        headers = {"Content-Type": "application/json", "User-Agent": "ReadyTrader"}
        signature = signed_headers(self._key, notice.notice_id, self._clock(), body)
        await post(self._address, body, {**headers, **signature}, self._tls)


def _signing_key(context: PluginContext) -> bytes:
    try:
        return key_from_text(context.secrets.get("signing_key", ""))
    except ValueError as error:
        raise Misconfigured(f"{context.name}: secret signing_key: {error}") from None
