"""Limits: what holds and how much is used; tighter at once, looser with a second factor and a delay."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, JSONBody

from appliance.service.second_factors import Factor
from appliance.transport import operator_wire as wire
from appliance.transport.limit_results import ChangeView, LimitsView, UsageView
from appliance.transport.operator_http.bodies import Body, Proof
from appliance.transport.operator_http.signed_in import OPERATOR, VIEWER, Asked
from appliance.transport.operator_http.step_up import ConfirmLooseningAct, LoosenAct
from appliance.transport.operator_results import Done


class Tighten(Body, frozen=True, kw_only=True):
    """The setting's key, and its value as the configuration's environment writes it."""

    name: wire.LimitName
    value: wire.LimitValue
    reason: wire.Reason


class Loosen(Tighten, frozen=True, kw_only=True):
    factor: Factor | None = None


class Withdraw(Body, frozen=True, kw_only=True):
    reason: wire.Reason = "withdrawn"


@get("/api/limits", opt=VIEWER)
async def limits(asking: Asked) -> LimitsView:
    """Every limit as it holds, the loosenings that wait, and what was changed."""
    return await asking.one(wire.ListLimits(), LimitsView)


@get("/api/usage", opt=VIEWER)
async def usage(asking: Asked) -> UsageView:
    """How much of every limit on the portfolio is used now."""
    return await asking.one(wire.ShowUsage(), UsageView)


@post("/api/limits/tighten", opt=OPERATOR, status_code=200)
async def tighten(asking: Asked, data: JSONBody[Tighten]) -> ChangeView:
    """Let a limit allow less, from the next decision on."""
    return await asking.one(wire.TightenLimit(name=data.name, value=data.value, reason=data.reason), ChangeView)


@post("/api/limits/loosen", opt=OPERATOR, status_code=200)
async def loosen(asking: Asked, data: JSONBody[Loosen]) -> ChangeView:
    """Ask that a limit allow more. Needs the second factor, and holds once the delay is over."""
    factor = await asking.prove(LoosenAct(name=data.name, value=data.value), data.factor)
    verb = wire.LoosenLimit(name=data.name, value=data.value, reason=data.reason)
    return await asking.one(verb, ChangeView, factor)


@post("/api/limits/changes/{change_id:str}/confirm", opt=OPERATOR, status_code=200)
async def confirm(asking: Asked, change_id: FromPath[wire.Name], data: JSONBody[Proof]) -> ChangeView:
    """Want another person's loosening too, where more than one must. Needs the second factor."""
    factor = await asking.prove(ConfirmLooseningAct(change_id=change_id), data.factor)
    return await asking.one(wire.ConfirmLoosening(change_id=change_id), ChangeView, factor)


@post("/api/limits/changes/{change_id:str}/withdraw", opt=OPERATOR, status_code=200)
async def withdraw(asking: Asked, change_id: FromPath[wire.Name], data: JSONBody[Withdraw | None] = None) -> Done:
    """Take a loosening back before it holds; anybody may."""
    reason = "withdrawn" if data is None else data.reason
    return await asking.one(wire.WithdrawChange(change_id=change_id, reason=reason), Done)


ROUTES = (limits, usage, tighten, loosen, confirm, withdraw)
