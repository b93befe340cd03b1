"""Proposals: what waits, what was decided, and a person's yes or no."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Struct

from appliance.domain.events import ProposalState
from appliance.service.second_factors import Factor
from appliance.transport import operator_wire as wire
from appliance.transport.approval_results import ApprovalDetail, ApprovalOutcome, ApprovalPage
from appliance.transport.operator_http.bodies import Body
from appliance.transport.operator_http.signed_in import OPERATOR, VIEWER, Asked
from appliance.transport.operator_http.step_up import ApproveAct

WhichState = Annotated[ProposalState | None, QueryParameter(name="state")]
"""`state` itself is a name that Litestar keeps for its own."""


class Pending(Struct, frozen=True, kw_only=True):
    pending: list[ApprovalDetail]


class Decision(Body, frozen=True, kw_only=True):
    """A yes needs the confirm token of whoever says it, and a second factor; a no needs neither."""

    request_id: wire.Name
    approve: bool
    confirm_token: wire.Name | None = None
    reason: wire.Reason = "refused"
    factor: Factor | None = None


@get("/api/pending-approvals", opt=VIEWER)
async def pending(asking: Asked) -> Pending:
    """What waits for a person, oldest first; with the confirm token for whoever may decide, and for them alone."""
    return Pending(pending=await asking.many(wire.ListApprovals(), ApprovalDetail))


@get("/api/approvals", opt=VIEWER)
async def approvals(
    asking: Asked,
    which: WhichState = None,
    limit: FromQuery[wire.PageSize] = 50,
    before: FromQuery[wire.Place | None] = None,
) -> ApprovalPage:
    """Proposals of one state or all, the newest first."""
    return await asking.one(wire.ListDecided(state=which, limit=limit, before=before), ApprovalPage)


@post("/api/approve-trade", opt=OPERATOR, status_code=200)
async def approve_trade(asking: Asked, data: JSONBody[Decision]) -> ApprovalOutcome:
    """Agree to exactly what was shown, or refuse. Agreeing needs the second factor."""
    if not data.approve:
        return await asking.one(wire.RefuseApproval(request_id=data.request_id, reason=data.reason), ApprovalOutcome)
    factor = await asking.prove(ApproveAct(request_id=data.request_id), data.factor)
    verb = wire.Approve(request_id=data.request_id, confirm_token=data.confirm_token or "none")
    return await asking.one(verb, ApprovalOutcome, factor)


ROUTES = (pending, approvals, approve_trade)
