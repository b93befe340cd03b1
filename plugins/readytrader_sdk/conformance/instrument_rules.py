"""What every list of instruments keeps, whoever gives it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from readytrader_sdk.conformance.checks import expect, shown
from readytrader_sdk.instruments import Instrument, MarketType

_ASSET = r"[A-Z0-9][A-Z0-9.]{0,19}"
_SYMBOL = re.compile(rf"({_ASSET})/({_ASSET})(?P<settled>:{_ASSET}(?:-[0-9]{{6}})?)?", re.ASCII)


def expect_exact(value: object, what: str) -> None:
    """Expect a finite `Decimal`: never a float, NaN or infinity."""
    expect(isinstance(value, Decimal), f"{what}: expected a Decimal, got {type(value).__name__} {shown(value)}")
    expect(isinstance(value, Decimal) and value.is_finite(), f"{what}: expected a finite number, got {shown(value)}")


def expect_symbol(instrument: Instrument) -> None:
    """Expect a symbol in capitals that says base, quote, and for a derivative what it is settled in."""
    symbol = shown(instrument.symbol)
    parts = _SYMBOL.fullmatch(instrument.symbol)
    expect(parts is not None, f"{symbol}: expected BASE/QUOTE, or BASE/QUOTE:SETTLE for a derivative, in capitals")
    if parts is None:
        return
    expect(
        (parts[1], parts[2]) == (instrument.base, instrument.quote),
        f"{symbol}: its base is {shown(instrument.base)} and its quote {shown(instrument.quote)}",
    )
    is_spot = instrument.market_type is MarketType.SPOT
    expect(is_spot == (parts["settled"] is None), f"{symbol}: a {instrument.market_type} is not written so")


def expect_rules(instrument: Instrument) -> None:
    """Expect increments above zero and minimums from zero, all of them exact."""
    for name in ("price_increment", "quantity_increment"):
        value = getattr(instrument, name)
        expect_exact(value, f"{shown(instrument.symbol)}: {name}")
        expect(value > 0, f"{shown(instrument.symbol)}: {name} is {shown(value)}, expected more than 0")
    for name in ("quantity_min", "notional_min"):
        value = getattr(instrument, name)
        expect_exact(value, f"{shown(instrument.symbol)}: {name}")
        expect(value >= 0, f"{shown(instrument.symbol)}: {name} is {shown(value)}, expected 0 or more")


def expect_unique(instruments: Sequence[Instrument]) -> None:
    """Expect every symbol once."""
    seen: set[str] = set()
    for instrument in instruments:
        expect(instrument.symbol not in seen, f"{shown(instrument.symbol)} is listed twice")
        seen.add(instrument.symbol)
