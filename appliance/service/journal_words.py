"""One plain line for each entry of the journal: what happened, to what, and who did it.

A line is made of the entry alone, so that the same entry reads the same for ever. What agents, venues and people wrote
is capped and made printable; whoever shows a line must still treat it as text.
"""

from __future__ import annotations

import unicodedata
from functools import singledispatch
from typing import Any

import msgspec
from readytrader_sdk.money import text_from_decimal

from appliance.domain import events
from appliance.domain.intents import Intent, OrderIntent, SwapIntent
from appliance.domain.limit_changes import (
    LimitChange,
    LimitChangeEnded,
    LimitSet,
    LimitsLooserAtStart,
    LooseningAsked,
    LooseningConfirmed,
)
from appliance.domain.notices import NoticeDelivered, NoticeGivenUp, NoticeMade, NoticeResent, NoticeSeen
from appliance.domain.orders import place_of
from appliance.domain.series import EquityMarked
from appliance.domain.told import DayTold, InsightPosted, JournalTakenOut, StrategySet
from appliance.domain.trading_state import scope_words
from appliance.store.entry import Leaf

LINE_MAX = 300
_FIELD_MAX = 80
_NO_TEXT = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode's general categories of what is no text in one line."""


def summary_of(leaf: Leaf) -> str:
    """The entry in one line. An entry of a kind that this version does not know gives its plain fields."""
    event: Any
    try:
        event = events.decode_event(leaf.kind, leaf.body)
    except (KeyError, msgspec.ValidationError):
        event = msgspec.json.decode(leaf.body)
    return plain(line_of(event), LINE_MAX)


@singledispatch
def line_of(event: object) -> str:
    """What an event says. The fallback, for kinds of another version, names every field that is a word or a number."""
    fields = event if isinstance(event, dict) else msgspec.to_builtins(event)
    return ", ".join(_fields(fields))


def _fields(fields: dict[str, Any], prefix: str = "") -> list[str]:
    parts: list[str] = []
    for name, value in fields.items():
        label = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, dict) and not prefix:
            parts += _fields(value, f"{label} ")
        elif isinstance(value, str | int) and not isinstance(value, bool):
            parts.append(f"{label} {str(value)[:_FIELD_MAX]}")
    return parts


@line_of.register
def _(event: events.CoreStarted) -> str:
    return f"the core came up: version {event.version}, {event.mode}, configuration {event.configuration_digest[:16]}"


@line_of.register
def _(event: events.CoreStopped) -> str:
    return f"the core went down: {event.reason}"


@line_of.register
def _(event: events.AgentAdded) -> str:
    agent = event.agent
    scopes = ", ".join(sorted(agent.scopes))
    return f"agent {agent.agent_id} added by {event.by}, scopes {scopes}, until {agent.expires_at:%Y-%m-%d}"


@line_of.register
def _(event: events.AgentRevoked) -> str:
    return f"agent {event.agent_id} revoked by {event.by}"


@line_of.register
def _(event: events.AuthenticationRefused) -> str:
    return f"turned away at the {event.listener}: {event.reason}"


_CHANGES = {
    events.OperatorChange.ADDED: "added",
    events.OperatorChange.ROLE: "given another role",
    events.OperatorChange.BOUND: "bound to another Unix user, or to none",
    events.OperatorChange.PASSWORD: "given another password",
    events.OperatorChange.TOTP: "given a new authenticator app",
    events.OperatorChange.PASSKEY_ADDED: "given one more passkey",
    events.OperatorChange.PASSKEY_REMOVED: "left with one passkey less",
    events.OperatorChange.FACTORS_REMOVED: "left without second factors",
    events.OperatorChange.UNLOCKED: "let try again to sign in",
    events.OperatorChange.DISABLED: "disabled",
    events.OperatorChange.ENABLED: "opened again",
}


@line_of.register
def _(event: events.OperatorChanged) -> str:
    bound = "" if event.uid is None else f" and Unix user {event.uid}"
    return f"operator {event.username} {_CHANGES[event.change]} by {event.by}, with role {event.role}{bound}"


@line_of.register
def _(event: events.OperatorSignedIn) -> str:
    return f"operator {event.username} signed in with {' and '.join(event.factors)}"


@line_of.register
def _(event: events.OperatorSignedOut) -> str:
    return f"a session of operator {event.username} ended: {event.reason}"


@line_of.register
def _(event: events.OperatorLockedOut) -> str:
    return f"sign-in as {event.username!r} failed {event.failures} times in a row and must wait {event.wait_s} s"


@line_of.register
def _(event: events.RequestThrottled) -> str:
    return f"agent {event.agent_id}: more than {event.limit_per_minute} {event.budget} calls in a minute"


