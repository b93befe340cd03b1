"""`decide`: the one place where a request becomes a permit. Pure; every check runs; all refusals come back together.

`validate_trade_risk`, a first submission, and the second look after an approval all call this same function.
"""

from __future__ import annotations

from readytrader_sdk.instruments import VenueId
from readytrader_sdk.money import ZERO, round_down
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderType, TimeInForce
from readytrader_sdk.ports import TransferRequest

from appliance.domain.codes import Code
from appliance.domain.decision import (
    Action,
    Amount,
    Decision,
    Denial,
    Denied,
    Payload,
    Permit,
    Permitted,
    Proposal,
)
from appliance.domain.intents import OrderIntent, Request, SwapIntent, TransferIntent, digest
from appliance.domain.limits import Limits
from appliance.domain.snapshot import Snapshot
from appliance.pipeline.case import Case, Ceiling, Condition, Limit, deny
from appliance.pipeline.checks import CEILINGS, CONDITIONS, ENTRY_CEILINGS, ENTRY_CONDITIONS
from appliance.pipeline.checks.approval import reasons_to_ask
from appliance.pipeline.terms import Sizing


def decide(request: Request, snapshot: Snapshot, limits: Limits) -> Decision:
    """Permit, propose or deny one request on the facts of one snapshot."""
    try:
        case = Case(request, snapshot, limits)
    except ArithmeticError as fault:
        return _denied(request, [deny(Code.CHECK_FAILED, "the worst case cannot be computed", type(fault).__name__)])
    refusals = _refusals(case)
    ceilings, oversize = _measure(case)
    sizing = case.sizing
    if refusals or sizing is None:
        return _denied(request, refusals + oversize)
    if oversize:
        return _denied(request, oversize, _amount_max(case, sizing, ceilings))
    terms = sizing.terms(limits)
    reasons = reasons_to_ask(case)
    if reasons:
        return Proposal(
            request_id=request.request_id,
            intent_digest=digest(request),
            reasons=reasons,
            terms=terms,
            expires_at=snapshot.now + limits.proposal_ttl,
        )
    payload = _payload(case, sizing)
    return Permitted(permit=_permit(request, payload, snapshot, limits), payload=payload, terms=terms)


def _denied(request: Request, denials: list[Denial], amount_max: Amount | None = None) -> Denied:
    return Denied(request_id=request.request_id, denials=tuple(denials), amount_max=amount_max)


def _refusals(case: Case) -> list[Denial]:
    conditions = CONDITIONS if case.is_exit else CONDITIONS + ENTRY_CONDITIONS
    refusals = []
    for check in conditions:
        try:
            denial = check(case)
        except Exception as fault:  # noqa: BLE001 - whatever goes wrong in a check, the answer is no
            denial = _fault(check, fault)
        if denial is not None:
            refusals.append(denial)
    return refusals


def _measure(case: Case) -> tuple[list[Ceiling], list[Denial]]:
    """The ceilings that apply, and a denial for each that the requested size exceeds."""
    ceilings: list[Ceiling] = []
    oversize: list[Denial] = []
    if case.sizing is None:
        return ceilings, oversize
    for check in CEILINGS if case.is_exit else CEILINGS + ENTRY_CEILINGS:
        try:
            ceiling = check(case)
            observed = ceiling.observed(case.sizing.quantity) if ceiling else None
            within = ceiling is None or observed is None or observed <= ceiling.limit
        except Exception as fault:  # noqa: BLE001 - whatever goes wrong in a check, the answer is no
            oversize.append(_fault(check, fault))
            continue
        if ceiling is not None:
            ceilings.append(ceiling)
            if not within:
                text = f"{ceiling.what} is too large"
                oversize.append(deny(ceiling.code, text, observed, ceiling.limit, ceiling.unit))
    return ceilings, oversize


def _fault(check: Condition | Limit, fault: Exception) -> Denial:
    name = f"{check.__module__.rsplit('.', 1)[-1]}.{check.__name__}"
    return deny(Code.CHECK_FAILED, f"the check {name} could not be evaluated", type(fault).__name__)


def _permit(request: Request, payload: Payload, snapshot: Snapshot, limits: Limits) -> Permit:
    """The only permit in the code: bound to the payload's digest, and short-lived."""
    replaces = request.intent.replaces if isinstance(request.intent, OrderIntent) else None
    return Permit(
        request_id=request.request_id,
        action=_action(payload, replaces),
        payload_digest=digest(payload),
        issued_at=snapshot.now,
        expires_at=snapshot.now + limits.permit_ttl,
        replaces=replaces,
    )


def _amount_max(case: Case, sizing: Sizing, ceilings: list[Ceiling]) -> Amount:
    """The largest amount, in the unit of the request, that every ceiling lets through; 0 where none would do."""
    quantity = min(ceiling.quantity_max() for ceiling in ceilings)
    intent, instrument = case.intent, case.snapshot.instrument
    if isinstance(intent, TransferIntent) or instrument is None:
        return Amount(value=round(quantity, 18) if quantity else ZERO, asset=sizing.pay_asset)
    quantity = round_down(quantity, instrument.quantity_increment)
    if quantity < instrument.quantity_min or quantity * sizing.price_worst < instrument.notional_min:
        quantity = ZERO
    if isinstance(intent, SwapIntent):
        return Amount(value=quantity * sizing.pay_per_unit, asset=intent.from_asset)
    return Amount(value=quantity, asset=instrument.base)


def _payload(case: Case, sizing: Sizing) -> Payload:
    """Exactly what will be sent."""
    intent, client_order_id = case.intent, ClientOrderId(case.request.request_id)
    if isinstance(intent, TransferIntent):
        return TransferRequest(
            client_order_id=client_order_id,
            chain=intent.chain,
            asset=intent.asset,
            amount=intent.amount,
            to_address=intent.to_address,
        )
    if isinstance(intent, SwapIntent):
        return _swap_order(case, intent, sizing)
    return OrderRequest(
        client_order_id=client_order_id,
        venue=intent.venue,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        order_type=intent.order_type,
        price_worst=sizing.price_worst,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        time_in_force=intent.time_in_force,
        expires_at=intent.expires_at,
        post_only=intent.post_only,
        market_type=intent.market_type,
    )


def _swap_order(case: Case, intent: SwapIntent, sizing: Sizing) -> OrderRequest:
    """A swap is an order that takes what the market has now, on the chain as its venue, and leaves nothing resting."""
    instrument, side = case.snapshot.instrument, sizing.side
    if instrument is None or side is None:
        raise AssertionError("a swap that passed every check has an instrument and a side")
    return OrderRequest(
        client_order_id=ClientOrderId(case.request.request_id),
        venue=VenueId(intent.chain),
        symbol=instrument.symbol,
        side=side,
        quantity=sizing.quantity,
        order_type=OrderType.MARKET,
        price_worst=sizing.price_worst,
        time_in_force=TimeInForce.IOC,
    )


def _action(payload: Payload, replaces: ClientOrderId | None) -> Action:
    if isinstance(payload, TransferRequest):
        return Action.TRANSFER
    return Action.PLACE if replaces is None else Action.REPLACE
