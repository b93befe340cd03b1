"""The API's own description (OpenAPI 3.1), made from the types that the routes themselves decode and encode with.

Litestar can make one, too; this one is made by the library that checks the bodies, so it says neither more nor less
than what is checked: closed bodies are closed, bounds and patterns are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from msgspec import Meta

from appliance import __version__
from appliance.domain.operators import Role
from appliance.transport.operator_http.document_words import (
    ERRORS,
    EXAMPLES,
    FACTOR_ERRORS,
    INTRODUCTION,
    SIGN_IN_ERRORS,
    SIGNED_IN_ERRORS,
)
from appliance.transport.operator_http.faults import ErrorReply
from appliance.transport.operator_http.field_words import FIELD_WORDS

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
_ALWAYS = {"400", "403", "413", "421", "429", "500"}
_ACTING = {"409", "503"}


def document(routes: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """The description of these routes; those that serve the page are left out."""
    described = [route for route in routes if route.include_in_schema is not False]
    hints = {route: get_type_hints(route.fn, include_extras=True) for route in described}
    types: list[Any] = [ErrorReply]
    for found in hints.values():
        types += [_bare(it) for name, it in found.items() if name == "data" or (name == "return" and not _is_raw(it))]
        types += [_bare(it) for it in found.values() if _marker(it, ParameterKwarg)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    _describe(components)
    schema_of = dict(zip(map(_key, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        for path in route.paths:
            entry = paths.setdefault(_PARAMETER.sub(r"{\1}", path), {})
            for method in route.http_methods:
                if method != "OPTIONS":
                    entry[method.lower()] = _operation(route, path, hints[route], schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ReadyTrader for operators", "version": __version__, "description": INTRODUCTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token that signing in gives; it is good for ten minutes.",
                }
            },
        },
    }


def query_names(route: HTTPRouteHandler) -> frozenset[str]:
    """What may stand in the query of a route."""
    in_path = {name for path in route.paths for name in _PARAMETER.findall(path)}
    hints = get_type_hints(route.fn, include_extras=True)
    marked = {name: _marker(hint, ParameterKwarg) for name, hint in hints.items() if name not in in_path}
    return frozenset(marker.name or name for name, marker in marked.items() if marker is not None)


def _operation(
    route: HTTPRouteHandler, path: str, hints: dict[str, Any], schema_of: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """One method of one path."""
    role = route.opt.get("role")
    is_sign_in = route.opt.get("public") is True and "POST" in route.http_methods
    statuses = set(_ALWAYS)
    statuses |= {"401"} if isinstance(role, Role) or is_sign_in else set()
    statuses |= {"503"} if "GET" in route.http_methods else _ACTING
    in_path = set(_PARAMETER.findall(path))
    if in_path or "GET" in route.http_methods:
        statuses |= {"404", "409"}
    said = dict(ERRORS)
    if isinstance(role, Role):
        said = _with(said, SIGNED_IN_ERRORS)
    if is_sign_in:
        said |= SIGN_IN_ERRORS
    if "data" in hints and _takes_factor(hints["data"]):
        said = _with(said, FACTOR_ERRORS)
    operation: dict[str, Any] = {
        "operationId": route.fn.__name__,
        "tags": [route.fn.__module__.rpartition(".")[2].removesuffix("_routes")],
        "summary": (route.fn.__doc__ or "").strip().partition("\n")[0],
        "responses": {
            "200": {"description": "Done.", "content": _content(hints["return"], schema_of)},
            **{it: _error(it, said[it], schema_of) for it in sorted(statuses)},
        },
    }
    if isinstance(role, Role):
        operation["security"] = [{"session": []}]
        operation["description"] = f"For {role} and up."
    parameters = [
        _parameter(route.fn.__name__, name, it, name in in_path, schema_of)
        for name, it in hints.items()
        if _marker(it, ParameterKwarg)
    ]
    if parameters:
        operation["parameters"] = parameters
    if "data" in hints:
        content = {"application/json": {"schema": schema_of[_key(_bare(hints["data"]))]}}
        if route.fn.__name__ in EXAMPLES:
            content["application/json"]["example"] = EXAMPLES[route.fn.__name__]
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameter(
    operation: str, name: str, hint: Any, in_path: bool, schema_of: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    name = _marker(hint, ParameterKwarg).name or name
    return {
        "name": name,
        "in": "path" if in_path else "query",
        "required": in_path,
        "description": _words(operation, name),
        "schema": schema_of[_key(_bare(hint))],
    }


def _describe(components: dict[str, Any]) -> None:
    """Say of every field what it means."""
    for name, schema in components.items():
        for field, described in schema.get("properties", {}).items():
            described["description"] = _words(name, field)


def _words(owner: str, name: str) -> str:
    """What is said of it; nothing where its author forgot, which a test finds: no start fails for want of words."""
    return FIELD_WORDS.get(f"{owner}.{name}") or FIELD_WORDS.get(name, "")


def _with(said: dict[str, str], more: dict[str, str]) -> dict[str, str]:
    """The same statuses, with more that each may mean."""
    return said | {status: said[status] + text for status, text in more.items()}


def _takes_factor(hint: Any) -> bool:
    bare = _bare(hint)
    return isinstance(bare, type) and "factor" in getattr(bare, "__struct_fields__", ())


def _content(hint: Any, schema_of: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if _is_raw(hint):
        return {"*/*": {"schema": {}}}
    return {"application/json": {"schema": schema_of[_key(_bare(hint))]}}


def _error(status: str, said: str, schema_of: dict[str, dict[str, Any]]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": said,
        "content": {"application/json": {"schema": schema_of[_key(ErrorReply)]}},
    }
    if status == "429":
        answer["headers"] = {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}}
    return answer


def _marker(hint: Any, kind: type[Any]) -> Any:
    """What Litestar is told of a parameter, which stands among the annotations."""
    return next((it for it in getattr(hint, "__metadata__", ()) if isinstance(it, kind)), None)


def _bare(hint: Any) -> Any:
    """The type without Litestar's markers, and with msgspec's bounds, wherever they were written."""
    metadata = getattr(hint, "__metadata__", None)
    if metadata is None:
        return hint
    bounds = [it for it in metadata if isinstance(it, Meta)]
    for marker in metadata:
        if isinstance(marker, ParameterKwarg):
            said = {name: getattr(marker, name) for name in _BOUNDS if getattr(marker, name) is not None}
            bounds += [Meta(**said)] if said else []
    bare = get_args(hint)[0]
    if _marker(hint, ParameterKwarg) and NoneType in get_args(bare):
        # There is no way to write null in a query: it is left out.
        bare = next(it for it in get_args(bare) if it is not NoneType)
    for bound in bounds:
        bare = Annotated[bare, bound]
    return bare


def _is_raw(hint: Any) -> bool:
    """Whether the route answers with bytes of its own."""
    origin = getattr(hint, "__origin__", hint)
    return isinstance(origin, type) and issubclass(origin, Response)


def _key(hint: Any) -> str:
    return repr(hint)