@line_of.register
def _(event: events.RequestDenied) -> str:
    codes = ", ".join(denial.code for denial in event.denied.denials)
    return f"agent {event.request.agent_id} denied: {asked(event.request.intent)}: {codes}"


@line_of.register
def _(event: events.ProposalMade) -> str:
    codes = ", ".join(reason.code for reason in event.proposal.reasons) or "the approval mode"
    return (
        f"agent {event.request.agent_id} held: {asked(event.request.intent)}: {codes}, "
        f"request {event.request.request_id}"
    )


@line_of.register
def _(event: events.ApprovalGiven) -> str:
    worst = text_from_decimal(event.price_worst)
    return f"{event.by} approved request {event.request_id}, not beyond {worst}, and proved it by {event.factor}"


@line_of.register
def _(event: events.ProposalDecided) -> str:
    reason = f": {event.reason}" if event.reason else ""
    return f"request {event.request_id} {event.state} by {event.by}{reason}"


@line_of.register
def _(event: events.OrderPermitted) -> str:
    payload = event.permitted.payload
    approved = f", approved by {event.snapshot.approval.operator}" if event.snapshot.approval else ""
    return (
        f"agent {event.request.agent_id} permitted: {asked(event.request.intent)}, at {place_of(payload)} as "
        f"{payload.client_order_id}{approved}"
    )


@line_of.register
def _(event: events.OrderReported) -> str:
    report = event.report
    fills = "".join(
        f", {text_from_decimal(fill.quantity)} at {text_from_decimal(fill.price)} "
        f"(fee {text_from_decimal(fill.fee)} {fill.fee_asset})"
        for fill in report.fills[:3]
    )
    more = f" and {len(report.fills) - 3} more fills" if len(report.fills) > 3 else ""
    reason = f": {reason_words(report.reason)}" if report.reason else ""
    return f"order {report.client_order_id} {report.state}{fills}{more}, says {event.source}{reason}"


@line_of.register
def _(event: events.ReportRefused) -> str:
    return f"impossible report on order {event.report.client_order_id}: {event.reason}"


@line_of.register
def _(event: events.CancelRequested) -> str:
    return f"order {event.client_order_id}: cancel asked for by {event.by}"


@line_of.register
def _(event: events.DriftFound) -> str:
    expected, found = text_from_decimal(event.expected), text_from_decimal(event.found)
    return f"{event.account} holds {found} {event.asset}, and the journal says {expected}"


@line_of.register
def _(event: events.VenueChanged) -> str:
    return f"{event.venue} is fit for orders" if event.problem is None else f"{event.venue} is unfit: {event.problem}"


@line_of.register
def _(event: events.KeyRightsSeen) -> str:
    if event.rights is None:
        return f"{event.venue} does not say what its key may do{_accepted(event)}"
    said = {"trade": event.rights.can_trade, "withdraw": event.rights.can_withdraw}
    may = [word for word, it in said.items() if it]
    may_not = [word for word, it in said.items() if it is False]
    words = [f"may {' and '.join(may)}"] if may else []
    words += [f"may not {' or '.join(may_not)}"] if may_not else []
    return f"the key for {event.venue} {', '.join(words) or 'has rights that are not told'}{_accepted(event)}"


def _accepted(event: events.KeyRightsSeen) -> str:
    return f"; {event.accepted_by} accepts: {', '.join(event.accepted)}" if event.accepted else ""


@line_of.register
def _(event: events.ForeignOrderFound) -> str:
    return f"{event.venue} has an open order that nobody here sent: {event.order}"


@line_of.register
def _(event: events.FillMissed) -> str:
    fills = "a fill" if len(event.fill_ids) == 1 else f"{len(event.fill_ids)} fills"
    return f"order {event.client_order_id}: {fills} found that the venue had not told: {', '.join(event.fill_ids)}"


@line_of.register
def _(event: events.OutcomeUnresolved) -> str:
    return f"order {event.client_order_id}: asked {event.asked} times, nobody knows its outcome; a person must look"


@line_of.register
def _(event: events.AllCancelRequested) -> str:
    return f"{event.venue}: {event.by} asked to cancel everything that is open"


@line_of.register
def _(event: events.AllCancelled) -> str:
    tries = "1 attempt" if event.attempts == 1 else f"{event.attempts} attempts"
    return f"{event.venue} says that nothing is open any more, after {tries}"


@line_of.register
def _(event: events.FundsMoved) -> str:
    way = "in" if event.amount > 0 else "out"
    amount, value = text_from_decimal(abs(event.amount)), text_from_decimal(abs(event.value))
    return f"{amount} {event.asset} {way}, account {event.account}, worth {value}, by {event.by}: {event.reason}"


