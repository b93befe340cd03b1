"""Which market of ccxt an SDK symbol is, explicitly: of the configured type and of no other.

ccxt would take `BTC/USDT` for `BTC/USDT:USDT` where that is all an exchange has. Here a symbol is one market whose
type is exactly the instance's, or nothing. Contracts are counted in base units outside and in contracts on the wire; a
contract that is worth an amount of the quote (inverse) has no fixed size in base units, and is not traded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from readytrader_sdk.errors import Unavailable, Unsupported
from readytrader_sdk.instruments import Asset, Instrument, InstrumentStatus, MarketType, Symbol
from readytrader_sdk.money import ONE, ZERO

from builtin_plugins.ccxt_exchange.amounts import Unreadable, decimal_of, optional_decimal

_ASSET = r"[A-Z0-9][A-Z0-9.]{0,19}"
_SPOT = re.compile(rf"{_ASSET}/{_ASSET}", re.ASCII)
_SWAP = re.compile(rf"{_ASSET}/{_ASSET}:{_ASSET}", re.ASCII)
_FUTURE = re.compile(rf"{_ASSET}/{_ASSET}:{_ASSET}-[0-9]{{6}}", re.ASCII)
_FORMS = {MarketType.SPOT: _SPOT, MarketType.SWAP: _SWAP, MarketType.FUTURE: _FUTURE}

DECIMAL_PLACES, TICK_SIZE = 2, 4
"""ccxt's `precisionMode`: digits after the point, or the increment itself (ccxt.base.decimal_to_precision)."""


class Market(Struct, frozen=True, kw_only=True):
    """One market, with what an order needs of it."""

    instrument: Instrument
    contract_size: Decimal
    """Base units in one contract; 1 for spot."""
    quantity_step: Decimal
    """The increment in the venue's own units."""
    venue_id: str
    """The venue's name for it."""
    raw: Mapping[str, Any]
    """ccxt's own."""

    @property
    def symbol(self) -> Symbol:
        return self.instrument.symbol


def readable_markets(found: Mapping[str, Any], market_type: MarketType, precision_mode: int) -> dict[Symbol, Market]:
    """Every market of this type that can be traded exactly, by SDK symbol. The others are left out."""
    markets: dict[Symbol, Market] = {}
    for raw in found.values():
        try:
            market = market_of(raw, market_type, precision_mode)
        except Unreadable:
            continue
        if market is not None:
            markets[market.symbol] = market
    return markets


def market_of(raw: Mapping[str, Any], market_type: MarketType, precision_mode: int) -> Market | None:
    """One market of ccxt's as ours; None for one of another type. Raises `Unreadable` where its rules are not plain."""
    symbol = raw.get("symbol")
    if raw.get("type") != market_type or not isinstance(symbol, str) or not _FORMS[market_type].fullmatch(symbol):
        return None
    is_spot = market_type is MarketType.SPOT
    if raw.get("spot") is not is_spot or (not is_spot and raw.get("linear") is not True):
        return None
    base, _, quote = symbol.partition(":")[0].partition("/")
    if (raw.get("base"), raw.get("quote")) != (base, quote):
        raise Unreadable("a symbol's assets")
    size = ONE if is_spot else decimal_of(raw.get("contractSize"), "contract size")
    precision, limits = raw.get("precision") or {}, raw.get("limits") or {}
    step = _increment(precision.get("amount"), precision_mode, "quantity increment")
    instrument = Instrument(
        symbol=Symbol(symbol),
        base=Asset(base),
        quote=Asset(quote),
        price_increment=_increment(precision.get("price"), precision_mode, "price increment"),
        quantity_increment=step * size,
        quantity_min=_least(limits, "amount") * size,
        notional_min=_least(limits, "cost"),
        market_type=market_type,
        status=InstrumentStatus.HALTED if raw.get("active") is False else InstrumentStatus.TRADING,
    )
    return Market(instrument=instrument, contract_size=size, quantity_step=step, venue_id=str(raw.get("id")), raw=raw)


def demanded(markets: Mapping[Symbol, Market], symbol: Symbol, market_type: MarketType) -> Market:
    """The market of a symbol. Raises `Unsupported`: nothing was sent."""
    if not markets:
        raise Unavailable(f"the venue lists no {market_type} market")
    found = markets.get(symbol)
    if found is None:
        raise Unsupported(f"expected a symbol of the venue's {market_type} markets, got {symbol[:40]!r}")
    return found


def _increment(value: object, precision_mode: int, what: str) -> Decimal:
    number = decimal_of(value, what)
    if precision_mode == TICK_SIZE:
        step = number
    elif precision_mode == DECIMAL_PLACES and number == int(number):
        step = Decimal(1).scaleb(-int(number))
    else:
        raise Unreadable(what)
    if step <= 0:
        raise Unreadable(what)
    return step


def _least(limits: Mapping[str, Any], what: str) -> Decimal:
    least = optional_decimal((limits.get(what) or {}).get("min"), f"least {what}")
    return ZERO if least is None or least < 0 else least
