"""Whether every amount and every time in a value is one that can be, wherever it stands in it.

Decoding makes a `Decimal` of any number that the decimal module can read: NaN, infinity, or a hundred bytes that become
a number of a billion digits; and a `datetime` of a time without a zone. The check is compiled once for each type and
looks only where the type has decimals or times. Both ends of a worker's link use it: the worker on what the plugin
gave, where it also finds the float that stands in for a decimal, and the core on what arrived.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from msgspec import inspect
from readytrader_sdk.money import FRACTION_DIGITS_MAX, INTEGER_DIGITS_MAX

Checker = Callable[[Any], None]

_PLAIN_MAX = INTEGER_DIGITS_MAX + FRACTION_DIGITS_MAX + 8
"""Longer than the text of any amount: the digits, a point, a sign, an exponent."""
_ZONE_OFFSET = timedelta(0)


class ImpossibleAmount(ValueError):
    """A number that no amount of money is, or no exact number at all. The message says what is wrong with it."""


class ImpossibleTime(ValueError):
    """A time that is not in UTC, or says no zone."""


@cache
def checker(of: Any) -> Checker:
    """A function that raises `ImpossibleAmount` or `ImpossibleTime` for a value of this type that holds such a thing.

    The value must be what the type says, in its structs and their fields; a sequence may be any. Another one makes it
    raise `AttributeError` or `TypeError`, or is not found out: types are for the decoder to judge.
    """
    return _compile(inspect.type_info(of)) or _nothing_to_check


def check(of: Any, value: object) -> None:
    """Check `value`, which is of type `of`, as `checker` has it."""
    checker(of)(value)


def _amount(value: Decimal) -> None:
    if type(value) is not Decimal:
        raise ImpossibleAmount(f"an amount that is a {type(value).__name__[:40]}, not a Decimal")
    if not value.is_finite():
        raise ImpossibleAmount("an amount that is not a number, or not finite")
    if value.adjusted() >= INTEGER_DIGITS_MAX:
        raise ImpossibleAmount(f"an amount with more than {INTEGER_DIGITS_MAX} digits before the point")
    # By its text first: a tuple of a million digits takes more memory than they are worth.
    exponent = value.as_tuple().exponent if len(str(value)) <= _PLAIN_MAX else None
    if not isinstance(exponent, int) or exponent < -FRACTION_DIGITS_MAX:
        raise ImpossibleAmount(f"an amount with more than {FRACTION_DIGITS_MAX} digits after the point")


def _time(value: datetime) -> None:
    if not isinstance(value, datetime) or value.utcoffset() != _ZONE_OFFSET:
        raise ImpossibleTime("a time that is not in UTC, or says no zone")


def _nothing_to_check(_value: Any) -> None:
    return


def _compile(info: inspect.Type) -> Checker | None:
    """None where a type holds neither amount nor time."""
    if isinstance(info, inspect.DecimalType):
        return _amount
    if isinstance(info, inspect.DateTimeType):
        return _time
    if isinstance(info, inspect.StructType):
        return _struct(info)
    if isinstance(info, inspect.UnionType):
        return _union(info)
    if isinstance(info, inspect.VarTupleType | inspect.ListType | inspect.SetType | inspect.FrozenSetType):
        return _each(info.item_type)
    if isinstance(info, inspect.TupleType | inspect.DictType | inspect.AnyType | inspect.RawType | inspect.CustomType):
        raise TypeError(f"amounts in a {type(info).__name__} cannot be checked")
    return None


def _each(item: inspect.Type) -> Checker | None:
    inner = _compile(item)
    if inner is None:
        return None

    def each(values: Any) -> None:
        for value in values:
            inner(value)

    return each


def _struct(info: inspect.StructType) -> Checker | None:
    compiled = [(field.name, _compile(field.type)) for field in info.fields]
    fields = [(name, inner) for name, inner in compiled if inner is not None]
    if not fields:
        return None

    def struct(value: Any) -> None:
        for name, inner in fields:
            inner(getattr(value, name))

    return struct


def _union(info: inspect.UnionType) -> Checker | None:
    """By the class of the value, which in a union of ours is a struct, a sequence, a decimal, a time, or nothing."""
    structs: dict[type, Checker] = {}
    scalar: Checker | None = None
    sequence: Checker | None = None
    for member in info.types:
        inner = _compile(member)
        if inner is None:
            continue
        if isinstance(member, inspect.StructType):
            structs[member.cls] = inner
        elif isinstance(member, inspect.DecimalType | inspect.DateTimeType) and scalar is None:
            scalar = inner
        elif not isinstance(member, inspect.DecimalType | inspect.DateTimeType) and sequence is None:
            sequence = inner
        else:
            raise TypeError("a union of two kinds of amounts and times cannot be checked")

    def union(value: Any) -> None:
        if value is None:
            return
        inner = structs.get(type(value))
        if inner is None:
            inner = sequence if isinstance(value, list | tuple) else scalar
        if inner is not None:
            inner(value)

    return union if structs or scalar or sequence else None
