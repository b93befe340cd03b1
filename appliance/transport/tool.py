"""What a tool is, and who calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, NamedTuple

from msgspec import Struct

from appliance.domain.agents import AgentScope
from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.service.outcomes import Refused
from appliance.service.rate_limits import Budget
from appliance.transport.tool_arguments import Arguments
from appliance.transport.tool_results import Answer


class Effect(Enum):
    """What a call can do to the world; becomes the tool's annotations, which are hints and never a control."""

    READS = "reads"
    ADDS = "adds"
    """Changes something, and a second call changes it again."""
    LOWERS = "lowers"
    """Takes orders away; a second call finds nothing to take."""
    TRADES = "trades"
    """May move value, at a venue that others trade at too."""


class Caller(NamedTuple):
    """The core, who asks it, and by which tool."""

    core: Core
    principal: Principal
    tool: str


Handler = Callable[[Caller, Any], Awaitable[Answer | Refused]]
"""Takes a caller and a value of the tool's own arguments type."""


Offered = Callable[[Core], bool]
"""Says whether a tool is listed, and can be called."""


def always(_core: Core) -> bool:
    """What every agent is offered."""
    return True


class Tool(Struct, frozen=True, kw_only=True):
    """One row of the catalog."""

    name: str
    description: str
    arguments: type[Arguments]
    result: type[Answer]
    effect: Effect
    handler: Handler
    budget: Budget | None
    """What a call draws on; None where the desk draws it itself."""
    scope: AgentScope | None = AgentScope.READ
    """What the token must open; None where the pipeline looks, or where the call only ever lowers the risk."""
    offered: Offered = always
    """What cannot work as this appliance is configured would only cost an agent's attention."""
