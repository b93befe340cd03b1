"""Amounts on their way to a venue and back: decimals and text, exact to the last digit; no float is ever made.

A price is rounded to the venue's increment on the side that is safe: a buy never above what was permitted, a sell
never below. A quantity is never rounded: what is no whole number of increments, or of contracts, is refused.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from readytrader_sdk.money import EXACT, is_multiple, round_down, round_up, text_from_decimal
from readytrader_sdk.orders import Side

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)


class Unreadable(Exception):
    """What came from a venue is not what it should be. The message names the field, never its content."""


class NotWhole(Exception):
    """A quantity that the venue cannot take as it is."""


def decimal_of(value: object, what: str) -> Decimal:
    """A number of the venue's, given as text or as a whole number. Raises `Unreadable`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise Unreadable(f"{what} is no number")
    try:
        return EXACT.create_decimal(value)
    except InvalidOperation:
        raise Unreadable(f"{what} is no number that fits") from None


def optional_decimal(value: object, what: str) -> Decimal | None:
    """The same, or None where the venue says nothing."""
    return None if value is None or value == "" else decimal_of(value, what)


def venue_quantity(quantity: Decimal, contract_size: Decimal, increment: Decimal) -> str:
    """Base units as the venue counts them: in contracts where it has contracts.

    `increment` is in the venue's own units. Raises `NotWhole`.
    """
    if not is_multiple(quantity, contract_size * increment):
        raise NotWhole(f"{quantity} is no multiple of {text_from_decimal(contract_size * increment)}")
    return text_from_decimal(quantity / contract_size)


def base_quantity(counted: Decimal, contract_size: Decimal) -> Decimal:
    """What the venue counts, in base units."""
    return EXACT.multiply(counted, contract_size)


def safe_price(price: Decimal, increment: Decimal, side: Side) -> Decimal:
    """The nearest price that the venue takes and that is no worse: for a buy not above, for a sell not below."""
    return round_down(price, increment) if side is Side.BUY else round_up(price, increment)


def safe_trigger(price: Decimal, increment: Decimal, side: Side) -> Decimal:
    """The nearest stop price that triggers no earlier: a buy triggers on a rise, a sell on a fall."""
    return round_up(price, increment) if side is Side.BUY else round_down(price, increment)
