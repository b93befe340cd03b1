"""The MCP server: one catalog for the revisions 2026-07-28 and 2025-11-25, whatever the bytes travel over."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import mcp_types
import msgspec
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from appliance.domain.codes import Code
from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.transport.insight_tools import INSIGHT_CATALOG
from appliance.transport.tool import Effect, Tool
from appliance.transport.tool_results import Answer, Refusal
from appliance.transport.tool_schemas import input_schema, output_schema
from appliance.transport.tools import CATALOG, call_tool

log = logging.getLogger(__name__)

NAME = "readytrader"
INSTRUCTIONS = (
    "ReadyTrader trades for you within limits that its operator set and that no tool can change. "
    "Amounts are text, with or without their unit (0.01 or 0.01 BTC). "
    "ok=false with denials is final for that request: each denial gives code, rule, observed, limit and remedy; "
    "amount_max is the largest amount that would pass now, retry_after_s when to try again. "
    "status=held means that a person must approve; only the operator can, elsewhere; follow it with get_proposal. "
    "Once approved, its request_id is the order_id. APPROVAL_REQUIRED of validate_trade_risk: it would be held."
)

PrincipalOf = Callable[[ServerRequestContext[Any, Any]], Principal]
"""Who makes this very request: never remembered from an earlier one."""

_FAULTS = frozenset({Code.INVALID_ARGUMENT, Code.INTERNAL_ERROR})
"""Refusals that MCP calls tool execution errors: the call itself was wrong, or we are."""

_HINTS: dict[Effect, mcp_types.ToolAnnotations] = {
    Effect.READS: mcp_types.ToolAnnotations(read_only_hint=True),
    Effect.ADDS: mcp_types.ToolAnnotations(destructive_hint=False, open_world_hint=False),
    Effect.LOWERS: mcp_types.ToolAnnotations(idempotent_hint=True, open_world_hint=False),
    Effect.TRADES: mcp_types.ToolAnnotations(destructive_hint=True),
}


def describe(tool: Tool) -> mcp_types.Tool:
    """A tool as MCP lists it."""
    return mcp_types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=input_schema(tool.arguments),
        output_schema=output_schema(tool.result),
        annotations=_HINTS[tool.effect],
    )


class Listing(NamedTuple):
    """Tools as MCP lists them."""

    listed: tuple[mcp_types.Tool, ...]
    sha256: str
    """Changes when any tool does: a client that pinned it sees a catalog that was changed behind its back."""


def listing_of(tools: Iterable[Tool]) -> Listing:
    """These tools, described."""
    listed = tuple(map(describe, tools))
    described = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]
    return Listing(listed, hashlib.sha256(msgspec.json.encode(described)).hexdigest())


_EVERY_TOOL = {**CATALOG, **INSIGHT_CATALOG}


@cache
def _listing(names: tuple[str, ...]) -> Listing:
    return listing_of(_EVERY_TOOL[name] for name in names)


def offered_by(core: Core) -> Listing:
    """What this core lists now, to every agent the same: what cannot work as it is configured is left out."""
    return _listing(tuple(name for name, tool in _EVERY_TOOL.items() if tool.offered(core)))


def build_server(core: Core, principal_of: PrincipalOf) -> Server[dict[str, Any]]:
    """A server over this core. Sessions carry no right: `principal_of` is asked at every call."""
    running: set[asyncio.Task[Answer]] = set()

    async def list_tools(
        _context: ServerRequestContext[Any, Any], _page: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListToolsResult:
        listing = offered_by(core)
        return mcp_types.ListToolsResult(tools=list(listing.listed), _meta={f"{NAME}/catalog": listing.sha256[:16]})

    async def call(
        context: ServerRequestContext[Any, Any], asked: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult:
        tool = _EVERY_TOOL.get(asked.name)
        if tool is None:
            raise MCPError(mcp_types.INVALID_PARAMS, f"Unknown tool: {asked.name[:64]}")
        if not tool.offered(core):
            raise MCPError(mcp_types.INVALID_PARAMS, f"Unknown tool: {tool.name} is not switched on by the operator")
        calling = asyncio.create_task(call_tool(core, principal_of(context), tool, asked.arguments or {}))
        if tool.effect is not Effect.READS:
            # Once begun, it ends: a caller who hangs up must not leave a cancellation half recorded.
            running.add(calling)
            calling.add_done_callback(running.discard)
            calling_or_gone: asyncio.Future[Answer] = asyncio.shield(calling)
        else:
            calling_or_gone = calling
        return _result(await calling_or_gone, core)

    server: Server[dict[str, Any]] = Server(
        NAME,
        version=core.identity.version,
        instructions=INSTRUCTIONS,
        cache_hints={"tools/list": CacheHint(), "server/discover": CacheHint()},
        on_list_tools=list_tools,
        on_call_tool=call,
    )
    server.middleware.clear()  # the tracing one: an agent's arguments belong into the journal and nowhere else
    return server


def _result(answer: Answer, core: Core) -> mcp_types.CallToolResult:
    text = msgspec.json.encode(answer)
    fault = isinstance(answer, Refusal) and any(denial.code in _FAULTS for denial in answer.denials)
    return mcp_types.CallToolResult(
        content=[mcp_types.TextContent(text=text.decode())],
        structured_content=msgspec.json.decode(text),
        is_error=fault,
        _meta={f"{NAME}/checkpoint": _checkpoint(core.journal.checkpoint)},
    )


def _checkpoint(note: str) -> dict[str, str | int]:
    """Size and root of the newest checkpoint: whoever keeps the transcript can prove later what the journal was."""
    _origin, size, root, *_ = note.split("\n", 3)
    return {"size": int(size), "root": root}
