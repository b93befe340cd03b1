"""Makes an exchange of ccxt from an instance's settings. Needs a running event loop only when it is first called."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import MarketType

from builtin_plugins.ccxt_loading.address import Address, address_of, led_to
from builtin_plugins.ccxt_loading.classes import UnknownExchange, exchange_class
from builtin_plugins.ccxt_loading.quirks import config_of

TIMEOUT_S_DEFAULT, TIMEOUT_S_MAX = 8, 9
"""For one request: less than the 10 s that the core waits for an order's answer."""
_plain_json = json.JSONDecoder(parse_float=str).decode
_WHOLE = re.compile(r"[0-9]{1,3}", re.ASCII)


class Choice(Struct, frozen=True, kw_only=True):
    """Which exchange, and how it is reached."""

    exchange_id: str
    market_type: MarketType = MarketType.SPOT
    address: Address | None = None
    """In place of the exchange's own."""
    timeout_s: int = TIMEOUT_S_DEFAULT
    rate_limit: bool = True
    """Whether requests keep the pace that ccxt knows of the exchange."""


def choice_of(context: PluginContext) -> Choice:
    """From the settings; see `Choice`. Raises `Misconfigured` that names the one at fault."""
    settings, name = context.settings, context.name
    exchange_id = settings.get("exchange", "")
    try:
        market_type = MarketType(settings.get("market_type", MarketType.SPOT))
    except ValueError:
        seen = settings["market_type"][:40]
        raise Misconfigured(f"{name}: market_type: expected spot, swap or future, got {seen!r}") from None
    timeout = settings.get("timeout_s", str(TIMEOUT_S_DEFAULT))
    if not _WHOLE.fullmatch(timeout) or not 1 <= int(timeout) <= TIMEOUT_S_MAX:
        raise Misconfigured(
            f"{name}: timeout_s: expected whole seconds from 1 to {TIMEOUT_S_MAX}, got {timeout[:20]!r}"
        )
    try:
        address = address_of(settings["url"], context.http) if "url" in settings else None
    except ValueError as error:
        raise Misconfigured(f"{name}: url: {error}") from None
    pace = settings.get("rate_limit", "on")
    if pace not in ("on", "off") or (pace == "off" and address is None):
        raise Misconfigured(f"{name}: rate_limit: expected on, or off beside a url of your own; got {pace[:20]!r}")
    return Choice(
        exchange_id=exchange_id,
        market_type=market_type,
        address=address,
        timeout_s=int(timeout),
        rate_limit=pace == "on",
    )


def made(
    choice: Choice, name: str, *, streaming: bool = False, keys: Mapping[str, str] | None = None,
    class_of: type[Any] | None = None,
) -> Any:  # fmt: skip
    """The exchange's object; close it with `await exchange.close()`. Raises `Misconfigured` in the instance's `name`.

    `keys` are `apiKey`, `secret`, `password`, `uid`; `class_of` a class made of the exchange's own.
    """
    try:
        kind = class_of or exchange_class(choice.exchange_id, streaming=streaming)
    except UnknownExchange as error:
        raise Misconfigured(f"{name}: exchange: {error}") from None
    exchange = kind(
        {
            "enableRateLimit": choice.rate_limit,
            "timeout": choice.timeout_s * 1000,
            "number": str,
            "aiohttp_trust_env": False,
            "timeout_on_exit": 0,
            **config_of(choice.exchange_id, choice.market_type),
            **(keys or {}),
        }
    )
    # ccxt would log addresses, headers and bodies at the level DEBUG: keys and signatures among them.
    exchange.verbose = False
    # A number in an answer stays the text that it was: a float would lose digits.
    exchange.on_json_response = _plain_json
    if choice.address is not None:
        exchange.urls = led_to(choice.address, exchange.urls)
    return exchange
