"""Makes the exchange of an instance: its client, its dialect, and exactly the optional ports that its row names."""

from __future__ import annotations

from functools import cache

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import MarketType

from builtin_plugins.ccxt_exchange.capabilities import CAUTIOUS, Capabilities, capabilities_of
from builtin_plugins.ccxt_exchange.client import Client
from builtin_plugins.ccxt_exchange.exchange import CcxtExchange
from builtin_plugins.ccxt_exchange.optional import (
    Amends,
    CancelsAll,
    CancelsAllAfter,
    StreamsReports,
    TellsRights,
    TellsTime,
)
from builtin_plugins.ccxt_exchange.venues import dialect_of
from builtin_plugins.ccxt_loading import UnknownExchange, choice_of

SETTINGS = frozenset({"exchange", "market_type", "url", "timeout_s", "rate_limit"})
_CREDENTIALS = {"api_key": "apiKey", "api_secret": "secret", "password": "password", "uid": "uid"}
"""Our secrets and ccxt's names for them."""


def ccxt_exchange(context: PluginContext) -> CcxtExchange:
    """The exchange of an instance. Raises `Misconfigured` naming the setting or the secret at fault."""
    name = context.name
    if unknown := sorted(context.settings.keys() - SETTINGS):
        raise Misconfigured(f"{name}: unknown setting {unknown[0][:60]!r}; expected {sorted(SETTINGS)}")
    choice = choice_of(context)
    can = capabilities_of(choice.exchange_id)
    if choice.market_type not in can.markets:
        offered = ", ".join(sorted(can.markets))
        raise Misconfigured(
            f"{name}: market_type: expected {offered} for {choice.exchange_id}, got {choice.market_type}"
        )
    keys = {_CREDENTIALS[secret]: text.strip() for secret, text in context.secrets.items() if secret in _CREDENTIALS}
    try:
        client = Client(choice, context, keys, streaming=can.reports is not None)
    except UnknownExchange as error:
        raise Misconfigured(f"{name}: exchange: {error}") from None
    _demand_credentials(client, name)
    if can is CAUTIOUS:
        context.logger.warning(
            "%s has no row in the table of capabilities: limit orders only, found by searching the account's lists; "
            "no stops, no replacing, no dead-man's switch, no key rights, no user-data stream",
            choice.exchange_id,
        )
    return _with_ports(can, choice.market_type)(client, dialect_of(choice.exchange_id, client), can)


def _demand_credentials(client: Client, name: str) -> None:
    """Every credential that ccxt says the exchange needs."""
    for secret, field in _CREDENTIALS.items():
        if client.api.requiredCredentials.get(field) is True and not getattr(client.api, field, None):
            raise Misconfigured(f"{name}: secret {secret}: this exchange needs one")


@cache
def _with_ports(can: Capabilities, market_type: MarketType) -> type[CcxtExchange]:
    """A class that has exactly the optional ports of the row: what is not there is never asked for."""
    offered: tuple[tuple[bool, type[CcxtExchange]], ...] = (
        (can.amend is not None, Amends),
        (can.cancel_all is not None, CancelsAll),
        (market_type in can.dead_man, CancelsAllAfter),
        (can.key_rights, TellsRights),
        (can.reports is not None, StreamsReports),
        (True, TellsTime),
    )
    ports = tuple(port for has, port in offered if has)
    return type("CcxtExchange", ports, {})
