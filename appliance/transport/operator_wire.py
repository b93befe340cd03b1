"""What the command line and the daemon say to each other: one JSON line per request, one per reply."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from appliance.domain.agents import AgentScope

Reason = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Scope = Annotated[str, Meta(min_length=1, max_length=100)]
Days = Annotated[int, Meta(ge=1, le=3650)]


class Restriction(StrEnum):
    """What a person may restrict a scope to; a halt is a verb of its own."""

    REDUCE_ONLY = "reduce_only"
    CANCEL_ONLY = "cancel_only"


class Resolution(StrEnum):
    """What a person may say became of an order that nobody could find out about."""

    ABSENT = "absent"
    CANCELLED = "cancelled"


class Verb(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb"):
    """A request."""


class ShowStatus(Verb, frozen=True, kw_only=True, tag="status"):
    pass


class ListApprovals(Verb, frozen=True, kw_only=True, tag="approvals.list"):
    pass


class ShowApproval(Verb, frozen=True, kw_only=True, tag="approvals.show"):
    request_id: Name


class Approve(Verb, frozen=True, kw_only=True, tag="approvals.approve"):
    request_id: Name
    confirm_token: Name


class RefuseApproval(Verb, frozen=True, kw_only=True, tag="approvals.refuse"):
    request_id: Name
    reason: Reason


class HaltTrading(Verb, frozen=True, kw_only=True, tag="halt"):
    reason: Reason


class ResumeTrading(Verb, frozen=True, kw_only=True, tag="resume"):
    reason: Reason
    scope: Scope = "global"


class RestrictTrading(Verb, frozen=True, kw_only=True, tag="restrict"):
    scope: Scope
    state: Restriction
    reason: Reason


class AddAgent(Verb, frozen=True, kw_only=True, tag="agent.add"):
    name: Name
    scopes: frozenset[AgentScope]
    days: Days
    symbols: frozenset[str] | None = None


class ListAgents(Verb, frozen=True, kw_only=True, tag="agent.list"):
    pass


class RevokeAgent(Verb, frozen=True, kw_only=True, tag="agent.revoke"):
    name: Name


class ListOrders(Verb, frozen=True, kw_only=True, tag="orders"):
    symbol: str | None = None
    live_only: bool = False
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class CancelOrder(Verb, frozen=True, kw_only=True, tag="order.cancel"):
    order_id: Name


class CancelAllOrders(Verb, frozen=True, kw_only=True, tag="order.cancel_all"):
    pass


class ResolveOrder(Verb, frozen=True, kw_only=True, tag="order.resolve"):
    order_id: Name
    state: Resolution
    reason: Reason


class ListVenues(Verb, frozen=True, kw_only=True, tag="venue.list"):
    pass


class AcceptDrift(Verb, frozen=True, kw_only=True, tag="venue.accept"):
    venue: Name
    reason: Reason


class ShowPortfolio(Verb, frozen=True, kw_only=True, tag="portfolio"):
    pass


AnyVerb = (
    ShowStatus
    | ListApprovals
    | ShowApproval
    | Approve
    | RefuseApproval
    | HaltTrading
    | ResumeTrading
    | RestrictTrading
    | AddAgent
    | ListAgents
    | RevokeAgent
    | ListOrders
    | CancelOrder
    | CancelAllOrders
    | ResolveOrder
    | ListVenues
    | AcceptDrift
    | ShowPortfolio
)


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one verb: a result, or an error in one line."""

    ok: bool
    error: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
