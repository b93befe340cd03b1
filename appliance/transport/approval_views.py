"""Proposals as an operator sees them."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from appliance.domain.codes import MEANINGS
from appliance.domain.intents import Intent, OrderIntent, SwapIntent, TransferIntent
from appliance.domain.limits import Limits
from appliance.domain.orders import Order
from appliance.domain.proposals import ProposalRecord
from appliance.domain.snapshot import MarketFacts
from appliance.pipeline.usage import Usage
from appliance.service.approvals import Shown
from appliance.transport import approval_results as results
from appliance.transport.amounts import amount_text, number_text
from appliance.transport.foreign_text import printable
from appliance.transport.tool_results import intent_text, reasons_view, units_of, what_came_of

_HUNDREDTH = Decimal("0.01")


def approval_detail(
    shown: Shown, limits: Limits, *, with_token: bool, order: Order | None = None
) -> results.ApprovalDetail:
    """Everything that a yes lets happen, on the facts of now; of a decided one what came of it, the order with it."""
    record, look = shown.record, shown.look
    request, terms = record.request, record.proposal.terms
    quote = _units(request.intent)[1]
    detail = results.ApprovalDetail(
        request_id=request.request_id,
        state=record.state,
        digest=record.proposal.intent_digest,
        agent=request.agent_id,
        note=printable(request.note, 500),
        asks=printable(intent_text(request.intent), 300),
        venue=_place(request.intent),
        quantity=_quantity(request.intent),
        notional_max=amount_text(terms.notional, limits.accounting_asset),
        price_worst=_price(terms.price_worst, quote),
        pay_max=amount_text(terms.pay.value, terms.pay.asset),
        fee_max=amount_text(shown.fee_max.value, shown.fee_max.asset),
        quote=_quote(look.snapshot.market, quote),
        held_because=reasons_view(record, order),
        limits=tuple(map(limit_use, look.usages)),
        first_time=look.snapshot.agent.first_symbol,
        made_at=record.made_at,
        expires_at=record.proposal.expires_at,
        approvals_given=shown.people,
        approvals_needed=shown.people_needed,
        confirm_token=shown.confirm_token if with_token else None,
        decided_reason=None if record.reason is None else printable(record.reason, 200),
        outcome=_outcome(record, order),
    )
    return _with_its_own(detail, request.intent, quote)


def _with_its_own(detail: results.ApprovalDetail, intent: Intent, quote: str) -> results.ApprovalDetail:
    """With what only its kind of request has."""
    if isinstance(intent, TransferIntent):
        return replace(detail, to_address=printable(intent.to_address, 64))
    if isinstance(intent, SwapIntent):
        return detail
    return replace(
        detail,
        symbol=printable(intent.symbol, 64),
        side=intent.side,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        limit_price=_price(intent.limit_price, quote),
        stop_price=_price(intent.stop_price, quote),
        replaces=intent.replaces,
    )


def decided_approval(record: ProposalRecord, limits: Limits, order: Order | None) -> results.DecidedApproval:
    """A proposal as it was decided, and the order that it became."""
    request, terms = record.request, record.proposal.terms
    return results.DecidedApproval(
        request_id=request.request_id,
        state=record.state,
        digest=record.proposal.intent_digest,
        agent=request.agent_id,
        asks=printable(intent_text(request.intent), 300),
        notional_max=amount_text(terms.notional, limits.accounting_asset),
        price_worst=_price(terms.price_worst, _units(request.intent)[1]),
        made_at=record.made_at,
        expires_at=record.proposal.expires_at,
        approvals_given=tuple(results.YesView(name=yes.by, factor=yes.factor, at=yes.at) for yes in record.given),
        decided_by=record.decided_by,
        decided_at=record.decided_at,
        reason=None if record.reason is None else printable(record.reason, 200),
        outcome=_outcome(record, order),
    )


def _outcome(record: ProposalRecord, order: Order | None) -> str | None:
    came = what_came_of(record, order)
    return None if came is None else came[0]


def limit_use(usage: Usage) -> results.LimitUse:
    """One limit before and after."""
    level = usage.level
    return results.LimitUse(
        rule=MEANINGS[level.code].rule,
        name=printable(level.name, 100),
        before=number_text(usage.before),
        after=number_text(usage.after),
        limit=number_text(level.limit),
        unit=level.unit,
        after_pct=percent_text(usage.after_pct),
    )


def percent_text(value: Decimal | None) -> str | None:
    """A share for people, to the hundredth."""
    return None if value is None else number_text(value.quantize(_HUNDREDTH))


def _place(intent: Intent) -> str:
    """The exchange, or the chain."""
    return printable(intent.venue if isinstance(intent, OrderIntent) else intent.chain, 64)


def _quantity(intent: Intent) -> str:
    return amount_text(intent.quantity if isinstance(intent, OrderIntent) else intent.amount, _units(intent)[0])


def _units(intent: Intent) -> tuple[str, str]:
    """The unit of the quantity, and of prices; the second is empty where there is no price of its own."""
    if isinstance(intent, OrderIntent):
        return units_of(intent.symbol)
    return (intent.from_asset, "") if isinstance(intent, SwapIntent) else (intent.asset, "")


def _price(price: Decimal | None, quote: str) -> str | None:
    return amount_text(price, quote) if price is not None and quote else None


def _quote(market: MarketFacts | None, quote: str) -> results.QuoteShown | None:
    if market is None or not quote:
        return None
    return results.QuoteShown(
        bid=amount_text(market.bid, quote), ask=amount_text(market.ask, quote), at=market.observed_at
    )
