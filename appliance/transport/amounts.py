"""Amounts as agents write and read them: `0.01`, or `0.01 BTC`. The same notation goes in and comes out."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

from msgspec import Meta
from readytrader_sdk.money import (
    FRACTION_DIGITS_MAX,
    InvalidAmount,
    decimal_from_text,
    positive_from_text,
    text_from_decimal,
)

AMOUNT_PATTERN = "^[0-9.]+( [A-Z0-9]+)?$"
"""What the schemas say, in few bytes. The parser is stricter and names what is wrong."""

AmountText = Annotated[str, Meta(max_length=64, extra_json_schema={"pattern": AMOUNT_PATTERN})]

_GRAIN = Decimal(1).scaleb(-FRACTION_DIGITS_MAX)


class InvalidArgument(ValueError):
    """An argument that cannot be taken. The message names it, says what was expected and what was seen."""


def amount_from_text(text: str, unit: str, argument: str) -> Decimal:
    """The positive number in `text`, which may repeat its unit and may not name another. Raises `InvalidArgument`."""
    number, blank, given = text.partition(" ")
    if blank and given != unit:
        raise InvalidArgument(f"{argument}: expected an amount in {unit}, got {given[:20]!r}")
    try:
        return positive_from_text(number)
    except InvalidAmount as fault:
        raise InvalidArgument(f"{argument}: {fault}") from None


def number_from_text(text: str, argument: str) -> Decimal:
    """A plain number without a unit, zero and below included. Raises `InvalidArgument`."""
    try:
        return decimal_from_text(text)
    except InvalidAmount as fault:
        raise InvalidArgument(f"{argument}: {fault}") from None


def amount_text(value: Decimal, unit: str) -> str:
    """A number with its unit, plain and to the last digit; what a division made endless is cut at 18 decimals."""
    return f"{number_text(value)} {unit}"


def number_text(value: Decimal) -> str:
    """As `amount_text`, where the field's name says the unit."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -FRACTION_DIGITS_MAX:
        value = value.quantize(_GRAIN, ROUND_HALF_EVEN)
    return text_from_decimal(value)
