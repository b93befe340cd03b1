"""What a person decides: proposals and limits. A part of `OperatorActs`, which every door for people leads to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from msgspec import Struct
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.events import ProposalState
from appliance.domain.intents import RequestId
from appliance.domain.operators import Person, Role
from appliance.domain.orders import Order
from appliance.domain.proposals import ProposalRecord
from appliance.service.approvals import SOCKET
from appliance.service.core import Core
from appliance.service.limit_book import BIND_ADVICE
from appliance.service.outcomes import Held, Refused
from appliance.service.second_factors import Factor
from appliance.transport import approval_results as results
from appliance.transport import approval_views as views
from appliance.transport import limit_views
from appliance.transport import operator_wire as wire
from appliance.transport.foreign_text import printable
from appliance.transport.operator_results import Done, OperatorOrder
from appliance.transport.operator_views import operator_order

LISTED_MAX = 200
"""Proposals that one list shows, the oldest first: what is decided makes room."""
HISTORY_SHOWN = 50


class VerbRefused(Exception):
    """What was asked cannot be done. The message is the operator's answer."""


async def decide_on_proposals(
    core: Core, verb: wire.ApprovalVerb, person: Person, factor: str = ""
) -> Struct | list[Struct]:
    """Show, approve or refuse. Raises `VerbRefused`."""
    approvals, limits = core.approvals, core.limits
    match verb:
        case wire.ListApprovals():
            return [detail async for detail in _waiting(core, person)]
        case wire.ListDecided(state=state, limit=limit, before=before):
            records, following = core.history.proposals(limit, before, state)
            found = tuple(views.decided_approval(it, limits, _order_of(core, it)) for it in records)
            return results.ApprovalPage(approvals=found, next=following)
        case wire.ShowApproval(request_id=request_id):
            one = approvals.show(RequestId(request_id), person)
            if one is None:
                raise VerbRefused(f"no proposal {request_id!r}")
            return views.approval_detail(one, limits, with_token=True, order=_order_of(core, one.record))
        case wire.Approve(request_id=request_id, confirm_token=confirm_token):
            outcome = await approvals.approve(RequestId(request_id), confirm_token, person, factor or SOCKET)
            if isinstance(outcome, Refused):
                raise VerbRefused(refusal_text(outcome))
            order = None if isinstance(outcome, Held) else operator_order(outcome.order)
            return _outcome(core, request_id, "waiting_for_another" if order is None else "approved", order)
        case wire.RefuseApproval(request_id=request_id, reason=reason):
            refused = await approvals.refuse(RequestId(request_id), person.name, printable(reason, 200))
            if isinstance(refused, Refused):
                raise VerbRefused(refusal_text(refused))
            return _outcome(core, request_id, "refused")


def _order_of(core: Core, record: ProposalRecord) -> Order | None:
    """The order that an approved proposal became: they have one ID."""
    approved = record.state is ProposalState.APPROVED
    return core.history.order(ClientOrderId(record.request.request_id)) if approved else None


async def _waiting(core: Core, person: Person) -> AsyncIterator[results.ApprovalDetail]:
    """Each proposal that waits. Others have their turn between two, for each is looked at with every fact of now, of
    which there may be many: orders do not wait for a list."""
    may_decide = person.role.covers(Role.OPERATOR)
    for record in core.approvals.pending()[:LISTED_MAX]:
        await asyncio.sleep(0)
        shown = core.approvals.show(record.request.request_id, person)
        if shown is not None and shown.record.state is ProposalState.PENDING:
            yield views.approval_detail(shown, core.limits, with_token=may_decide)


def _outcome(core: Core, request_id: str, state: str, order: OperatorOrder | None = None) -> results.ApprovalOutcome:
    record = core.history.proposal(RequestId(request_id))
    given = () if record is None else core.approvals.people(record)
    needed = 1 if record is None else core.approvals.people_needed(record)
    return results.ApprovalOutcome(ok=True, state=state, approvals_given=given, approvals_needed=needed, order=order)


async def decide_on_limits(core: Core, verb: wire.LimitVerb, person: Person, factor: str = "") -> Struct:
    """Show and change limits; to loosen one, `factor` must have been proved, or the verb have a code. Raises
    `LimitRefused` and `FactorRefused`."""
    book = core.limit_book
    match verb:
        case wire.ListLimits():
            return limit_views.limits_view(book, core.history.limit_changes(HISTORY_SHOWN))
        case wire.ShowUsage():
            return limit_views.usage_view(core.desk.gauges())
        case wire.TightenLimit(name=name, value=value, reason=reason):
            return limit_views.change_view(await book.tighten(name, value, person, printable(reason, 200)))
        case wire.LoosenLimit(name=name, value=value, reason=reason):
            factor = factor or await _code_proved(core, person, verb.code, book.subject(name, value))
            return limit_views.change_view(await book.loosen(name, value, person, factor, printable(reason, 200)))
        case wire.ConfirmLoosening(change_id=change_id):
            factor = factor or await _code_proved(
                core, person, verb.code, f"confirm:{book.waiting(change_id).change_id}"
            )
            return limit_views.change_view(await book.confirm(change_id, person, factor))
        case wire.WithdrawChange(change_id=change_id, reason=reason):
            await book.withdraw(change_id, person, printable(reason, 200))
            return Done()


async def _code_proved(core: Core, person: Person, code: str | None, subject: str) -> str:
    """Have a one-time code proved where the door asked for no factor; says what to do where there can be none."""
    if not person.is_account:
        raise VerbRefused(f"{person.name} is no operator's account, so there is no second factor; {BIND_ADVICE}")
    if code is None:
        raise VerbRefused("loosening a limit needs a second factor: give a one-time code of your account")
    return await core.operators.factors.prove(person, Factor(totp=code), subject)


def refusal_text(refused: Refused) -> str:
    """Every reason in one line."""
    return "; ".join(f"{denial.code}: {denial.text}" for denial in refused.denials)
