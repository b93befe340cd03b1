"""Arrays of tables: what a key of an element may hold, and how all elements are read with every problem told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from appliance.config.document import Document
from appliance.config.forms import Form
from appliance.config.names import suggest
from appliance.config.problems import Problem, Refusal, printable
from appliance.config.resolve import unknown
from appliance.config.values import Origin, OriginKind


class Field(Struct, frozen=True, kw_only=True, eq=False):
    """One key of an element."""

    form: Form[Any]
    doc: str
    required: bool = True
    default: Any = None


class Array(Struct, frozen=True, kw_only=True, eq=False):
    """One array of tables."""

    name: str
    doc: str
    """What its elements are, in a sentence or two."""
    identity: str
    """The key by which elements differ."""
    fields: Mapping[str, Field]
    make: Callable[[Mapping[str, Any]], Any]
    """From all fields of an element to its value. Raises `Refusal`."""
    defaults: tuple[Any, ...] = ()
    """What holds where the file has no such table."""


class Row(Struct, frozen=True, kw_only=True):
    """One element of an array of tables, with its place."""

    value: Any
    origin: Origin


def read_array(document: Document, array: Array, problems: list[Problem]) -> tuple[Row, ...] | None:
    """The elements, or the defaults where the file has none of them; None when any is wrong."""
    if array.name not in document.data:
        return tuple(Row(value=value, origin=Origin(kind=OriginKind.DEFAULT)) for value in array.defaults)
    raw = document.data[array.name]
    if not isinstance(raw, list) or not raw or not all(isinstance(element, dict) for element in raw):
        text = f"expected [[{array.name}]] tables"
        problems.append(Problem(where=document.where(array.name), setting=array.name, text=text))
        return None
    before = len(problems)
    rows: list[Row] = []
    seen: dict[object, str] = {}
    for position, element in enumerate(raw):
        where = document.where(array.name, position)
        parsed = _read_element(document, array, position, element, problems)
        if parsed is None:
            continue
        identity = parsed[array.identity]
        if identity in seen:
            text = f"{identity} is already at {seen[identity]}"
            problems.append(Problem(where=where, setting=f"{array.name}.{array.identity}", text=text))
            continue
        seen[identity] = where
        try:
            rows.append(Row(value=array.make(parsed), origin=Origin(kind=OriginKind.FILE, detail=where)))
        except Refusal as refusal:
            problems.append(Problem(where=where, setting=array.name, text=str(refusal)))
    return tuple(rows) if len(problems) == before else None


def _read_element(
    document: Document, array: Array, position: int, element: Mapping[str, object], problems: list[Problem]
) -> dict[str, Any] | None:
    """All fields of one element, or None when any is wrong."""
    before = len(problems)
    parsed = {name: field.default for name, field in array.fields.items() if not field.required}
    for name, raw in element.items():
        where = document.where(array.name, position, name)
        if name not in array.fields:
            problems.append(unknown(where, f"{array.name}.{printable(name)}", suggest(name, array.fields)))
            continue
        try:
            parsed[name] = array.fields[name].form.parse(raw)
        except Refusal as refusal:
            problems.append(Problem(where=where, setting=f"{array.name}.{name}", text=str(refusal)))
    for name, field in array.fields.items():
        if field.required and name not in element:
            where = document.where(array.name, position)
            problems.append(Problem(where=where, setting=f"{array.name}.{name}", text="is missing"))
    return parsed if len(problems) == before else None
