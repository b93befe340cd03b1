"""What an operator is told of an event, in words: which events are worth a notice, and how soon somebody should look.

A notice holds no confirm token, no key and no secret. What an agent or a venue wrote is capped and made printable; the
agent's own note is left out, for it is written to persuade.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from msgspec import Struct
from readytrader_sdk.money import text_from_decimal
from readytrader_sdk.orders import OrderState
from readytrader_sdk.ports import Severity, TransferRequest

from appliance.domain.events import (
    AgentAdded,
    AgentRevoked,
    AllCancelled,
    AllCancelRequested,
    ApprovalGiven,
    AuthenticationRefused,
    DriftFound,
    Event,
    FillMissed,
    ForeignOrderFound,
    FundsMoved,
    KeyRightsSeen,
    OperatorChanged,
    OperatorLockedOut,
    OperatorSignedIn,
    OrderReported,
    OutcomeUnresolved,
    ProposalDecided,
    ProposalMade,
    ProposalState,
    ReportRefused,
    RequestThrottled,
    TradingStateSet,
    VenueChanged,
)
from appliance.domain.intents import Intent, OrderIntent, SwapIntent
from appliance.domain.limit_changes import (
    ChangeState,
    LimitChangeEnded,
    LimitSet,
    LimitsLooserAtStart,
    LooseningAsked,
    LooseningConfirmed,
)
from appliance.domain.orders import Order
from appliance.domain.state import Touched
from appliance.domain.told import DayTold
from appliance.domain.trading_state import TradingState, scope_words
from appliance.service.journal_words import plain, reason_words
from appliance.service.key_rights import risk_of

TEXT_MAX = 600


class Words(Struct, frozen=True, kw_only=True):
    """A notice before it has an ID and a time."""

    severity: Severity
    subject: str
    text: str


@singledispatch
def words_of(event: object) -> Words | None:  # noqa: ARG001 - the fallback looks at nothing
    """What to tell of an event, or None where it is not worth a notice."""
    return None


@words_of.register
def _(event: ProposalMade) -> Words:
    proposal, request = event.proposal, event.request
    pay = proposal.terms.pay
    reasons = "; ".join(str(reason.code) for reason in proposal.reasons)
    return words(
        Severity.WARNING,
        f"a proposal waits: {_asked(request.intent)}",
        f"Agent {request.agent_id} asks for request {request.request_id}: {_asked(request.intent)}, which takes at "
        f"most {text_from_decimal(pay.value)} {pay.asset}, fees included. Held because of "
        f"{reasons or 'the approval mode'}. It expires at "
        f"{proposal.expires_at:%H:%M:%S} UTC. Decide with: readytrader approvals show {request.request_id}",
    )


@words_of.register
def _(event: ProposalDecided) -> Words:
    expired = event.state is ProposalState.EXPIRED
    return words(
        Severity.WARNING if expired else Severity.INFO,
        f"proposal {event.request_id} is {event.state}",
        f"By {event.by}: {event.reason}." if event.reason else f"By {event.by}.",
    )


_SEVERITY = {
    TradingState.ACTIVE: Severity.INFO,
    TradingState.REDUCE_ONLY: Severity.WARNING,
    TradingState.CANCEL_ONLY: Severity.CRITICAL,
    TradingState.HALTED: Severity.CRITICAL,
}


@words_of.register
def _(event: TradingStateSet) -> Words:
    set_to = event.scope_state
    text = f"Set by {set_to.by}: {set_to.reason}."
    if set_to.state is not TradingState.ACTIVE:
        text += f" Only an operator loosens it: readytrader resume --scope {set_to.scope}"
    return words(_SEVERITY[set_to.state], f"{scope_words(set_to.scope)} is {set_to.state.replace('_', ' ')}", text)


@words_of.register
def _(event: DriftFound) -> Words:
    expected, found = text_from_decimal(event.expected), text_from_decimal(event.found)
    return words(
        Severity.CRITICAL,
        f"{event.asset} at {event.account} is not what the journal says",
        f"Expected {expected}, found {found}. Look at the venue; if it is right: readytrader venue accept "
        f"{event.account} --reason WHY",
    )


@words_of.register
def _(event: ForeignOrderFound) -> Words:
    return words(
        Severity.CRITICAL,
        f"{event.venue} has an open order that nobody here sent",
        f"Its ID there is {event.order}. Somebody else uses this account or its key.",
    )


@words_of.register
def _(event: FillMissed) -> Words:
    return words(
        Severity.WARNING,
        f"fills of order {event.client_order_id} were missed and found",
        f"{len(event.fill_ids)} fills were not told by the venue's stream; reconciliation found and booked them.",
    )


@words_of.register
def _(event: OutcomeUnresolved) -> Words:
    return words(
        Severity.CRITICAL,
        f"nobody knows what became of order {event.client_order_id}",
        f"The venue was asked {event.asked} times. Look there, then: readytrader order resolve "
        f"{event.client_order_id} absent|cancelled --reason WHY",
    )


@words_of.register
def _(event: ReportRefused) -> Words:
    return words(
        Severity.CRITICAL,
        f"an impossible report on order {event.report.client_order_id}",
        f"It changed nothing, and trading is narrowed: {event.reason}",
    )


@words_of.register
def _(event: KeyRightsSeen) -> Words:
    risk = risk_of(event.rights)
    if risk is None:
        return words(Severity.INFO, f"the key at {event.venue} cannot withdraw", "The venue says so.")
    taken = f"accepted by {event.accepted_by}" if risk in event.accepted else "not accepted: no orders are sent there"
    return words(Severity.WARNING, f"the key at {event.venue}: risk {risk}", f"The risk is {taken}.")


@words_of.register
def _(event: VenueChanged) -> Words:
    if event.problem is None:
        return words(Severity.INFO, f"{event.venue} is fit for orders", "It answers and agrees with the journal.")
    return words(Severity.WARNING, f"{event.venue} is not fit for orders", f"Only cancels are sent: {event.problem}")


@words_of.register
def _(event: AllCancelRequested) -> Words:
    return words(Severity.WARNING, f"everything at {event.venue} is being cancelled", f"Asked for by {event.by}.")


@words_of.register
def _(event: AllCancelled) -> Words:
    text = f"The venue said so after {event.attempts} attempts."
    return words(Severity.INFO, f"nothing is open at {event.venue}", text)


@words_of.register
def _(event: ApprovalGiven) -> Words:
    text = f"Agreed with {event.factor}. Whether another person must agree too: readytrader approvals list"
    return words(Severity.INFO, f"{event.by} agreed to {event.request_id}", text)


@words_of.register
def _(event: LooseningAsked) -> Words:
    change = event.change
    more = f" {change.people_min} persons must want it." if change.people_min > 1 else ""
    return words(
        Severity.WARNING,
        f"{change.setting} is to be loosened from {change.before} to {change.value}",
        f"Asked for by {change.asked_by}: {change.reason}. It holds from {change.due_at:%Y-%m-%d %H:%M:%S} UTC on."
        f"{more} Take it back with: readytrader limits withdraw {change.change_id}",
    )


@words_of.register
def _(event: LooseningConfirmed) -> Words:
    return words(Severity.INFO, f"{event.by} wants loosening {event.change_id} too", f"Shown with {event.factor}.")


@words_of.register
def _(event: LimitSet) -> Words:
    change = event.change
    severity = Severity.INFO if change.tightens else Severity.WARNING
    text = f"Asked for by {', '.join(sorted(change.people))}: {change.reason}. It was {change.before}."
    return words(severity, f"{change.setting} is {change.value} now", text)


@words_of.register
def _(event: LimitChangeEnded) -> Words:
    severity = Severity.INFO if event.state is ChangeState.WITHDRAWN else Severity.WARNING
    return words(
        severity, f"the change {event.change_id} of a limit is {event.state}", f"By {event.by}: {event.reason}"
    )


@words_of.register
def _(event: LimitsLooserAtStart) -> Words:
    text = f"Whoever changed the configuration knows why, and nobody else was asked: {'; '.join(event.changed)}"
    return words(Severity.CRITICAL, "this start allows more than what held before", text)


@words_of.register
def _(event: FundsMoved) -> Words:
    amount = text_from_decimal(abs(event.amount))
    moved = "put into" if event.amount > 0 else "taken out of"
    return words(
        Severity.INFO, f"{amount} {event.asset} {moved} {event.account}", f"By {event.by}: {event.reason}."
    )  # fmt: skip


@words_of.register
def _(event: AgentAdded) -> Words:
    agent = event.agent
    scopes, symbols = ", ".join(sorted(agent.scopes)), ", ".join(sorted(agent.symbols or ())) or "every symbol"
    return words(
        Severity.WARNING,
        f"an agent was added: {agent.agent_id}",
        f"By {event.by}, with {scopes} for {symbols}, until {agent.expires_at:%Y-%m-%d}. If that is news to you: "
        f"readytrader agent revoke {agent.agent_id}",
    )


@words_of.register
def _(event: AgentRevoked) -> Words:
    return words(Severity.INFO, f"agent {event.agent_id} was revoked", f"By {event.by}.")


@words_of.register
def _(event: OperatorChanged) -> Words:
    change = event.change.replace("_", " ")
    return words(
        Severity.WARNING,
        f"the operator's account {event.username} was changed: {change}",
        f"By {event.by}; its role is {event.role}. If that is news: readytrader operator disable {event.username}",
    )


@words_of.register
def _(event: OperatorSignedIn) -> Words:
    factors = " and ".join(event.factors)
    return words(
        Severity.INFO, f"operator {event.username} signed in", f"With {factors or 'nothing more than a name'}."
    )


@words_of.register
def _(event: OperatorLockedOut) -> Words:
    return words(
        Severity.WARNING,
        f"operator {event.username} is locked out",
        f"{event.failures} sign-ins failed. Nobody signs in under that name for {event.wait_s} s, whoever it was.",
    )


@words_of.register
def _(event: AuthenticationRefused) -> Words:
    return words(
        Severity.WARNING, f"somebody was turned away at the {event.listener}", f"{event.reason}. Nothing was opened."
    )


@words_of.register
def _(event: RequestThrottled) -> Words:
    return words(
        Severity.INFO,
        f"agent {event.agent_id} is held to its rate limit",
        f"More than {event.limit_per_minute} {event.budget} calls in a minute; those beyond are refused.",
    )


_ENDED = {
    OrderState.FILLED: "was filled",
    OrderState.REJECTED: "was rejected by the venue",
    OrderState.ABSENT: "never reached the venue",
}


@words_of.register
def _(event: DayTold) -> Words | None:
    return words(Severity.INFO, f"the day {event.day:%Y-%m-%d}", event.text) if event.text else None


def words_of_change(event: Event, touched: Sequence[Touched]) -> Words | None:
    """As `words_of`, for events that are worth a notice where they change something: a report that ends an order."""
    if not isinstance(event, OrderReported):
        return words_of(event)
    order = next((it.value for it in touched if isinstance(it.value, Order)), None)
    if order is None or order.state not in _ENDED:
        return None
    return words(Severity.INFO, f"order {order.client_order_id} {_ENDED[order.state]}", _ordered(order))


def _ordered(order: Order) -> str:
    payload = order.payload
    if isinstance(payload, TransferRequest):
        return f"Agent {order.agent_id}: transfer {text_from_decimal(payload.amount)} {payload.asset}."
    what = f"{payload.side} {text_from_decimal(payload.quantity)} of {payload.symbol} at {payload.venue}"
    if order.filled_quantity:
        spent = text_from_decimal(order.filled_notional)
        return f"Agent {order.agent_id}: {what}; {text_from_decimal(order.filled_quantity)} for {spent} in all."
    return f"Agent {order.agent_id}: {what}. Reason: {reason_words(order.reason or 'none was given')}."


def _asked(intent: Intent) -> str:
    if isinstance(intent, OrderIntent):
        price = "at market" if intent.limit_price is None else f"at {text_from_decimal(intent.limit_price)}"
        return f"{intent.side} {text_from_decimal(intent.quantity)} of {intent.symbol} at {intent.venue}, {price}"
    if isinstance(intent, SwapIntent):
        amount = text_from_decimal(intent.amount)
        return f"swap {amount} {intent.from_asset} for {intent.to_asset} on {intent.chain}"
    return f"transfer {text_from_decimal(intent.amount)} {intent.asset} to {intent.to_address} on {intent.chain}"


def words(severity: Severity, subject: str, text: str) -> Words:
    """Capped and printable."""
    return Words(severity=severity, subject=plain(subject, 200), text=plain(text, TEXT_MAX))
