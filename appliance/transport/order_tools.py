"""Tools that ask for trades, and that look after orders. An agent sees and touches its own orders only."""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.instruments import Asset, Instrument, Symbol, VenueId
from readytrader_sdk.money import round_down
from readytrader_sdk.orders import ClientOrderId, OrderRequest

from appliance.domain.codes import Code
from appliance.domain.decision import Terms
from appliance.domain.intents import Chain, Intent, OrderIntent, RequestId, SwapIntent, TransferIntent
from appliance.domain.orders import Order
from appliance.domain.proposals import ProposalRecord
from appliance.domain.snapshot import Mode
from appliance.service.core import Core
from appliance.service.outcomes import Placed, Refused, refuse
from appliance.transport import tool_arguments as arguments
from appliance.transport.amounts import InvalidArgument, amount_from_text, amount_text
from appliance.transport.foreign_text import printable
from appliance.transport.tool import Caller
from appliance.transport.tool_results import (
    Answer,
    OrderAnswer,
    OrdersAnswer,
    ProposalView,
    order_view,
    outcome_view,
    proposal_view,
    units_of,
)

NATIVE_ASSET = {"ethereum": "ETH"}
"""What `transfer_eth` sends where a chain's own coin is not called ETH."""


class RiskAnswer(Answer, frozen=True, kw_only=True):
    """It would be permitted now, and this is the worst it could do."""

    amount: str
    price_worst: str
    notional_max: str
    pay_max: str
    receive_max: str | None = None
    reduces: bool


class ProposalAnswer(Answer, frozen=True, kw_only=True):
    proposal: ProposalView


class ProposalsAnswer(Answer, frozen=True, kw_only=True):
    proposals: tuple[ProposalView, ...]


class CancelAllAnswer(Answer, frozen=True, kw_only=True):
    """Every order that was asked to be cancelled, as it is after that; `ok` when all of them are."""

    cancelled: int
    refused: int
    orders: tuple[str, ...]


async def validate_trade_risk(caller: Caller, asked: arguments.ValidateTradeRisk) -> Answer | Refused:
    base, quote = units_of(asked.symbol)
    quantity = _quantity(caller, asked, base)
    if isinstance(quantity, Refused):
        return quantity
    intent = OrderIntent(
        venue=VenueId(asked.exchange),
        symbol=Symbol(asked.symbol),
        side=asked.side,
        quantity=quantity,
        order_type=asked.order_type,
        limit_price=_price(asked.price, quote, "price"),
    )
    outcome = caller.core.desk.check(caller.principal, intent, tool=caller.tool)
    if isinstance(outcome, Refused):
        return outcome
    return _risk(outcome.permitted.terms, quantity, base, quote, caller.core.limits.accounting_asset)


def _quantity(caller: Caller, asked: arguments.ValidateTradeRisk, base: str) -> Decimal | Refused:
    """The amount in base units, converted at the mid price where it was given as a notional."""
    if (asked.amount is None) == (asked.amount_usd is None):
        raise InvalidArgument("amount_usd: expected exactly one of amount and amount_usd")
    if asked.amount is not None:
        return amount_from_text(asked.amount, base, "amount")
    core = caller.core
    notional = amount_from_text(asked.amount_usd or "", core.limits.accounting_asset, "amount_usd")
    instrument: Instrument | None = core.state.instruments.get(Symbol(asked.symbol))
    if instrument is None:
        return refuse(Code.INSTRUMENT_UNKNOWN, f"no instrument {asked.symbol!r}", observed=asked.symbol)
    price = core.portfolio.price(instrument.base, core.clock())
    if price is None:
        return refuse(Code.QUOTE_MISSING, f"no sane price for {instrument.base}")
    return round_down(notional / price, instrument.quantity_increment)


def _risk(terms: Terms, quantity: Decimal, base: str, quote: str, accounting: str) -> RiskAnswer:
    return RiskAnswer(
        ok=True,
        amount=amount_text(quantity, base),
        price_worst=amount_text(terms.price_worst, quote),
        notional_max=amount_text(terms.notional, accounting),
        pay_max=amount_text(terms.pay.value, terms.pay.asset),
        receive_max=None if terms.receive is None else amount_text(terms.receive.value, terms.receive.asset),
        reduces=terms.reduces,
    )


