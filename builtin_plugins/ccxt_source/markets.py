"""An exchange's markets of the symbols that are wanted: exactly those, of exactly that kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.money import ONE

_ID = re.compile(r"[!-~]{1,60}", re.ASCII)


class Market(Struct, frozen=True, kw_only=True):
    """One instrument as its exchange calls it."""

    symbol: Symbol
    venue_id: str
    """In its requests and streams, e.g. `BTCUSDT`."""
    contract_size: Decimal = ONE
    """Base units in one unit of the sizes that it tells."""


def markets_of(name: str, known: Mapping[str, Any], symbols: Sequence[Symbol]) -> tuple[Market, ...]:
    """Find each symbol among ccxt's markets. Raises `Misconfigured` for one that is not there or of another kind."""
    return tuple(_market(name, known.get(symbol), symbol) for symbol in symbols)


def _market(name: str, row: Any, symbol: Symbol) -> Market:
    if not isinstance(row, Mapping) or row.get("symbol") != symbol:
        raise Misconfigured(f"{name}: symbols: the exchange has no {symbol}")
    is_swap = ":" in symbol
    kind = "a linear perpetual" if is_swap else "a spot market"
    if row.get("spot") is is_swap or (is_swap and not (row.get("swap") and row.get("linear"))):
        raise Misconfigured(f"{name}: symbols: {symbol} is not {kind} of the exchange")
    if row.get("active") is False:
        raise Unavailable(f"{name}: {symbol} is not traded on the exchange now")
    venue_id = row.get("id")
    if not isinstance(venue_id, str) or not _ID.fullmatch(venue_id):
        raise Unavailable(f"{name}: {symbol}: the exchange gives it no usable name")
    return Market(symbol=symbol, venue_id=venue_id, contract_size=_contract_size(name, row, symbol) if is_swap else ONE)


def _contract_size(name: str, row: Mapping[str, Any], symbol: Symbol) -> Decimal:
    try:
        size = Decimal(str(row.get("contractSize")))
    except InvalidOperation:
        size = Decimal(0)
    if not size.is_finite() or size <= 0:
        raise Unavailable(f"{name}: {symbol}: the exchange names no contract size")
    return size
