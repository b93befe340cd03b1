"""Exact money: decimals come from text, stay exact to the last digit, and go back to text.

No float is accepted anywhere: `0.1` is not a tenth (0.3 ETH once became 299999999999999989 wei).
"""

from __future__ import annotations

import decimal
import re
from decimal import ROUND_DOWN, ROUND_UP, Decimal

INTEGER_DIGITS_MAX = 18
"""Digits allowed before the point: more than any quantity, price or balance that exists."""
FRACTION_DIGITS_MAX = 18
"""Digits allowed after the point: one wei of one ether."""

# A product of two amounts has at most 2 × (18 + 18) = 72 digits; 80 keeps every product and sum exact.
PRECISION = 80
decimal.DefaultContext.prec = PRECISION
decimal.getcontext().prec = PRECISION

EXACT = decimal.Context(prec=PRECISION, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
"""The context of ledgers: an operation that would lose a digit raises instead."""

ZERO = Decimal(0)
ONE = Decimal(1)

_PLAIN = re.compile(rf"-?[0-9]{{1,{INTEGER_DIGITS_MAX}}}(?:\.[0-9]{{1,{FRACTION_DIGITS_MAX}}})?", re.ASCII)


class InvalidAmount(ValueError):
    """Text that is not a plain decimal number. The message says what was seen."""


def decimal_from_text(text: str) -> Decimal:
    """Parse a plain decimal such as `0.05` or `-12`; the only door by which numbers of money enter.

    Refuses NaN, infinity, exponents, signs other than a leading minus, separators (`0,05`, `1_000`), blanks,
    non-ASCII digits, and more than 18 digits on either side of the point.
    """
    if not isinstance(text, str):
        raise InvalidAmount(f"expected a decimal number as text, got {type(text).__name__}")
    if not _PLAIN.fullmatch(text):
        raise InvalidAmount(f"expected a plain decimal number such as 0.05, got {text[:40]!r}")
    return Decimal(text)


def positive_from_text(text: str) -> Decimal:
    """Parse a plain decimal that is greater than zero."""
    value = decimal_from_text(text)
    if value <= 0:
        raise InvalidAmount(f"expected a number greater than 0, got {text!r}")
    return value


def text_from_decimal(value: Decimal) -> str:
    """Plain text without an exponent and without trailing zeros: `0.00000001`, `1200`."""
    if not value.is_finite():
        raise InvalidAmount(f"expected a finite number, got {value}")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def round_down(value: Decimal, increment: Decimal) -> Decimal:
    """The largest multiple of `increment` that is not above a non-negative `value`."""
    return (value / increment).to_integral_value(ROUND_DOWN) * increment


def round_up(value: Decimal, increment: Decimal) -> Decimal:
    """The smallest multiple of `increment` that is not below a non-negative `value`."""
    return (value / increment).to_integral_value(ROUND_UP) * increment


def is_multiple(value: Decimal, increment: Decimal) -> bool:
    """Whether `value` is a whole number of increments."""
    return value % increment == 0