async def place_cex_order(caller: Caller, asked: arguments.PlaceCexOrder) -> Answer | Refused:
    base, quote = units_of(asked.symbol)
    intent = OrderIntent(
        venue=VenueId(asked.exchange),
        symbol=Symbol(asked.symbol),
        side=asked.side,
        quantity=amount_from_text(asked.amount, base, "amount"),
        order_type=asked.order_type,
        limit_price=_price(asked.price, quote, "price"),
        stop_price=_price(asked.stop_price, quote, "stop_price"),
        time_in_force=asked.time_in_force,
        expires_at=asked.expires_at,
        post_only=asked.post_only,
        market_type=asked.market_type,
    )
    return await _submit(caller, intent, asked.idempotency_key)


async def replace_cex_order(caller: Caller, asked: arguments.ReplaceCexOrder) -> Answer | Refused:
    order = _find(caller, asked.order_id)
    if order is None or not isinstance(order.payload, OrderRequest):
        return _no_order(asked.order_id)
    was = order.payload
    base, quote = units_of(was.symbol)
    intent = OrderIntent(
        venue=was.venue,
        symbol=was.symbol,
        side=was.side,
        quantity=amount_from_text(asked.amount, base, "amount"),
        order_type=was.order_type,
        limit_price=_price(asked.price, quote, "price") or was.limit_price,
        stop_price=_price(asked.stop_price, quote, "stop_price") or was.stop_price,
        time_in_force=was.time_in_force,
        expires_at=was.expires_at,
        post_only=was.post_only,
        market_type=was.market_type,
        replaces=order.client_order_id,
    )
    return await _submit(caller, intent, asked.idempotency_key)


def swaps_offered(core: Core) -> bool:
    """Where the operator named the chains of swaps. On paper alone: nothing here sends real money to a chain."""
    return core.identity.mode is Mode.PAPER and bool(core.limits.allow_chains)


async def swap_tokens(caller: Caller, asked: arguments.SwapTokens) -> Answer | Refused:
    intent = SwapIntent(
        chain=Chain(asked.chain),
        from_asset=Asset(asked.from_token),
        to_asset=Asset(asked.to_token),
        amount=amount_from_text(asked.amount, asked.from_token, "amount"),
    )
    return await _submit(caller, intent, asked.idempotency_key, asked.rationale)


def transfers_offered(core: Core) -> bool:
    """Where the operator named a place that they may go to, and a cap. On paper alone, as swaps."""
    may_leave = core.limits.transfer_native_max is not None and core.limits.allow_to_addresses
    return core.identity.mode is Mode.PAPER and core.limits.allow_chains != frozenset() and bool(may_leave)


async def transfer_eth(caller: Caller, asked: arguments.TransferEth) -> Answer | Refused:
    asset = Asset(NATIVE_ASSET.get(asked.chain, "ETH"))
    intent = TransferIntent(
        chain=Chain(asked.chain),
        asset=asset,
        amount=amount_from_text(asked.amount, asset, "amount"),
        to_address=asked.to_address,
    )
    return await _submit(caller, intent, asked.idempotency_key)


async def cancel_cex_order(caller: Caller, asked: arguments.OneOrder) -> Answer | Refused:
    agent_id = caller.principal.agent_id
    outcome = await caller.core.orders.cancel(ClientOrderId(asked.order_id), agent_id, f"agent:{agent_id}")
    return OrderAnswer(ok=True, order=order_view(outcome.order)) if isinstance(outcome, Placed) else outcome


async def cancel_all_cex_orders(caller: Caller, asked: arguments.SomeOrders) -> Answer | Refused:
    agent_id = caller.principal.agent_id
    symbol = None if asked.symbol is None else Symbol(asked.symbol)
    outcomes = await caller.core.orders.cancel_all(agent_id, f"agent:{agent_id}", symbol)
    orders = [outcome.order for outcome in outcomes if isinstance(outcome, Placed)]
    refused = len(outcomes) - len(orders)
    return CancelAllAnswer(
        ok=not refused,
        cancelled=len(orders),
        refused=refused,
        orders=tuple(f"{order.client_order_id} {order.state}" for order in orders),
    )


