"""JSON Schemas of arguments and results, generated from their types: inline, without `$ref`, and short."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from appliance.transport.tool_arguments import Arguments
from appliance.transport.tool_results import Answer

Schema = dict[str, Any]
"""A JSON Schema, which is JSON by nature."""

_LEFT_OUT = frozenset({"title", "minLength", "maxLength", "minItems", "maxItems"})
"""Enforced like the rest, but not worth an agent's attention: nobody meets them by accident."""


def input_schema(arguments: type[Arguments]) -> Schema:
    """Closed: `additionalProperties` is false wherever there is an object.

    What may be left out may also be given as null, as some clients do; the schema does not say so, because a type that
    is one of two is what others cannot read.
    """
    (root,), definitions = msgspec.json.schema_components([arguments])
    schema: Schema = _inlined(root, definitions)
    schema.pop("description", None)
    return schema


def output_schema(result: type[Answer]) -> Schema:
    """The fields of the result, one level deep, and `denials`, because any call may be refused.

    Left open: what else a refusal holds (`amount_max`, `retry_after_s`) is the same for every tool and said once, in
    the server's instructions.
    """
    hints = typing.get_type_hints(result)
    properties = {field.name: _shallow(hints[field.name]) for field in msgspec.structs.fields(result)}
    return {"type": "object", "properties": properties | {"denials": {"type": "array"}}, "required": ["ok"]}


def _inlined(schema: Mapping[str, Any], definitions: Mapping[str, Schema]) -> Schema:
    out: Schema = {}
    for key, value in schema.items():
        if key == "$ref":
            out |= _inlined(definitions[value.rpartition("/")[2]], definitions)
        elif key == "properties":
            out[key] = {name: _inlined(member, definitions) for name, member in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            out[key] = _inlined(value, definitions)
        elif key == "anyOf":
            out |= _inlined(next(member for member in value if member != {"type": "null"}), definitions)
        elif key == "enum":
            out |= {"type": "string", "enum": value}
        elif key not in _LEFT_OUT and not (key == "default" and value in (None, "", False)):
            out[key] = value
    return out


_PLAIN: dict[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    datetime: {"type": "string", "format": "date-time"},
}


def _shallow(hint: Any) -> Schema:
    """One level of a type: what a client needs in order to find its way, no more. Absent stands for None."""
    if isinstance(hint, types.UnionType):
        (hint,) = [member for member in typing.get_args(hint) if member is not type(None)]
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin = typing.get_origin(hint)
    if origin is tuple:
        return {"type": "array", "items": _shallow(typing.get_args(hint)[0])}
    if origin is dict or (isinstance(hint, type) and issubclass(hint, Struct)):
        return {"type": "object"}
    raise TypeError(f"no schema for a result field of type {hint}")
