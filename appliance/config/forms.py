"""The forms that a value may take, in the file and in the environment. Strict: what is not plainly valid is refused.

A value from the environment is always text; a value from the file has its TOML type, and a number of the file
is read from its text, so that no float ever exists.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct
from readytrader_sdk.instruments import Asset, Symbol, VenueId
from readytrader_sdk.money import InvalidAmount, decimal_from_text, text_from_decimal

from appliance.config.problems import Refusal
from appliance.domain.intents import Chain

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

OFF = "off"
"""The one word that turns an optional rule off."""
ANY = "any"
"""The one word for a list that does not restrict."""
NONE = "none"
"""The one word for an empty list in the environment, where empty text is refused."""

SHOWN_MAX = 40
"""Characters of a refused value that a message repeats."""


class EnvironmentText(str):
    """A value from the environment."""

    __slots__ = ()


class NumberText(str):
    """A TOML float, as written."""

    __slots__ = ()


class Form(Struct, Generic[T], frozen=True, kw_only=True, eq=False):
    """How one kind of value is read and written. `parse` raises `Refusal`; `text` is as in the environment."""

    expects: str
    parse: Callable[[object], T]
    text: Callable[[T], str]
    literal: Callable[[T], str]
    """The value as TOML."""


def describe(raw: object) -> str:
    """A refused value for a message: its text where short and plain, else its type."""
    if isinstance(raw, str):
        shown = ascii(str(raw))
        return shown if len(shown) <= SHOWN_MAX else shown[:SHOWN_MAX] + "..."
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, int):
        return str(raw) if abs(raw) < 10**SHOWN_MAX else "a whole number of many digits"
    return "a list" if isinstance(raw, list) else "a table" if isinstance(raw, dict) else f"a {type(raw).__name__}"


def refuse(expects: str, raw: object) -> Refusal:
    """The refusal of `raw` where something else was expected."""
    return Refusal(f"expected {expects}, got {describe(raw)}")


def quoted(text: str) -> str:
    """Text as a TOML basic string (for which JSON's rules of escaping hold)."""
    return json.dumps(text)


def boolean() -> Form[bool]:
    """Exactly `true` or `false`: `1`, `yes`, `on`, `True` and quoted text in the file are refused."""
    expects = "true or false"

    def parse(raw: object) -> bool:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, EnvironmentText) and raw in ("true", "false"):
            return raw == "true"
        raise refuse(expects, raw)

    def text(value: bool) -> str:
        return "true" if value else "false"

    return Form(expects=expects, parse=parse, text=text, literal=text)


def decimal(low: str, high: str, *, above: bool = False) -> Form[Decimal]:
    """A plain decimal from `low` (above it, if `above`) to `high`, both included."""
    least, most = Decimal(low), Decimal(high)
    expects = f"a plain decimal number {'above' if above else 'from'} {low} {'and at most' if above else 'to'} {high}"

    def parse(raw: object) -> Decimal:
        if isinstance(raw, bool) or not isinstance(raw, int | str):
            raise refuse(expects, raw)
        try:
            value = decimal_from_text(str(raw) if isinstance(raw, str) else format(Decimal(raw), "f"))
        except InvalidAmount:
            raise refuse(expects, raw) from None
        if value < least or value > most or (above and value == least):
            raise refuse(expects, raw)
        return Decimal(text_from_decimal(value))

    return Form(expects=expects, parse=parse, text=text_from_decimal, literal=text_from_decimal)


def percent(high: str = "100") -> Form[Decimal]:
    """A percentage above zero: `5` is five percent; `5%` and `0,05` are refused."""
    return decimal("0", high, above=True)


def amount() -> Form[Decimal]:
    """An amount above zero. Zero is refused: some systems read it as no limit, others as nothing."""
    return decimal("0", "999999999999999999", above=True)


_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def whole(low: int, high: int) -> Form[int]:
    """A whole number from `low` to `high`, both included."""
    expects = f"a whole number from {low} to {high}"

    def parse(raw: object) -> int:
        if isinstance(raw, EnvironmentText) and _WHOLE.fullmatch(raw):
            value = int(raw)
        elif isinstance(raw, int) and not isinstance(raw, bool):
            value = raw
        else:
            raise refuse(expects, raw)
        if not low <= value <= high:
            raise refuse(expects, raw)
        return value

    return Form(expects=expects, parse=parse, text=str, literal=str)


