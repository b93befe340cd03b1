"""What an operator is told of an event, in words: which events are worth a notice, and how soon somebody should look.

A notice holds no confirm token, no key and no secret. What an agent or a venue wrote is capped and made printable; the
agent's own note is left out, for it is written to persuade.
"""

from __future__ import annotations

import unicodedata
from functools import singledispatch

from msgspec import Struct
from readytrader_sdk.money import text_from_decimal
from readytrader_sdk.ports import Severity

from appliance.domain.events import (
    AllCancelled,
    AllCancelRequested,
    DriftFound,
    FillMissed,
    ForeignOrderFound,
    KeyRightsSeen,
    OutcomeUnresolved,
    ProposalMade,
    ReportRefused,
    TradingStateSet,
    VenueChanged,
)
from appliance.domain.intents import Intent, OrderIntent, SwapIntent
from appliance.domain.trading_state import TradingState
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
    worst = text_from_decimal(proposal.terms.notional)
    reasons = "; ".join(str(reason.code) for reason in proposal.reasons)
    return _words(
        Severity.WARNING,
        f"a proposal waits: {_asked(request.intent)}",
        f"Agent {request.agent_id} asks for request {request.request_id}: {_asked(request.intent)}, worth at most "
        f"{worst} in the accounting asset. Held because of {reasons or 'the approval mode'}. It expires at "
        f"{proposal.expires_at:%H:%M:%S} UTC. Decide with: readytrader approvals show {request.request_id}",
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
    return _words(
        _SEVERITY[set_to.state],
        f"trading is {set_to.state} for {set_to.scope}",
        f"Set by {set_to.by}: {set_to.reason}. Only an operator loosens it: readytrader resume --scope {set_to.scope}",
    )


@words_of.register
def _(event: DriftFound) -> Words:
    expected, found = text_from_decimal(event.expected), text_from_decimal(event.found)
    return _words(
        Severity.CRITICAL,
        f"{event.asset} at {event.account} is not what the journal says",
        f"Expected {expected}, found {found}. Look at the venue; if it is right: readytrader venue accept "
        f"{event.account} --reason WHY",
    )


@words_of.register
def _(event: ForeignOrderFound) -> Words:
    return _words(
        Severity.CRITICAL,
        f"{event.venue} has an open order that nobody here sent",
        f"Its ID there is {event.order}. Somebody else uses this account or its key.",
    )


@words_of.register
def _(event: FillMissed) -> Words:
    return _words(
        Severity.WARNING,
        f"fills of order {event.client_order_id} were missed and found",
        f"{len(event.fill_ids)} fills were not told by the venue's stream; reconciliation found and booked them.",
    )


@words_of.register
def _(event: OutcomeUnresolved) -> Words:
    return _words(
        Severity.CRITICAL,
        f"nobody knows what became of order {event.client_order_id}",
        f"The venue was asked {event.asked} times. Look there, then: readytrader order resolve "
        f"{event.client_order_id} absent|cancelled --reason WHY",
    )


@words_of.register
def _(event: ReportRefused) -> Words:
    return _words(
        Severity.CRITICAL,
        f"an impossible report on order {event.report.client_order_id}",
        f"It changed nothing, and trading is narrowed: {event.reason}",
    )


@words_of.register
def _(event: KeyRightsSeen) -> Words:
    risk = risk_of(event.rights)
    if risk is None:
        return _words(Severity.INFO, f"the key at {event.venue} cannot withdraw", "The venue says so.")
    taken = f"accepted by {event.accepted_by}" if risk in event.accepted else "not accepted: no orders are sent there"
    return _words(Severity.WARNING, f"the key at {event.venue}: risk {risk}", f"The risk is {taken}.")


@words_of.register
def _(event: VenueChanged) -> Words:
    if event.problem is None:
        return _words(Severity.INFO, f"{event.venue} is fit for orders", "It answers and agrees with the journal.")
    return _words(Severity.WARNING, f"{event.venue} is not fit for orders", f"Only cancels are sent: {event.problem}")


@words_of.register
def _(event: AllCancelRequested) -> Words:
    return _words(Severity.WARNING, f"everything at {event.venue} is being cancelled", f"Asked for by {event.by}.")


@words_of.register
def _(event: AllCancelled) -> Words:
    text = f"The venue said so after {event.attempts} attempts."
    return _words(Severity.INFO, f"nothing is open at {event.venue}", text)


def _asked(intent: Intent) -> str:
    if isinstance(intent, OrderIntent):
        price = "at market" if intent.limit_price is None else f"at {text_from_decimal(intent.limit_price)}"
        return f"{intent.side} {text_from_decimal(intent.quantity)} of {intent.symbol} at {intent.venue}, {price}"
    if isinstance(intent, SwapIntent):
        amount = text_from_decimal(intent.amount)
        return f"swap {amount} {intent.from_asset} for {intent.to_asset} on {intent.chain}"
    return f"transfer {text_from_decimal(intent.amount)} {intent.asset} to {intent.to_address} on {intent.chain}"


def _words(severity: Severity, subject: str, text: str) -> Words:
    return Words(severity=severity, subject=_plain(subject, 200), text=_plain(text, TEXT_MAX))


def _plain(text: str, length_max: int) -> str:
    """One line of at most so many characters: control and format characters (Unicode category C) become blanks."""
    cut = text if len(text) <= length_max else f"{text[: length_max - 1]}…"
    return "".join(" " if unicodedata.category(character).startswith("C") else character for character in cut)