@line_of.register
def _(event: events.TradingStateSet) -> str:
    it = event.scope_state
    return f"{scope_words(it.scope)} is {it.state.replace('_', ' ')}, by {it.by}: {it.reason}"


@line_of.register
def _(event: LimitSet) -> str:
    it = event.change
    done = "tightened" if it.tightens else "loosened"
    return f"{it.setting} was {done} from {it.before} to {it.value}, {_asked_for(it)}"


@line_of.register
def _(event: LooseningAsked) -> str:
    it = event.change
    due = f"{it.due_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{it.setting} will be loosened from {it.before} to {it.value} at {due}, {_asked_for(it)}"


def _asked_for(change: LimitChange) -> str:
    return f"as {change.asked_by} asked in change {change.change_id}: {change.reason}"


@line_of.register
def _(event: LooseningConfirmed) -> str:
    return f"{event.by} agreed to loosen a limit, change {event.change_id}, and proved it by {event.factor}"


@line_of.register
def _(event: LimitsLooserAtStart) -> str:
    return f"the configuration of this start allows more than what held before: {', '.join(event.changed)}"


@line_of.register
def _(event: LimitChangeEnded) -> str:
    state = event.state.replace("_", " ")
    return f"change {event.change_id} of a limit is {state}, by {event.by}: {event.reason}"


@line_of.register
def _(event: NoticeMade) -> str:
    return f"{event.severity}: {event.subject}, notice {event.notice_id}"


@line_of.register
def _(event: NoticeDelivered) -> str:
    return f"notice {event.notice_id} delivered by {event.notifier}"


@line_of.register
def _(event: NoticeGivenUp) -> str:
    return f"notice {event.notice_id} given up at {event.notifier}: {event.reason}: {event.subject}"


@line_of.register
def _(event: NoticeResent) -> str:
    return f"notice {event.notice_id} sent again through {', '.join(event.to)} by {event.by}"


@line_of.register
def _(event: NoticeSeen) -> str:
    return f"notice {event.notice_id}, which had not arrived, was read by {event.by}"


@line_of.register
def _(event: events.NavMarked) -> str:
    opened, peak = text_from_decimal(event.nav_day_open), text_from_decimal(event.nav_peak)
    return f"{event.account}, {event.day}: value per unit at the day's open {opened}, at its peak {peak}"


@line_of.register
def _(event: EquityMarked) -> str:
    point = event.point
    return f"{point.portfolio}: worth {text_from_decimal(point.equity)}, per unit {text_from_decimal(point.nav)}"


@line_of.register
def _(event: InsightPosted) -> str:
    it = event.insight
    return f"{it.by} on {it.symbol} (untrusted): {it.signal}, confidence {text_from_decimal(it.confidence)}"


@line_of.register
def _(event: StrategySet) -> str:
    it = event.strategy
    return f"strategy {it.name} {'withdrawn' if it.withdrawn_at else 'written'} by {it.by}"


@line_of.register
def _(event: DayTold) -> str:
    return f"{event.day}: {event.text or 'nothing happened'}"


@line_of.register
def _(event: JournalTakenOut) -> str:
    what = "no entries" if event.last < event.first else f"entries {event.first} to {event.last}"
    return f"{what} taken out by {event.by} as {event.form}"


def asked(intent: Intent) -> str:
    """What an agent asked for."""
    if isinstance(intent, OrderIntent):
        price = "at market" if intent.limit_price is None else f"at {text_from_decimal(intent.limit_price)}"
        return f"{intent.side} {text_from_decimal(intent.quantity)} {intent.symbol} {price}"
    if isinstance(intent, SwapIntent):
        return f"swap {text_from_decimal(intent.amount)} {intent.from_asset} for {intent.to_asset} on {intent.chain}"
    return f"transfer {text_from_decimal(intent.amount)} {intent.asset} to {intent.to_address} on {intent.chain}"


_REASONS = {
    "requested": "it was asked for",
    "replaced": "another order took its place",
    "price_worst": "the next price is beyond the worst one allowed",
    "no_liquidity": "nothing more was on offer",
    "good_till_date": "its time was up",
}


def reason_words(reason: str) -> str:
    """Why an order stands as it does, for people: the paper venue's codes in words, what a venue wrote as it is."""
    is_code = reason.isidentifier() and reason.islower()
    return _REASONS.get(reason, reason.replace("_", " ") if is_code else reason)


def plain(text: str, length_max: int) -> str:
    """One line of at most so many characters: controls, format characters and line ends become blanks."""
    cut = text if len(text) <= length_max else f"{text[: length_max - 1]}…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(" " if unicodedata.category(one) in _NO_TEXT else one for one in cut)
