"""The arrays of tables: `[[source]]` and `[[instrument]]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from readytrader_sdk.instruments import Asset, Instrument, InstrumentStatus, MarketType, Symbol

from appliance.config import forms
from appliance.config.document import Document
from appliance.config.forms import Form
from appliance.config.names import suggest
from appliance.config.problems import Problem, Refusal, printable
from appliance.config.resolve import unknown
from appliance.config.values import Origin, OriginKind, Source


class Field(Struct, frozen=True, kw_only=True, eq=False):
    """One key of an element."""

    form: Form[Any]
    doc: str
    required: bool = True
    default: Any = None


def _settings_form() -> Form[dict[str, str]]:
    """A table of plain values, each handed to the plugin as text. A name that smells of a secret is refused."""
    secret = re.compile(r"key|secret|password|passphrase|token|credential|private", re.IGNORECASE)

    def parse(raw: object) -> dict[str, str]:
        if not isinstance(raw, dict):
            raise Refusal("expected a table of settings")
        settings: dict[str, str] = {}
        for name, value in raw.items():
            if secret.search(name):
                raise Refusal(f"{printable(name)} looks like a secret, which does not belong into this file")
            if not isinstance(value, str | int):
                raise Refusal(f"{printable(name)}: expected text, a number, or true or false")
            settings[name] = str(value).lower() if isinstance(value, bool) else str(value)
        return settings

    return Form(expects="a table of settings", parse=parse, text=lambda value: f"{len(value)} settings", literal=str)


SOURCE_FIELDS: Mapping[str, Field] = {
    "name": Field(form=forms.source_name(), doc="The source's name here, unique."),
    "plugin": Field(form=forms.source_name(), doc="The data source that a plugin registers under this name."),
    "priority": Field(
        form=forms.whole(0, 2),
        doc="0 (stream) is preferred to 1 (ingested) and 2 (polled).",
        required=False,
        default=2,
    ),
    "settings": Field(form=_settings_form(), doc="The plugin's own settings.", required=False, default={}),
}

_INCREMENT = forms.decimal("0", "1000000", above=True)
_MINIMUM = forms.decimal("0", "1000000000")

INSTRUMENT_FIELDS: Mapping[str, Field] = {
    "symbol": Field(form=forms.symbol(), doc="`BASE/QUOTE`, unique."),
    "price_increment": Field(form=_INCREMENT, doc="Prices are multiples of this, in quote units."),
    "quantity_increment": Field(form=_INCREMENT, doc="Quantities are multiples of this, in base units."),
    "quantity_min": Field(form=_MINIMUM, doc="The smallest quantity, in base units."),
    "notional_min": Field(form=_MINIMUM, doc="The smallest price × quantity, in quote units."),
}

DEFAULT_SOURCES = (Source(name="sample", plugin="sample", priority=2, settings={}),)
"""Made-up prices, so that a first start has a market; refused for real money."""


def _spot(symbol: str, price: str, quantity: str) -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=Symbol(symbol),
        base=Asset(base),
        quote=Asset(quote),
        price_increment=Decimal(price),
        quantity_increment=Decimal(quantity),
        quantity_min=Decimal(quantity),
        notional_min=Decimal(5),
        market_type=MarketType.SPOT,
        status=InstrumentStatus.TRADING,
    )


DEFAULT_INSTRUMENTS = (
    _spot("BTC/USDT", "0.01", "0.00001"),
    _spot("ETH/USDT", "0.01", "0.0001"),
    _spot("SOL/USDT", "0.01", "0.001"),
)
"""With the increments and the minimum of 5 USDT that the largest exchange's spot market has."""


class Row(Struct, frozen=True, kw_only=True):
    """One element of an array of tables, with its place."""

    value: Any
    origin: Origin


def read_sources(document: Document, problems: list[Problem]) -> tuple[Row, ...] | None:
    """The `[[source]]` tables, or the default one where there are none; None when any is wrong."""
    if "source" not in document.data:
        return _defaults(DEFAULT_SOURCES)
    return _read_array(document, "source", SOURCE_FIELDS, "name", _source, problems)


def read_instruments(document: Document, problems: list[Problem]) -> tuple[Row, ...] | None:
    """The `[[instrument]]` tables, or the default ones where there are none; None when any is wrong."""
    if "instrument" not in document.data:
        return _defaults(DEFAULT_INSTRUMENTS)
    return _read_array(document, "instrument", INSTRUMENT_FIELDS, "symbol", _instrument, problems)


def _defaults(values: Iterable[Any]) -> tuple[Row, ...]:
    return tuple(Row(value=value, origin=Origin(kind=OriginKind.DEFAULT)) for value in values)


def _source(fields: Mapping[str, Any]) -> Source:
    return Source(**fields)


def _instrument(fields: Mapping[str, Any]) -> Instrument:
    base, _, quote = fields["symbol"].partition("/")
    if base == quote:
        raise Refusal(f"base and quote are both {base}")
    if fields["quantity_min"] % fields["quantity_increment"] != 0:
        raise Refusal("quantity_min is not a multiple of quantity_increment")
    return Instrument(base=Asset(base), quote=Asset(quote), **fields)


def _read_array(
    document: Document,
    array: str,
    fields: Mapping[str, Field],
    identity: str,
    make: Callable[[Mapping[str, Any]], Any],
    problems: list[Problem],
) -> tuple[Row, ...] | None:
    raw = document.data[array]
    if not isinstance(raw, list) or not raw or not all(isinstance(element, dict) for element in raw):
        problems.append(Problem(where=document.where(array), setting=array, text=f"expected [[{array}]] tables"))
        return None
    before = len(problems)
    rows: list[Row] = []
    seen: dict[object, str] = {}
    for position, element in enumerate(raw):
        where = document.where(array, position)
        parsed = _read_element(document, array, position, element, fields, problems)
        if parsed is None:
            continue
        if parsed[identity] in seen:
            text = f"{parsed[identity]} is already at {seen[parsed[identity]]}"
            problems.append(Problem(where=where, setting=f"{array}.{identity}", text=text))
            continue
        seen[parsed[identity]] = where
        try:
            rows.append(Row(value=make(parsed), origin=Origin(kind=OriginKind.FILE, detail=where)))
        except Refusal as refusal:
            problems.append(Problem(where=where, setting=array, text=str(refusal)))
    return tuple(rows) if len(problems) == before else None


def _read_element(
    document: Document,
    array: str,
    position: int,
    element: Mapping[str, object],
    fields: Mapping[str, Field],
    problems: list[Problem],
) -> dict[str, Any] | None:
    """All fields of one element, or None when any is wrong."""
    before = len(problems)
    parsed = {name: field.default for name, field in fields.items() if not field.required}
    for name, raw in element.items():
        where = document.where(array, position, name)
        if name not in fields:
            problems.append(unknown(where, f"{array}.{printable(name)}", suggest(name, fields)))
            continue
        try:
            parsed[name] = fields[name].form.parse(raw)
        except Refusal as refusal:
            problems.append(Problem(where=where, setting=f"{array}.{name}", text=str(refusal)))
    for name, field in fields.items():
        if field.required and name not in element:
            problems.append(
                Problem(where=document.where(array, position), setting=f"{array}.{name}", text="is missing")
            )
    return parsed if len(problems) == before else None
