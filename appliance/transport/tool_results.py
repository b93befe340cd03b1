"""What tools answer: every amount is text with its unit, and what does not apply is left out."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace
from readytrader_sdk.money import ZERO
from readytrader_sdk.ports import TransferRequest

from appliance.domain.codes import MEANINGS
from appliance.domain.decision import Denial, Terms
from appliance.domain.events import ProposalState
from appliance.domain.intents import Intent, SwapIntent, TransferIntent
from appliance.domain.orders import Order
from appliance.domain.proposals import ProposalRecord
from appliance.service.outcomes import Held, Outcome, Placed, Refused
from appliance.transport.amounts import amount_text, number_text
from appliance.transport.foreign_text import printable


class View(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something as an agent or an operator sees it."""


class DenialView(View, frozen=True, kw_only=True):
    """One rule's refusal, with what to do about it."""

    code: str
    rule: str
    text: str
    remedy: str
    observed: str | None = None
    limit: str | None = None
    unit: str | None = None


class Answer(View, frozen=True, kw_only=True):
    """Every tool's answer. `ok` says that what was asked is done."""

    ok: bool


class Refusal(Answer, frozen=True, kw_only=True):
    """We said no; nothing was sent."""

    denials: tuple[DenialView, ...]
    amount_max: str | None = None
    """The largest amount of the same request that would pass now, as it may be given again."""
    retry_after_s: str | None = None


class OrderView(View, frozen=True, kw_only=True):
    """An order or a transfer."""

    order_id: str
    state: str
    amount: str
    filled: str
    exchange: str | None = None
    symbol: str | None = None
    side: str | None = None
    order_type: str | None = None
    price: str | None = None
    stop_price: str | None = None
    time_in_force: str | None = None
    average_price: str | None = None
    fees: tuple[str, ...] = ()
    chain: str | None = None
    to_address: str | None = None
    replaces: str | None = None
    reason: str | None = None
    created_at: datetime
    updated_at: datetime


class ProposalView(View, frozen=True, kw_only=True):
    """A request that waits, or waited, for a person."""

    request_id: str
    state: str
    asks: str
    """What was asked for, in one line."""
    notional_max: str
    pay_max: str
    reasons: tuple[DenialView, ...]
    made_at: datetime
    expires_at: datetime
    decided_reason: str | None = None
    outcome: str | None = None
    """What came of it, and what to do now; None while it waits."""


class OrderAnswer(Answer, frozen=True, kw_only=True):
    """`status` is what came of a request: `placed`, or `held` when a person must decide. No request, no status."""

    status: str | None = None
    order: OrderView | None = None
    proposal: ProposalView | None = None
    replayed: bool = False


class OrdersAnswer(Answer, frozen=True, kw_only=True):
    orders: tuple[OrderView, ...]


def denial_view(denial: Denial) -> DenialView:
    """A denial with its rule and remedy from the table of codes."""
    meaning = MEANINGS[denial.code]
    return DenialView(
        code=denial.code,
        rule=meaning.rule,
        text=printable(denial.text, 400),
        remedy=meaning.remedy,
        observed=None if denial.observed is None else printable(denial.observed, 100),
        limit=denial.limit,
        unit=denial.unit,
    )


def refusal_view(refused: Refused) -> Refusal:
    """A refusal, whole."""
    largest = refused.amount_max
    return Refusal(
        ok=False,
        denials=tuple(denial_view(denial) for denial in refused.denials),
        amount_max=None if largest is None else amount_text(largest.value, largest.asset),
        retry_after_s=None if refused.retry_after_s is None else number_text(refused.retry_after_s),
    )


def order_view(order: Order) -> OrderView:
    """An order as it is now."""
    payload = order.payload
    if isinstance(payload, TransferRequest):
        return OrderView(
            order_id=order.client_order_id,
            state=order.state,
            amount=amount_text(payload.amount, payload.asset),
            filled=amount_text(order.filled_quantity, payload.asset),
            chain=payload.chain,
            to_address=payload.to_address,
            reason=order.reason,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )
    base, quote = units_of(payload.symbol)
    average = order.filled_notional / order.filled_quantity if order.filled_quantity else None
    return OrderView(
        order_id=order.client_order_id,
        state=order.state,
        amount=amount_text(payload.quantity, base),
        filled=amount_text(order.filled_quantity, base),
        exchange=payload.venue,
        symbol=payload.symbol,
        side=payload.side,
        order_type=payload.order_type,
        price=None if payload.limit_price is None else amount_text(payload.limit_price, quote),
        stop_price=None if payload.stop_price is None else amount_text(payload.stop_price, quote),
        time_in_force=payload.time_in_force,
        average_price=None if average is None else amount_text(average, quote),
        fees=tuple(amount_text(fee, asset) for asset, fee in sorted(order.fees.items()) if fee != ZERO),
        replaces=order.replaces,
        reason=order.reason,
        created_at=order.created_at,
        updated_at=order.updated_at,
    )


