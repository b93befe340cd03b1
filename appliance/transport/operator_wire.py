"""What the command line and the daemon say to each other: one JSON line per request, one per reply."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from appliance.domain.agents import AgentScope
from appliance.domain.events import ProposalState
from appliance.domain.operators import Role
from appliance.transport.account_wire import AccountVerb
from appliance.transport.operator_verb import Verb

Reason = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Scope = Annotated[str, Meta(min_length=1, max_length=100)]
LimitName = Annotated[str, Meta(min_length=1, max_length=100)]
"""A setting's key, e.g. `limits.position_max_pct`."""
LimitValue = Annotated[str, Meta(min_length=1, max_length=4_000)]
"""As the configuration's environment writes it."""
OneTimeCode = Annotated[str, Meta(min_length=6, max_length=10)]
Days = Annotated[int, Meta(ge=1, le=3650)]
PageSize = Annotated[int, Meta(ge=1, le=200)]
EntryNumber = Annotated[int, Meta(ge=0, le=1 << 53)]
Place = Annotated[str, Meta(min_length=1, max_length=400)]
"""Where a page begins: the `next` of the page before."""
SymbolName = Annotated[str, Meta(min_length=3, max_length=40)]
Signal = Annotated[str, Meta(min_length=1, max_length=32)]
Confidence = Annotated[str, Meta(min_length=1, max_length=8)]
"""0 to 1, as text: `0.75`."""
Reasoning = Annotated[str, Meta(max_length=1000)]
InsightLife = Annotated[int, Meta(ge=60, le=604_800)]
"""Seconds until an insight is forgotten."""


class Restriction(StrEnum):
    """What a person may restrict a scope to; a halt is a verb of its own."""

    REDUCE_ONLY = "reduce_only"
    CANCEL_ONLY = "cancel_only"


class Resolution(StrEnum):
    """What a person may say became of an order that nobody could find out about."""

    ABSENT = "absent"
    CANCELLED = "cancelled"


class ShowStatus(Verb, frozen=True, kw_only=True, tag="status"):
    needs = Role.VIEWER


class ListApprovals(Verb, frozen=True, kw_only=True, tag="approvals.list"):
    needs = Role.VIEWER


class ShowApproval(Verb, frozen=True, kw_only=True, tag="approvals.show"):
    needs = Role.OPERATOR

    request_id: Name


class Approve(Verb, frozen=True, kw_only=True, tag="approvals.approve"):
    needs = Role.OPERATOR

    request_id: Name
    confirm_token: Name


class RefuseApproval(Verb, frozen=True, kw_only=True, tag="approvals.refuse"):
    needs = Role.OPERATOR

    request_id: Name
    reason: Reason


class ListDecided(Verb, frozen=True, kw_only=True, tag="approvals.history"):
    """Proposals of any state, the newest first."""

    needs = Role.VIEWER

    state: ProposalState | None = None
    limit: PageSize = 50
    before: Place | None = None


class ListLimits(Verb, frozen=True, kw_only=True, tag="limits.list"):
    needs = Role.VIEWER


class ShowUsage(Verb, frozen=True, kw_only=True, tag="limits.usage"):
    needs = Role.VIEWER


class TightenLimit(Verb, frozen=True, kw_only=True, tag="limits.tighten"):
    needs = Role.OPERATOR

    name: LimitName
    value: LimitValue
    reason: Reason


class LoosenLimit(Verb, frozen=True, kw_only=True, tag="limits.loosen"):
    needs = Role.OPERATOR

    name: LimitName
    value: LimitValue
    reason: Reason
    code: OneTimeCode | None = None
    """Of the account that asks; a door that has had another factor proved gives none."""


class ConfirmLoosening(Verb, frozen=True, kw_only=True, tag="limits.confirm"):
    """Want another person's loosening too, where more than one must."""

    needs = Role.OPERATOR

    change_id: Name
    code: OneTimeCode | None = None
    """As for a loosening."""


class WithdrawChange(Verb, frozen=True, kw_only=True, tag="limits.withdraw"):
    needs = Role.OPERATOR

    change_id: Name
    reason: Reason = "withdrawn"


class HaltTrading(Verb, frozen=True, kw_only=True, tag="halt"):
    needs = Role.OPERATOR

    reason: Reason


class ResumeTrading(Verb, frozen=True, kw_only=True, tag="resume"):
    needs = Role.OPERATOR

    reason: Reason
    scope: Scope = "global"


class RestrictTrading(Verb, frozen=True, kw_only=True, tag="restrict"):
    needs = Role.OPERATOR

    scope: Scope
    state: Restriction
    reason: Reason


class AddAgent(Verb, frozen=True, kw_only=True, tag="agent.add"):
    needs = Role.ADMIN

    name: Name
    scopes: frozenset[AgentScope]
    days: Days
    symbols: frozenset[str] | None = None


class ListAgents(Verb, frozen=True, kw_only=True, tag="agent.list"):
    needs = Role.VIEWER


class RevokeAgent(Verb, frozen=True, kw_only=True, tag="agent.revoke"):
    needs = Role.ADMIN

    name: Name


