"""Everything that can be written into the journal. State is a fold of these and of nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec import Struct
from readytrader_sdk.instruments import Asset, VenueId
from readytrader_sdk.orders import ClientOrderId, ExecutionReport
from readytrader_sdk.ports import KeyRights

from appliance.domain.agents import Agent
from appliance.domain.decision import Denied, Permitted, Proposal
from appliance.domain.intents import AgentId, Request, RequestId
from appliance.domain.limit_changes import (
    LimitChangeEnded,
    LimitSet,
    LimitsLooserAtStart,
    LooseningAsked,
    LooseningConfirmed,
)
from appliance.domain.limits import Limits
from appliance.domain.notices import NoticeDelivered, NoticeGivenUp, NoticeMade, NoticeResent, NoticeSeen
from appliance.domain.operators import Role
from appliance.domain.series import EquityMarked
from appliance.domain.snapshot import Mode, Snapshot
from appliance.domain.told import DayTold, InsightPosted, JournalTakenOut, StrategySet
from appliance.domain.trading_state import ScopeState


class CoreStarted(Struct, frozen=True, kw_only=True):
    """The core came up with this configuration; every decision until the next start was made under these limits."""

    version: str
    mode: Mode
    configuration_digest: str
    limits: Limits


class CoreStopped(Struct, frozen=True, kw_only=True):
    """The core went down in good order."""

    reason: str


class AgentAdded(Struct, frozen=True, kw_only=True):
    agent: Agent
    by: str


class AgentRevoked(Struct, frozen=True, kw_only=True):
    agent_id: AgentId
    by: str


class AuthenticationRefused(Struct, frozen=True, kw_only=True):
    """Somebody came without a good token. The token itself is never kept."""

    listener: str
    reason: str


class OperatorChange(StrEnum):
    """What became of an operator's account."""

    ADDED = "added"
    ROLE = "role"
    BOUND = "bound"
    """To a Unix user, or to none any more."""
    PASSWORD = "password"  # noqa: S105 - what changed, not what it is
    TOTP = "totp"
    """One-time codes were set up anew."""
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    FACTORS_REMOVED = "factors_removed"
    UNLOCKED = "unlocked"
    DISABLED = "disabled"
    ENABLED = "enabled"


class OperatorChanged(Struct, frozen=True, kw_only=True):
    """An operator's account changed. What proves who they are is never in the journal."""

    username: str
    change: OperatorChange
    by: str
    role: Role
    """As it is from now on."""
    uid: int | None = None
    """The Unix user that is this operator."""


class OperatorSignedIn(Struct, frozen=True, kw_only=True):
    username: str
    factors: tuple[str, ...]
    """What was proved: password, totp."""


class OperatorSignedOut(Struct, frozen=True, kw_only=True):
    """A session ended before its time."""

    username: str
    reason: str


class OperatorLockedOut(Struct, frozen=True, kw_only=True):
    """So many sign-ins failed in a row that further ones must wait; written once per wait."""

    username: str
    failures: int
    wait_s: int


class RequestThrottled(Struct, frozen=True, kw_only=True):
    """An agent ran into a rate limit; written once per window, so that a flood cannot fill the disk."""

    agent_id: AgentId
    budget: str
    limit_per_minute: int


class RequestDenied(Struct, frozen=True, kw_only=True):
    request: Request
    snapshot: Snapshot | None
    """None when it was refused at the door, before any fact was looked at."""
    denied: Denied


class ProposalMade(Struct, frozen=True, kw_only=True):
    request: Request
    snapshot: Snapshot
    proposal: Proposal


class ApprovalGiven(Struct, frozen=True, kw_only=True):
    """One person's yes to exactly what was shown. Whether it is enough, a `ProposalDecided` says."""

    request_id: RequestId
    by: str
    factor: str
    """What they proved it with beyond being signed in: `totp`, `passkey`, or `socket` where the kernel vouches."""
    intent_digest: str
    price_worst: Decimal


class ProposalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class ProposalDecided(Struct, frozen=True, kw_only=True):
    """A person decided, or time ran out. An approval is written before the pipeline runs again."""

    request_id: RequestId
    state: ProposalState
    by: str
    reason: str


class OrderPermitted(Struct, frozen=True, kw_only=True):
    """The write-ahead: durable before anything leaves. From here on the order may exist at the venue."""

    request: Request
    snapshot: Snapshot
    permitted: Permitted


class ReportSource(StrEnum):
    VENUE = "venue"
    RECONCILIATION = "reconciliation"
    CORE = "core"
    """Our own knowledge: the call failed, and nobody knows more yet."""
    OPERATOR = "operator"
    """A person looked at the venue and said what became of it."""


class OrderReported(Struct, frozen=True, kw_only=True):
    report: ExecutionReport
    source: ReportSource


class ReportRefused(Struct, frozen=True, kw_only=True):
    """A venue said something that cannot be true of the order; it changed nothing, and trading is narrowed."""

    report: ExecutionReport
    reason: str


class CancelRequested(Struct, frozen=True, kw_only=True):
    client_order_id: ClientOrderId
    by: str


class FundsMoved(Struct, frozen=True, kw_only=True):
    """Money came in or went out by somebody's will, not by trading. `value` is in the accounting asset."""

    account: str
    asset: Asset
    amount: Decimal
    """Positive in, negative out."""
    value: Decimal
    nav: Decimal
    """Net asset value per unit at which units were made or redeemed."""
    by: str
    reason: str


