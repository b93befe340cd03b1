"""Instruments: what can be traded, in which units and increments."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NewType

from msgspec import Struct

Asset = NewType("Asset", str)
"""An asset's code in capitals, e.g. `BTC`."""
Symbol = NewType("Symbol", str)
"""An instrument's symbol: `BASE/QUOTE` for spot, `BASE/QUOTE:SETTLE` for a perpetual; never one for the other."""
VenueId = NewType("VenueId", str)
"""A venue's name in lower case, e.g. `binance`."""


class MarketType(StrEnum):
    SPOT = "spot"
    SWAP = "swap"
    FUTURE = "future"


class InstrumentStatus(StrEnum):
    TRADING = "trading"
    HALTED = "halted"
    DELISTED = "delisted"


class Instrument(Struct, frozen=True, kw_only=True):
    """One instrument with its trading rules. Quantities are in base units, prices in quote per base."""

    symbol: Symbol
    base: Asset
    quote: Asset
    price_increment: Decimal
    quantity_increment: Decimal
    quantity_min: Decimal
    notional_min: Decimal
    """Smallest price × quantity that the venue takes, in quote units."""
    market_type: MarketType = MarketType.SPOT
    status: InstrumentStatus = InstrumentStatus.TRADING
