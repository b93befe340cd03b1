"""Routers against altered plans: what was changed on the way is refused or shows in the findings.

A plan is altered where a thief would: the receiver, the amounts, the contract, the coins that go along. A router that
takes such bytes for its own makes its `verify` worthless.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from readytrader_sdk.conformance.checks import expect, promise, refusing, shown, skip
from readytrader_sdk.conformance.router import breach, planned
from readytrader_sdk.conformance.subjects import RouterSubject
from readytrader_sdk.errors import PluginError
from readytrader_sdk.kinds import Kind
from readytrader_sdk.ports import Approval, Call, Plan, RouteQuote, Step, SwapRequest, TypedDataOrder

_THIEF = "0x" + "bad0" * 10
_WORD = 32


def _altered(plan: Plan, alter: Callable[[Step], Step]) -> Plan:
    """The plan with every step altered; skips the check when that changes nothing."""
    changed = Plan(steps=tuple(alter(step) for step in plan.steps))
    if changed == plan:
        skip("the plan does not spell that out")
    return changed


async def _expect_seen(subject: RouterSubject, request: SwapRequest, altered: Plan, what: str) -> None:
    try:
        findings = await subject.router.verify(request, altered)
    except PluginError:
        return
    expect(breach(request, findings) is not None, f"{what}: the findings are those of an honest plan")


def _replaced(step: Step, old: bytes, new: bytes, old_text: str, new_text: str) -> Step:
    """A step with some bytes of its call, or some text of its message, replaced."""
    if isinstance(step, Call):
        return msgspec.structs.replace(step, data=step.data.replace(old, new))
    if isinstance(step, TypedDataOrder):
        lower = step.typed_data.lower()
        at = lower.find(old_text.lower())
        if at >= 0:
            text = step.typed_data[:at] + new_text + step.typed_data[at + len(old_text) :]
            return msgspec.structs.replace(step, typed_data=text)
    return step


def _units(amount: Decimal, decimals: int) -> int:
    return int(amount.scaleb(decimals))


def _with_number(step: Step, old: int, new: int) -> Step:
    before, after = old.to_bytes(_WORD, "big"), new.to_bytes(_WORD, "big")
    return _replaced(step, before, after, f'"{old}"', f'"{new}"')


@promise(Kind.ROUTER, "A plan whose receiver was altered is refused or found out.")
async def an_altered_receiver_is_seen(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    owner = bytes.fromhex(request.owner[2:])
    thief = bytes.fromhex(_THIEF[2:])
    altered = _altered(plan, lambda step: _replaced(step, owner, thief, request.owner, _THIEF))
    await _expect_seen(subject, request, altered, "another receiver")


@promise(Kind.ROUTER, "A plan whose input was raised is refused or found out.")
async def an_altered_input_is_seen(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    units = _units(request.amount, request.from_decimals)
    altered = _altered(plan, lambda step: _with_number(step, units, units * 2))
    await _expect_seen(subject, request, altered, "twice the input")


@promise(Kind.ROUTER, "A plan whose minimum was lowered is refused or found out.")
async def an_altered_minimum_is_seen(subject: RouterSubject) -> None:
    request, quote, plan = await planned(subject)
    minimums = {_units(amount, request.to_decimals) for amount in (request.amount_out_min, quote.amount_out_min)}

    def lower(step: Step) -> Step:
        for units in minimums - {0}:
            step = _with_number(step, units, 1)
        return step

    if request.amount_out_min <= Decimal(1).scaleb(-request.to_decimals):
        skip("the request names no minimum")
    await _expect_seen(subject, request, _altered(plan, lower), "a minimum of next to nothing")


@promise(Kind.ROUTER, "A plan whose call goes to another contract is refused.")
async def another_contract_is_refused(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    altered = _altered(plan, lambda step: msgspec.structs.replace(step, to=_THIEF) if isinstance(step, Call) else step)
    with refusing(f"a call to {_THIEF}"):
        await subject.router.verify(request, altered)


@promise(Kind.ROUTER, "A plan whose call carries more native coins is refused or found out.")
async def added_coins_are_seen(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    altered = _altered(
        plan, lambda step: msgspec.structs.replace(step, value=step.value + 10**18) if isinstance(step, Call) else step
    )
    await _expect_seen(subject, request, altered, "one more native coin")


@promise(Kind.ROUTER, "Bytes that the router cannot read in full are refused.")
async def unreadable_bytes_are_refused(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)

    def garble(data: bytes) -> Plan:
        return _altered(plan, lambda step: msgspec.structs.replace(step, data=data) if isinstance(step, Call) else step)

    whole = next((step.data for step in plan.steps if isinstance(step, Call)), b"")
    for data in (b"\xde\xad\xbe\xef" + whole[4:], whole[:4] + b"\xff" * 31, whole[:-1]):
        with refusing(f"a call with the data {shown(data)}"):
            await subject.router.verify(request, garble(data))


@promise(Kind.ROUTER, "A plan with an added call is refused or found out.")
async def an_added_call_is_seen(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    approve_all = bytes.fromhex("095ea7b3") + bytes.fromhex(_THIEF[2:]).rjust(_WORD, b"\0") + b"\xff" * _WORD
    added = Call(to=request.from_token, value=0, data=approve_all)
    await _expect_seen(subject, request, Plan(steps=(*plan.steps, added)), "an unlimited approval beside the swap")


@promise(Kind.ROUTER, "An approval that was raised, or is for somebody else, is refused or found out.")
async def an_altered_approval_is_seen(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    for what, changes in (("a raised approval", {"amount": request.amount * 2}), ("a thief's", {"spender": _THIEF})):
        altered = _altered(
            plan,
            lambda step, changes=changes: (  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                msgspec.structs.replace(step, **changes) if isinstance(step, Approval) else step
            ),
        )
        await _expect_seen(subject, request, altered, what)


@promise(Kind.ROUTER, "An offer whose text was altered is refused, or its plan still keeps the request.")
async def an_altered_offer_is_harmless(subject: RouterSubject) -> None:
    request, quote, _ = await planned(subject)
    for opaque in ("", quote.opaque + "x", quote.opaque[::-1]):
        await _expect_refused_or_kept(subject, request, msgspec.structs.replace(quote, opaque=opaque))


async def _expect_refused_or_kept(subject: RouterSubject, request: SwapRequest, quote: RouteQuote) -> None:
    try:
        plan = await subject.router.prepare(request, quote)
        findings = await subject.router.verify(request, plan)
    except PluginError:
        return
    wrong = breach(request, findings)
    expect(wrong is None, f"with the text {shown(quote.opaque)}: {wrong}")