def intent_text(intent: Intent) -> str:
    """What was asked for, in one line, every amount with its unit."""
    if isinstance(intent, SwapIntent):
        return f"swap {amount_text(intent.amount, intent.from_asset)} for {intent.to_asset} on {intent.chain}"
    if isinstance(intent, TransferIntent):
        return f"send {amount_text(intent.amount, intent.asset)} to {intent.to_address} on {intent.chain}"
    base, quote = units_of(intent.symbol)
    words = [f"{intent.side} {amount_text(intent.quantity, base)} of {intent.symbol} at {intent.venue}"]
    words.append(f"{intent.order_type} {intent.time_in_force}")
    if intent.limit_price is not None:
        words.append(f"price {amount_text(intent.limit_price, quote)}")
    if intent.stop_price is not None:
        words.append(f"stop price {amount_text(intent.stop_price, quote)}")
    if intent.replaces is not None:
        words.append(f"replacing {intent.replaces}")
    return ", ".join(words)


def what_came_of(record: ProposalRecord, order: Order | None) -> tuple[str, str] | None:
    """What came of a proposal, given the order that it became, and what its agent can do now; None while it waits."""
    match record.state:
        case ProposalState.PENDING:
            return None
        case ProposalState.APPROVED if order is not None:
            return f"approved; order {order.client_order_id} is {order.state}", "Follow it with get_cex_order."
        case ProposalState.APPROVED:
            return (
                "approved, but the rules, which ran again at that moment, refused it; nothing was sent",
                "validate_trade_risk says what is refused now; ask again with a new idempotency_key.",
            )
        case ProposalState.EXPIRED:
            return "nobody decided in time; nothing was sent", "Ask again with a new idempotency_key."
        case ProposalState.REFUSED if (record.decided_by or "").startswith("agent:"):
            return "withdrawn by the agent; nothing was sent", "Ask again with a new idempotency_key."
        case ProposalState.REFUSED:
            return "refused by the operator; nothing was sent", "Do not repeat it; decided_reason says why."


def reasons_view(record: ProposalRecord, order: Order | None) -> tuple[DenialView, ...]:
    """Why a person was asked; once it is decided, with what can be done now."""
    reasons = tuple(denial_view(reason) for reason in record.proposal.reasons)
    came = what_came_of(record, order)
    return reasons if came is None else tuple(replace(reason, remedy=came[1]) for reason in reasons)


def proposal_view(record: ProposalRecord, accounting_asset: str, order: Order | None = None) -> ProposalView:
    """A proposal without anything that could approve it, and the order that it became."""
    terms: Terms = record.proposal.terms
    came = what_came_of(record, order)
    return ProposalView(
        request_id=record.request.request_id,
        state=record.state,
        asks=printable(intent_text(record.request.intent), 300),
        notional_max=amount_text(terms.notional, accounting_asset),
        pay_max=amount_text(terms.pay.value, terms.pay.asset),
        reasons=reasons_view(record, order),
        made_at=record.made_at,
        expires_at=record.proposal.expires_at,
        decided_reason=None if record.reason is None else printable(record.reason, 200),
        outcome=None if came is None else ". ".join(came),
    )


def outcome_view(outcome: Outcome, accounting_asset: str) -> OrderAnswer | Refusal:
    """What a request came to."""
    match outcome:
        case Placed(order=order, replayed=replayed):
            return OrderAnswer(ok=True, status="placed", order=order_view(order), replayed=replayed)
        case Held(record=record, replayed=replayed):
            proposal = proposal_view(record, accounting_asset)
            return OrderAnswer(ok=False, status="held", proposal=proposal, replayed=replayed)
        case Refused():
            return refusal_view(outcome)


def units_of(symbol: str) -> tuple[str, str]:
    """Base and quote asset as a symbol names them: `BASE/QUOTE` or `BASE/QUOTE:SETTLE`."""
    base, _, rest = symbol.partition("/")
    return base, rest.partition(":")[0]