class ListOrders(Verb, frozen=True, kw_only=True, tag="orders"):
    needs = Role.VIEWER

    symbol: SymbolName | None = None
    live_only: bool = False
    limit: PageSize = 50


class CancelOrder(Verb, frozen=True, kw_only=True, tag="order.cancel"):
    needs = Role.OPERATOR

    order_id: Name


class CancelAllOrders(Verb, frozen=True, kw_only=True, tag="order.cancel_all"):
    needs = Role.OPERATOR


class ResolveOrder(Verb, frozen=True, kw_only=True, tag="order.resolve"):
    needs = Role.OPERATOR

    order_id: Name
    state: Resolution
    reason: Reason


class ListVenues(Verb, frozen=True, kw_only=True, tag="venue.list"):
    needs = Role.VIEWER


class AcceptDrift(Verb, frozen=True, kw_only=True, tag="venue.accept"):
    needs = Role.OPERATOR

    venue: Name
    reason: Reason


class ShowPortfolio(Verb, frozen=True, kw_only=True, tag="portfolio"):
    needs = Role.VIEWER


class ShowMetrics(Verb, frozen=True, kw_only=True, tag="metrics"):
    """Every figure, for a page or a program."""

    needs = Role.VIEWER


class ExposeMetrics(Verb, frozen=True, kw_only=True, tag="metrics.expose"):
    """The same in Prometheus' text format."""

    needs = Role.VIEWER


class ListNotices(Verb, frozen=True, kw_only=True, tag="notices.list"):
    needs = Role.VIEWER

    failed: bool = False
    limit: PageSize = 50


class TryNotifier(Verb, frozen=True, kw_only=True, tag="notices.test"):
    needs = Role.OPERATOR

    name: Name


class ResendNotice(Verb, frozen=True, kw_only=True, tag="notices.resend"):
    needs = Role.OPERATOR

    notice_id: Name


class DismissNotice(Verb, frozen=True, kw_only=True, tag="notices.dismiss"):
    needs = Role.OPERATOR

    notice_id: Name


class ListTrades(Verb, frozen=True, kw_only=True, tag="trades"):
    """Every fill, the newest first; `before` is the `next` of the page before."""

    needs = Role.VIEWER

    symbol: SymbolName | None = None
    limit: PageSize = 50
    before: Place | None = None


class ShowEquity(Verb, frozen=True, kw_only=True, tag="equity"):
    """The account's worth over time; a week of it where `since` is not given."""

    needs = Role.VIEWER

    since: Annotated[datetime, Meta(tz=True)] | None = None
    points: Annotated[int, Meta(ge=4, le=2000)] = 500


class SearchJournal(Verb, frozen=True, kw_only=True, tag="journal.search"):
    needs = Role.VIEWER

    before: EntryNumber | None = None
    limit: PageSize = 50
    kind: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    text: Annotated[str, Meta(max_length=200)] = ""


class ShowEntry(Verb, frozen=True, kw_only=True, tag="journal.entry"):
    needs = Role.VIEWER

    seq: EntryNumber


class ShowCheckpoint(Verb, frozen=True, kw_only=True, tag="journal.checkpoint"):
    needs = Role.VIEWER


class ListInsights(Verb, frozen=True, kw_only=True, tag="insights"):
    needs = Role.VIEWER

    symbol: SymbolName | None = None


class PostInsight(Verb, frozen=True, kw_only=True, tag="insight.post"):
    needs = Role.OPERATOR

    symbol: SymbolName
    signal: Signal
    confidence: Confidence
    reasoning: Reasoning = ""
    ttl_seconds: InsightLife = 3600


class ListStrategies(Verb, frozen=True, kw_only=True, tag="strategies"):
    needs = Role.VIEWER


class SetStrategy(Verb, frozen=True, kw_only=True, tag="strategy.set"):
    needs = Role.OPERATOR

    name: Name
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    symbols: Annotated[tuple[Name, ...], Meta(max_length=50)] = ()


class WithdrawStrategy(Verb, frozen=True, kw_only=True, tag="strategy.withdraw"):
    needs = Role.OPERATOR

    name: Name


LookBackVerb = ListTrades | ShowEquity | SearchJournal | ShowEntry | ShowCheckpoint
InsightVerb = ListInsights | PostInsight | ListStrategies | SetStrategy | WithdrawStrategy


class ListSettings(Verb, frozen=True, kw_only=True, tag="settings"):
    needs = Role.VIEWER


ApprovalVerb = ListApprovals | ShowApproval | Approve | RefuseApproval | ListDecided
LimitVerb = ListLimits | ShowUsage | TightenLimit | LoosenLimit | ConfirmLoosening | WithdrawChange
OtherVerb = (
    ShowStatus
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
    | ListSettings
    | ShowMetrics
    | ExposeMetrics
    | ListNotices
    | TryNotifier
    | ResendNotice
    | DismissNotice
)
AnyVerb = ApprovalVerb | LimitVerb | LookBackVerb | InsightVerb | AccountVerb | OtherVerb


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one verb: a result, or an error in one line."""

    ok: bool
    error: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