class TradingStateSet(Struct, frozen=True, kw_only=True):
    scope_state: ScopeState


class NavMarked(Struct, frozen=True, kw_only=True):
    """The reference points of the loss limits."""

    account: str
    day: date
    nav_day_open: Decimal
    nav_peak: Decimal


class DriftFound(Struct, frozen=True, kw_only=True):
    """The venue's balance is not what the journal says."""

    account: str
    asset: Asset
    expected: Decimal
    found: Decimal


class VenueChanged(Struct, frozen=True, kw_only=True):
    """A venue became fit for orders, or ceased to be; `problem` says why."""

    venue: VenueId
    problem: str | None


class KeyRightsSeen(Struct, frozen=True, kw_only=True):
    """What a venue says that our key may do; told again only when it changes."""

    venue: VenueId
    rights: KeyRights | None
    """None where the venue does not say."""
    accepted: tuple[str, ...]
    """The risks of this key that the configuration accepts."""
    accepted_by: str


class ForeignOrderFound(Struct, frozen=True, kw_only=True):
    """A venue has an open order that nobody here sent."""

    venue: VenueId
    order: str
    """Its client order ID, or `venue:` and the venue's own."""


class FillMissed(Struct, frozen=True, kw_only=True):
    """Reconciliation found fills that the venue's stream had not told."""

    client_order_id: ClientOrderId
    fill_ids: tuple[str, ...]


class OutcomeUnresolved(Struct, frozen=True, kw_only=True):
    """An order's outcome could not be found out for so long that a person must look at the venue."""

    client_order_id: ClientOrderId
    asked: int
    """How often."""


class AllCancelRequested(Struct, frozen=True, kw_only=True):
    """A venue is asked to cancel everything, until it says that nothing is open."""

    venue: VenueId
    by: str


class AllCancelled(Struct, frozen=True, kw_only=True):
    """A venue said that nothing is open any more."""

    venue: VenueId
    attempts: int


Event = (
    CoreStarted
    | CoreStopped
    | AgentAdded
    | AgentRevoked
    | AuthenticationRefused
    | OperatorChanged
    | OperatorSignedIn
    | OperatorSignedOut
    | OperatorLockedOut
    | RequestThrottled
    | RequestDenied
    | ProposalMade
    | ProposalDecided
    | OrderPermitted
    | OrderReported
    | ReportRefused
    | CancelRequested
    | FundsMoved
    | TradingStateSet
    | NavMarked
    | DriftFound
    | VenueChanged
    | KeyRightsSeen
    | ForeignOrderFound
    | FillMissed
    | OutcomeUnresolved
    | AllCancelRequested
    | AllCancelled
    | NoticeMade
    | NoticeDelivered
    | NoticeGivenUp
    | NoticeResent
    | NoticeSeen
    | ApprovalGiven
    | LooseningAsked
    | LooseningConfirmed
    | LimitSet
    | LimitChangeEnded
    | LimitsLooserAtStart
    | EquityMarked
    | InsightPosted
    | StrategySet
    | DayTold
    | JournalTakenOut
)

KINDS: dict[str, type[Event]] = {
    "core.started": CoreStarted,
    "core.stopped": CoreStopped,
    "agent.added": AgentAdded,
    "agent.revoked": AgentRevoked,
    "authentication.refused": AuthenticationRefused,
    "operator.changed": OperatorChanged,
    "operator.signed_in": OperatorSignedIn,
    "operator.signed_out": OperatorSignedOut,
    "operator.locked_out": OperatorLockedOut,
    "request.throttled": RequestThrottled,
    "request.denied": RequestDenied,
    "proposal.made": ProposalMade,
    "proposal.decided": ProposalDecided,
    "order.permitted": OrderPermitted,
    "order.reported": OrderReported,
    "report.refused": ReportRefused,
    "cancel.requested": CancelRequested,
    "funds.moved": FundsMoved,
    "trading_state.set": TradingStateSet,
    "nav.marked": NavMarked,
    "drift.found": DriftFound,
    "venue.changed": VenueChanged,
    "key_rights.seen": KeyRightsSeen,
    "foreign_order.found": ForeignOrderFound,
    "fill.missed": FillMissed,
    "outcome.unresolved": OutcomeUnresolved,
    "all_cancel.requested": AllCancelRequested,
    "all_cancel.done": AllCancelled,
    "notice.made": NoticeMade,
    "notice.delivered": NoticeDelivered,
    "notice.given_up": NoticeGivenUp,
    "notice.resent": NoticeResent,
    "notice.seen": NoticeSeen,
    "approval.given": ApprovalGiven,
    "limit.loosening_asked": LooseningAsked,
    "limit.loosening_confirmed": LooseningConfirmed,
    "limit.set": LimitSet,
    "limit.change_ended": LimitChangeEnded,
    "limits.looser_at_start": LimitsLooserAtStart,
    "equity.marked": EquityMarked,
    "insight.posted": InsightPosted,
    "strategy.set": StrategySet,
    "day.told": DayTold,
    "journal.taken_out": JournalTakenOut,
}
KIND_OF: dict[type[Event], str] = {event_type: kind for kind, event_type in KINDS.items()}

_decoders = {kind: msgspec.json.Decoder(event_type) for kind, event_type in KINDS.items()}


def decode_event(kind: str, body: bytes | msgspec.Raw) -> Event:
    """The event of a journal entry. Raises `msgspec.ValidationError` for a body that is not of its kind."""
    return _decoders[kind].decode(body)
