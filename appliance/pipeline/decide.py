"""`decide`: the one place where a request becomes a permit. Pure; every check runs; all refusals come back together.

`validate_trade_risk`, a first submission, and the second look after an approval all call this same function.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext

from readytrader_sdk.instruments import VenueId
from readytrader_sdk.money import FRACTION_DIGITS_MAX, ZERO, round_down
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
from appliance.pipeline.case import EXACT, Case, Ceiling, deny
from appliance.pipeline.checks import CEILINGS, CONDITIONS, ENTRY_CEILINGS, ENTRY_CONDITIONS
from appliance.pipeline.checks.approval import reasons_to_ask
from appliance.pipeline.terms import Sizing, price_least

_SMALLEST = Decimal(1).scaleb(-FRACTION_DIGITS_MAX)
"""The finest step in which an amount can be asked for."""


def decide(request: Request, snapshot: Snapshot, limits: Limits) -> Decision:
    """Permit, propose or deny one request on the facts of one snapshot."""
    with localcontext(EXACT):
        return _decide(Case(request, snapshot, limits))


def _decide(case: Case) -> Decision:
    refusals = _refusals(case)
    ceilings, oversize, faults = _measure(case)
    sizing = case.sizing
    if refusals or faults or sizing is None:
        return _denied(case, refusals + faults + oversize)
    if oversize:
        return _denied(case, oversize, _amount_max(case, sizing, ceilings))
    try:
        reasons = reasons_to_ask(case)
    except Exception as fault:  # noqa: BLE001 - whether a person must agree is unknown, so the answer is no
        return _denied(case, [_fault(reasons_to_ask, fault)])
    if reasons:
        return _proposal(case, sizing, reasons)
    payload = _payload(case, sizing)
    return Permitted(permit=_permit(case, payload), payload=payload, terms=sizing.terms(case.limits))


def _denied(case: Case, denials: list[Denial], amount_max: Amount | None = None) -> Denied:
    return Denied(request_id=case.request.request_id, denials=tuple(denials), amount_max=amount_max)


def _proposal(case: Case, sizing: Sizing, reasons: tuple[Denial, ...]) -> Proposal:
    return Proposal(
        request_id=case.request.request_id,
        intent_digest=digest(case.request),
        reasons=reasons,
        terms=sizing.terms(case.limits),
        expires_at=case.snapshot.now + case.limits.proposal_ttl,
        people_min=case.limits.approval_people_min,
    )


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


def _measure(case: Case) -> tuple[list[Ceiling], list[Denial], list[Denial]]:
    """The ceilings that apply, a denial for each that the requested size exceeds, and one for each unknown."""
    ceilings: list[Ceiling] = []
    oversize: list[Denial] = []
    faults: list[Denial] = []
    if case.sizing is None:
        return ceilings, oversize, faults
    for check in CEILINGS if case.is_exit else CEILINGS + ENTRY_CEILINGS:
        try:
            ceiling = check(case)
            denial = ceiling.denial(case.sizing.quantity) if ceiling is not None else None
        except Exception as fault:  # noqa: BLE001 - whatever goes wrong in a check, the answer is no
            faults.append(_fault(check, fault))
            continue
        if ceiling is not None:
            ceilings.append(ceiling)
        if denial is not None:
            oversize.append(denial)
    return ceilings, oversize, faults


def _fault(check: Callable[[Case], object], fault: Exception) -> Denial:
    name = f"{check.__module__.rsplit('.', 1)[-1]}.{check.__name__}"
    return deny(Code.CHECK_FAILED, f"the check {name} could not be evaluated", type(fault).__name__)


def _permit(case: Case, payload: Payload) -> Permit:
    """The only permit in the code: bound to the payload's digest, and short-lived."""
    replaces = case.intent.replaces if isinstance(case.intent, OrderIntent) else None
    return Permit(
        request_id=case.request.request_id,
        action=_action(payload, replaces),
        venue=VenueId(payload.chain) if isinstance(payload, TransferRequest) else payload.venue,
        payload_digest=digest(payload),
        issued_at=case.snapshot.now,
        expires_at=case.snapshot.now + case.limits.permit_ttl,
        replaces=replaces,
    )


def _amount_max(case: Case, sizing: Sizing, ceilings: list[Ceiling]) -> Amount:
    """The largest amount, in the unit of the request, that every ceiling lets through; 0 where none would do."""
    quantity = min(ceiling.quantity_max() for ceiling in ceilings)
    intent, instrument, market = case.intent, case.snapshot.instrument, case.snapshot.market
    if isinstance(intent, TransferIntent) or instrument is None or market is None:
        return Amount(value=_askable(quantity, ROUND_FLOOR), asset=sizing.pay_asset)
    quantity = round_down(quantity, instrument.quantity_increment)
    if quantity < instrument.quantity_min or quantity * price_least(intent, market) < instrument.notional_min:
        quantity = ZERO
    if isinstance(intent, SwapIntent):
        # rounded up, because what it buys is then rounded down to just this quantity
        return Amount(value=_askable(quantity * sizing.pay_per_unit, ROUND_CEILING), asset=intent.from_asset)
    return Amount(value=quantity, asset=instrument.base)


def _askable(amount: Decimal, rounding: str) -> Decimal:
    """The amount in the finest steps in which one can be asked for, and as it is where it needs no finer."""
    rounded = amount.quantize(_SMALLEST, rounding)
    return amount if rounded == amount else rounded


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