def duration(unit: timedelta, low: int, high: int) -> Form[timedelta]:
    """A whole number of `unit`, from `low` to `high`."""
    number = whole(low, high)

    def parse(raw: object) -> timedelta:
        return number.parse(raw) * unit

    def text(value: timedelta) -> str:
        return str(value // unit)

    return Form(expects=number.expects, parse=parse, text=text, literal=text)


MILLISECOND = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def optional(form: Form[T]) -> Form[T | None]:
    """The form, or the word `off`, which turns the rule off."""
    expects = f"{form.expects}, or {OFF}"

    def parse(raw: object) -> T | None:
        if raw == OFF:
            return None
        try:
            return form.parse(raw)
        except Refusal:
            raise refuse(expects, raw) from None

    def text(value: T | None) -> str:
        return OFF if value is None else form.text(value)

    def literal(value: T | None) -> str:
        return quoted(OFF) if value is None else form.literal(value)

    return Form(expects=expects, parse=parse, text=text, literal=literal)


def one_of(closed: type[E], unsupported: Mapping[E, str] | None = None) -> Form[E]:
    """Exactly one word of a closed set; `unsupported` says why this version refuses some of them."""
    reasons = {} if unsupported is None else unsupported
    expects = " or ".join(member.value for member in closed if member not in reasons)

    def parse(raw: object) -> E:
        if not isinstance(raw, str) or isinstance(raw, NumberText):
            raise refuse(expects, raw)
        member = next((member for member in closed if member.value == raw), None)
        if member is None:
            raise refuse(expects, raw)
        if member in reasons:
            raise Refusal(f"{member.value} is not supported by this version: {reasons[member]}")
        return member

    return Form(expects=expects, parse=parse, text=str, literal=quoted)


def named(names: Collection[str], expects: str) -> Form[str]:
    """One of these names; a name that is nearly one of them is told which."""

    def parse(raw: object) -> str:
        if not isinstance(raw, str) or isinstance(raw, NumberText):
            raise refuse(expects, raw)
        if raw not in names:
            import difflib  # needed only to word a refusal

            near = difflib.get_close_matches(str(raw), sorted(names), n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise Refusal(f"expected {expects}, got {describe(raw)}{meant}")
        return str(raw)

    return Form(expects=expects, parse=parse, text=str, literal=quoted)


RESERVED = frozenset({"any", "all", "none", "null", "off", "on", "true", "false", "yes", "no"})
"""Never a name, in any case of letters: `ALLOW_TOKENS=ANY` is a mistake and not a token."""


def matching(pattern: str, expects: str, make: Callable[[str], T]) -> Form[T]:
    """Text that matches `pattern` as a whole and is no reserved word."""
    compiled = re.compile(pattern, re.ASCII)

    def parse(raw: object) -> T:
        if not isinstance(raw, str) or isinstance(raw, NumberText) or not compiled.fullmatch(raw):
            raise refuse(expects, raw)
        if raw.lower() in RESERVED:
            raise refuse(expects, raw)
        return make(str(raw))

    return Form(expects=expects, parse=parse, text=str, literal=lambda value: quoted(str(value)))


_CODE = "(?=[0-9]*[A-Z])[A-Z0-9]{1,20}"


def asset() -> Form[Asset]:
    """An asset's code in capitals."""
    return matching(_CODE, "an asset's code in capitals such as BTC", Asset)


def symbol() -> Form[Symbol]:
    """`BASE/QUOTE`, in capitals."""
    return matching(f"{_CODE}/{_CODE}", "a spot symbol in capitals such as BTC/USDT", Symbol)


def venue() -> Form[VenueId]:
    """An exchange's name in lower case."""
    return matching(r"[a-z][a-z0-9_-]{0,31}", "an exchange's name in lower case such as binance", VenueId)


def chain() -> Form[Chain]:
    """A chain's name in lower case."""
    return matching(r"[a-z][a-z0-9_-]{0,31}", "a chain's name in lower case such as ethereum", Chain)


def source_name() -> Form[str]:
    """A source's name: lower case, digits and underscores, so that it can be part of a variable's name."""
    return matching(r"[a-z][a-z0-9_]{0,31}", "a name of lower-case letters, digits and underscores", str)


def address() -> Form[str]:
    """A 20-byte EVM address in full, kept in lower case."""
    return matching(r"0x[0-9a-fA-F]{40}", "a full address: 0x and 40 hexadecimal digits", str.lower)


def loopback_host() -> Form[str]:
    """An IP address of the loopback interface. A name is refused: what it resolves to can change."""
    expects = "a loopback address such as 127.0.0.1 or ::1"

    def parse(raw: object) -> str:
        if not isinstance(raw, str) or isinstance(raw, NumberText):
            raise refuse(expects, raw)
        try:
            parsed = ipaddress.ip_address(str(raw))
        except ValueError:
            raise refuse(expects, raw) from None
        if not parsed.is_loopback:
            raise refuse(expects, raw)
        return str(parsed)

    return Form(expects=expects, parse=parse, text=str, literal=quoted)


def _items(raw: object, expects: str) -> list[object]:
    """The members of a list, however it is written."""
    if isinstance(raw, EnvironmentText):
        return [] if raw == NONE else [EnvironmentText(part.strip()) for part in raw.split(",")]
    if isinstance(raw, list):
        return raw
    raise refuse(expects, raw)


def each(item: Form[T]) -> Form[frozenset[T]]:
    """A list: a TOML array, or text with commas (`none` for an empty one). Twice the same is refused."""
    expects = f"a list, each {item.expects}"

    def parse(raw: object) -> frozenset[T]:
        members = [item.parse(member) for member in _items(raw, expects)]
        repeated = sorted({item.text(member) for member in members if members.count(member) > 1})
        if repeated:
            raise Refusal(f"{repeated[0]} is listed twice")
        return frozenset(members)

    def text(values: Iterable[T]) -> str:
        return ",".join(sorted(item.text(value) for value in values)) or NONE

    def literal(values: Iterable[T]) -> str:
        return "[" + ", ".join(sorted(item.literal(value) for value in values)) + "]"

    return Form(expects=expects, parse=parse, text=text, literal=literal)


def any_or_each(item: Form[T]) -> Form[frozenset[T] | None]:
    """A list, or the word `any`, which does not restrict. An empty list allows nothing."""
    listed = each(item)

    def parse(raw: object) -> frozenset[T] | None:
        return None if raw == ANY else listed.parse(raw)

    def text(value: frozenset[T] | None) -> str:
        return ANY if value is None else listed.text(value)

    def literal(value: frozenset[T] | None) -> str:
        return quoted(ANY) if value is None else listed.literal(value)

    return Form(expects=f"{listed.expects}, or {ANY}", parse=parse, text=text, literal=literal)
