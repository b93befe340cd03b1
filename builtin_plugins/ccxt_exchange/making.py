"""Makes the exchange of an instance: its client, its dialect, and exactly the optional ports that its row names."""

from __future__ import annotations

from functools import cache

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import MarketType, Symbol

from builtin_plugins.ccxt_exchange.capabilities import CAUTIOUS, Capabilities, capabilities_of
from builtin_plugins.ccxt_exchange.client import Client
from builtin_plugins.ccxt_exchange.exchange import CcxtExchange
from builtin_plugins.ccxt_exchange.optional import (
    Amends,
    CancelsAll,
    CancelsAllAfter,
    StreamsReports,
    TellsCaveats,
    TellsRights,
    TellsTime,
)
from builtin_plugins.ccxt_exchange.venues import dialect_of
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect
from builtin_plugins.ccxt_loading import UnknownExchange, choice_of

SETTINGS = frozenset({"exchange", "market_type", "url", "timeout_s", "rate_limit", "symbols"})
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
        client = Client(choice, context, keys, streaming=can.reports is not None, only=_only(context))
    except UnknownExchange as error:
        raise Misconfigured(f"{name}: exchange: {error}") from None
    _demand_credentials(client, name)
    dialect = dialect_of(choice.exchange_id, client)
    caveats = _caveats(client, dialect) if can is CAUTIOUS else ()
    for caveat in caveats:
        context.logger.warning("%s: %s", choice.exchange_id, caveat)
    return _with_ports(can, choice.market_type)(client, dialect, can, caveats)


def _only(context: PluginContext) -> frozenset[Symbol]:
    """The symbols that the instance is told to trade; none for all. Raises `Misconfigured`."""
    told = context.settings.get("symbols")
    if told is None:
        return frozenset()
    names = frozenset(Symbol(name.strip()) for name in told.split(","))
    if not all(names):
        raise Misconfigured(f"{context.name}: symbols: expected symbols with commas between, got {told[:60]!r}")
    return names


def _caveats(client: Client, dialect: Dialect) -> tuple[str, ...]:
    """What an operator should know of an exchange without a row."""
    no_row = (
        "it has no row in the table of capabilities: limit orders alone, found by searching the account's lists; "
        "no stops, no replacing, no dead-man's switch, no key rights, no user-data stream"
    )
    told = [no_row]
    if not dialect.can_say_absent:
        told.append(
            "it has no list of orders that ended: an order whose outcome is unknown and that is not found stays "
            "unknown, holds what it reserved, and waits for a person"
        )
    if client.only:
        told.append(f"its open orders are looked for in {', '.join(sorted(client.only))} alone")
    return tuple(told)


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
        (can is CAUTIOUS, TellsCaveats),
        (True, TellsTime),
    )
    ports = tuple(port for has, port in offered if has)
    return type("CcxtExchange", ports, {})
