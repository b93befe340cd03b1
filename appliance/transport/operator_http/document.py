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
from appliance.transport.operator_http.faults import ErrorReply

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
_ALWAYS = {"400", "413", "429", "500"}
_SIGNED_IN = {"401", "403"}
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
        "info": {"title": "ReadyTrader for operators", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
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
    statuses = set(_ALWAYS)
    statuses |= _SIGNED_IN if isinstance(role, Role) else {"403"}
    statuses |= {"503"} if "GET" in route.http_methods else _ACTING
    in_path = set(_PARAMETER.findall(path))
    if in_path or "GET" in route.http_methods:
        statuses |= {"404", "409"}
    if route.opt.get("public") is True and "POST" in route.http_methods:
        statuses |= {"401"}
    operation: dict[str, Any] = {
        "operationId": route.fn.__name__,
        "summary": (route.fn.__doc__ or "").strip().partition("\n")[0],
        "responses": {
            "200": {"description": "done", "content": _content(hints["return"], schema_of)},
            **{it: _error(it, schema_of) for it in sorted(statuses)},
        },
    }
    if isinstance(role, Role):
        operation["security"] = [{"session": []}]
        operation["description"] = f"For {role} and up."
    parameters = [
        _parameter(name, it, name in in_path, schema_of) for name, it in hints.items() if _marker(it, ParameterKwarg)
    ]
    if parameters:
        operation["parameters"] = parameters
    if "data" in hints:
        content = {"application/json": {"schema": schema_of[_key(_bare(hints["data"]))]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameter(name: str, hint: Any, in_path: bool, schema_of: dict[str, dict[str, Any]]) -> dict[str, Any]:
    schema = schema_of[_key(_bare(hint))]
    marker = _marker(hint, ParameterKwarg)
    return {"name": marker.name or name, "in": "path" if in_path else "query", "required": in_path, "schema": schema}


def _content(hint: Any, schema_of: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if _is_raw(hint):
        return {"*/*": {"schema": {}}}
    return {"application/json": {"schema": schema_of[_key(_bare(hint))]}}


def _error(status: str, schema_of: dict[str, dict[str, Any]]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": "refused",
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