async def get_cex_order(caller: Caller, asked: arguments.OneOrder) -> Answer | Refused:
    return _order(_find(caller, asked.order_id), asked.order_id)


async def wait_for_cex_order(caller: Caller, asked: arguments.WaitForCexOrder) -> Answer | Refused:
    agent_id = caller.principal.agent_id
    order = await caller.core.orders.wait(ClientOrderId(asked.order_id), agent_id, float(asked.timeout_sec))
    return _order(order, asked.order_id)


async def list_cex_open_orders(caller: Caller, asked: arguments.SomeOrders) -> Answer | Refused:
    symbol = None if asked.symbol is None else Symbol(asked.symbol)
    orders = caller.core.orders.live(caller.principal.agent_id, symbol)
    return OrdersAnswer(ok=True, orders=tuple(order_view(order) for order in orders))


async def list_cex_orders(caller: Caller, asked: arguments.RecentOrders) -> Answer | Refused:
    symbol = None if asked.symbol is None else Symbol(asked.symbol)
    orders = caller.core.orders.recent(caller.principal.agent_id, symbol, asked.limit)
    return OrdersAnswer(ok=True, orders=tuple(order_view(order) for order in orders))


async def get_proposal(caller: Caller, asked: arguments.OneRequest) -> Answer | Refused:
    record = _own_proposal(caller, asked.request_id)
    if record is None:
        return _no_proposal(asked.request_id)
    became = _find(caller, asked.request_id)
    return ProposalAnswer(ok=True, proposal=proposal_view(record, caller.core.limits.accounting_asset, became))


async def list_pending_executions(caller: Caller, _asked: arguments.Arguments) -> Answer | Refused:
    accounting = caller.core.limits.accounting_asset
    pending = [
        proposal_view(record, accounting)
        for record in caller.core.approvals.pending()
        if record.request.agent_id == caller.principal.agent_id
    ]
    return ProposalsAnswer(ok=True, proposals=tuple(pending))


async def cancel_execution(caller: Caller, asked: arguments.OneRequest) -> Answer | Refused:
    if _own_proposal(caller, asked.request_id) is None:
        return _no_proposal(asked.request_id)
    by = f"agent:{caller.principal.agent_id}"
    outcome = await caller.core.approvals.refuse(RequestId(asked.request_id), by, "withdrawn by the agent")
    if isinstance(outcome, Refused):
        return outcome
    return ProposalAnswer(ok=True, proposal=proposal_view(outcome, caller.core.limits.accounting_asset))


async def _submit(caller: Caller, intent: Intent, key: str, note: str = "") -> Answer | Refused:
    outcome = await caller.core.desk.submit(
        caller.principal, intent, key=key or None, note=printable(note, 500), tool=caller.tool
    )
    return outcome_view(outcome, caller.core.limits.accounting_asset)


def _price(text: str | None, quote: str, argument: str) -> Decimal | None:
    return None if text is None else amount_from_text(text, quote, argument)


def _find(caller: Caller, order_id: str) -> Order | None:
    return caller.core.orders.find(ClientOrderId(order_id), caller.principal.agent_id)


def _own_proposal(caller: Caller, request_id: str) -> ProposalRecord | None:
    record = caller.core.history.proposal(RequestId(request_id))
    return record if record is not None and record.request.agent_id == caller.principal.agent_id else None


def _order(order: Order | None, order_id: str) -> Answer | Refused:
    return _no_order(order_id) if order is None else OrderAnswer(ok=True, order=order_view(order))


def _no_order(order_id: str) -> Refused:
    return refuse(Code.NOT_FOUND, f"no order {order_id!r} of yours")


def _no_proposal(request_id: str) -> Refused:
    return refuse(Code.NOT_FOUND, f"no request {request_id!r} of yours")
