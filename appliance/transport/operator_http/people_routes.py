"""Agents and operators: whom an admin lets in, and whom no longer."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from appliance.transport import account_wire
from appliance.transport import operator_wire as wire
from appliance.transport.operator_http import bodies
from appliance.transport.operator_http.signed_in import ADMIN, VIEWER, Asked
from appliance.transport.operator_http.step_up import AddAgentAct, AddOperatorAct, DisableOperatorAct
from appliance.transport.operator_results import AgentView, Done, NewAgent, OperatorView


class Agents(Struct, frozen=True, kw_only=True):
    agents: list[AgentView]


class OperatorAccounts(Struct, frozen=True, kw_only=True):
    operators: list[OperatorView]


@get("/api/agents", opt=VIEWER)
async def agents(asking: Asked) -> Agents:
    """Every agent that was ever added."""
    return Agents(agents=await asking.many(wire.ListAgents(), AgentView))


@post("/api/agents", opt=ADMIN, status_code=200)
async def add_agent(asking: Asked, data: JSONBody[bodies.AgentWanted]) -> NewAgent:
    """Add an agent; its token is shown this once. Needs the second factor."""
    act = AddAgentAct(name=data.name, scopes=data.scopes, days=data.days, symbols=data.symbols)
    await asking.prove(act, data.factor)
    verb = wire.AddAgent(name=data.name, scopes=data.scopes, days=data.days, symbols=data.symbols)
    return await asking.one(verb, NewAgent)


@post("/api/agents/{name:str}/revoke", opt=ADMIN, status_code=200)
async def revoke_agent(asking: Asked, name: FromPath[wire.Name]) -> Done:
    """Close an agent's token for good."""
    return await asking.one(wire.RevokeAgent(name=name), Done)


@get("/api/operators", opt=ADMIN)
async def operators(asking: Asked) -> OperatorAccounts:
    """Every operator's account."""
    return OperatorAccounts(operators=await asking.many(account_wire.ListOperators(), OperatorView))


@post("/api/operators", opt=ADMIN, status_code=200)
async def add_operator(asking: Asked, data: JSONBody[bodies.NewOperator]) -> Done:
    """Add an account. Needs the second factor."""
    await asking.prove(AddOperatorAct(username=data.username, role=data.role), data.factor)
    return await asking.one(
        account_wire.AddOperator(username=data.username, role=data.role, password=data.password), Done
    )


@post("/api/operators/{username:str}/disable", opt=ADMIN, status_code=200)
async def disable_operator(
    asking: Asked, username: FromPath[account_wire.Username], data: JSONBody[bodies.Proof]
) -> Done:
    """Close an account; its sessions end at once. Needs the second factor."""
    await asking.prove(DisableOperatorAct(username=username), data.factor)
    return await asking.one(
        account_wire.ChangeOperator(username=username, change=account_wire.OperatorDeed.DISABLE), Done
    )


ROUTES = (agents, add_agent, revoke_agent, operators, add_operator, disable_operator)
