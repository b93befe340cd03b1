"""Variables that users of this system know and that this version cannot honour: refused by name, never ignored."""

from __future__ import annotations

import re

from msgspec import Struct


class Unsupported(Struct, frozen=True, kw_only=True):
    """A known variable without effect here. `harmless` values say what this version does anyway."""

    pattern: str
    part: str
    advice: str = ""
    """Where that which the variable was for belongs in this version."""
    harmless: frozenset[str] = frozenset({""})

    def names(self, variable: str) -> bool:
        """Whether this is that variable."""
        return re.fullmatch(self.pattern, variable, re.ASCII) is not None


def _unsupported(part: str, *patterns: str, harmless: str | None = None, advice: str = "") -> tuple[Unsupported, ...]:
    values = frozenset({""} if harmless is None else {"", harmless})
    return tuple(Unsupported(pattern=pattern, part=part, harmless=values, advice=advice) for pattern in patterns)


_SIGNING = "signing that is set up by variables"
_NOTIFYING = "notification that is set up by variables"
_PUT = "readytrader plugin secret NAME"
_DEX = "DEX trading"

UNSUPPORTED: tuple[Unsupported, ...] = (
    *_unsupported(_SIGNING, "SIGNER_TYPE", harmless="env_private_key", advice="write a [[signer]] with that plugin"),
    *_unsupported(_SIGNING, "PRIVATE_KEY", advice=f"write a [[signer]], then: {_PUT} private_key"),
    *_unsupported(_SIGNING, "KEYSTORE_PATH", advice="write a [[signer]] with plugin keystore and its setting path"),
    *_unsupported(_SIGNING, "KEYSTORE_PASSWORD", advice=f"write a [[signer]], then: {_PUT} password"),
    *_unsupported(_SIGNING, "SIGNER_REMOTE_URL", "MPC_SIGNER_URL"),
    *_unsupported(_SIGNING, "REMOTE_SIGNER_TIMEOUT_SEC", "REMOTE_SIGNER_REQUIRE_TLS", "ALLOW_SIGNER_ADDRESSES"),
    *_unsupported(_SIGNING, "SIGNER_ALLOWED_CHAIN_IDS", "SIGNER_ALLOWED_TO_ADDRESSES", "SIGNER_MAX_VALUE_WEI"),
    *_unsupported(_SIGNING, "SIGNER_MAX_GAS", "SIGNER_MAX_GAS_PRICE_WEI", "SIGNER_MAX_DATA_BYTES"),
    *_unsupported(_SIGNING, "SIGNER_DISALLOW_CONTRACT_CREATION"),
    *_unsupported(_DEX, "ALLOW_ROUTERS", r"ALLOW_ROUTERS_[A-Z0-9_]+", "ONEINCH_API_KEY", r"EVM_RPC_URL_[A-Z0-9_]+"),
    *_unsupported(
        "exchanges that are set up by variables",
        r"CEX_(?:[A-Z0-9_]+_)?API_(?:KEY|SECRET|PASSWORD)",
        advice=f"write an [[exchange]] with plugin ccxt, then: {_PUT} api_key",
    ),
    *_unsupported(
        "market data that is set up by variables",
        "MARKETDATA_EXCHANGES",
        advice="write a [[source]] with plugin ccxt_feed for each",
    ),
    *_unsupported("execution without market data", "MARKETDATA_FAIL_CLOSED", harmless="true"),
    *_unsupported("a ticker cache of its own", "TICKER_CACHE_TTL_SEC", harmless="5"),
    *_unsupported(
        "an operator's account that is set up by variables",
        "API_ADMIN_USERNAME",
        "API_ADMIN_PASSWORD_HASH",
        advice="readytrader operator add NAME --role admin",
    ),
    *_unsupported(
        "a key for sessions that is set up by a variable",
        "API_JWT_SECRET",
        advice="it is made in the home's keys folder, and stays there",
    ),
    *_unsupported("a page of another origin", "CORS_ORIGINS", advice="the page is served by the appliance itself"),
    *_unsupported("another store than SQLite", "STORE_BACKEND", harmless="sqlite"),
    *_unsupported(
        _NOTIFYING,
        "DISCORD_WEBHOOK_URL",
        advice=f"write a [[notifier]] with plugin discord, then: {_PUT} webhook_url",
    ),
    *_unsupported(
        _NOTIFYING,
        "TELEGRAM_BOT_TOKEN",
        advice=f"write a [[notifier]] with plugin telegram, then: {_PUT} bot_token",
    ),
    *_unsupported(
        _NOTIFYING, "TELEGRAM_CHAT_ID", advice="write a [[notifier]] with plugin telegram and its setting chat_id"
    ),
)

PLAIN_NAMES: tuple[str, ...] = tuple(entry.pattern for entry in UNSUPPORTED if entry.pattern.isidentifier())
"""Those without a variable part, for suggestions."""

SHARED_NAMES = frozenset({"REDIS_URL", "DATABASE_URL"})
"""Names that other programs on the host use too. They mean something here only together with `STORE_BACKEND`, which is
refused, so alone they are ignored."""

TRACING_NAMES = frozenset({"OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT"})
"""Settings of ours that other programs on the host use too: they mean something here once tracing is on."""
