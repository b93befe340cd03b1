"""Routers: an offer that says enough, a plan that takes no more than the offer, and findings that say what it does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from readytrader_sdk.conformance.checks import expect, promise, refusing, shown, skip
from readytrader_sdk.conformance.instrument_rules import expect_exact
from readytrader_sdk.conformance.subjects import RouterSubject
from readytrader_sdk.instruments import Asset
from readytrader_sdk.kinds import Kind
from readytrader_sdk.money import ZERO
from readytrader_sdk.ports import (
    NATIVE_TOKEN,
    Approval,
    Call,
    Finding,
    Flow,
    Plan,
    RouteQuote,
    SwapRequest,
    TypedDataOrder,
)

NOWHERE_CHAIN = 2**31 - 1
NATIVE_DECIMALS = 18


def request_of(subject: RouterSubject) -> SwapRequest:
    """The swap to try; skips the check where the subject names none."""
    if subject.request is None:
        skip("the subject names no request")
    return subject.request


async def planned(subject: RouterSubject) -> tuple[SwapRequest, RouteQuote, Plan]:
    """A request, the offer for it, and the plan that takes it."""
    request = request_of(subject)
    quote = await subject.router.quote(request)
    return request, quote, await subject.router.prepare(request, quote)


def is_same(one: str, other: str) -> bool:
    """Whether two addresses are one, however they are written."""
    return one.lower() == other.lower()


def is_native(token: str) -> bool:
    """Whether it stands for the chain's own coin."""
    return is_same(token, NATIVE_TOKEN)


def breach(request: SwapRequest, findings: tuple[Finding, ...]) -> str | None:
    """What is wrong with a plan that does this, seen from the owner; None when it keeps the request."""
    spent, received = ZERO, ZERO
    for finding in findings:
        if finding.flow is Flow.OUT:
            if not is_same(finding.token, request.from_token):
                return f"{shown(finding.token)} leaves the owner, not {request.from_asset} alone"
            spent += finding.amount
        elif is_same(finding.token, request.to_token) and is_same(finding.counterparty, request.owner):
            received += finding.amount
    if not ZERO < spent <= request.amount:
        return f"{spent} {request.from_asset} leave the owner, {request.amount} were to"
    if received <= ZERO or received < request.amount_out_min:
        return f"{received} {request.to_asset} reach the owner, at least {request.amount_out_min} were to"
    return None


@promise(Kind.ROUTER, "An offer names exact amounts above zero, of which the least is at most what is expected.")
async def offers_are_consistent(subject: RouterSubject) -> None:
    quote = await subject.router.quote(request_of(subject))
    expect_exact(quote.amount_out, "amount_out")
    expect_exact(quote.amount_out_min, "amount_out_min")
    expect(
        0 < quote.amount_out_min <= quote.amount_out,
        f"amount_out_min is {quote.amount_out_min}, amount_out {quote.amount_out}",
    )


@promise(Kind.ROUTER, "An offer gives at least what was asked for.")
async def offers_keep_the_minimum(subject: RouterSubject) -> None:
    request = request_of(subject)
    quote = await subject.router.quote(request)
    expect(quote.amount_out_min >= request.amount_out_min, f"{quote.amount_out_min} of {request.amount_out_min}")


@promise(Kind.ROUTER, "An offer ends at a time in the future, aware and in UTC.")
async def offers_end_in_the_future(subject: RouterSubject) -> None:
    quote = await subject.router.quote(request_of(subject))
    at = quote.expires_at
    expect(at.utcoffset() == timedelta(0), f"expires_at: expected an aware time in UTC, got {shown(at)}")
    expect(at > datetime.now(UTC), f"expires_at: {shown(at)} is over")


@promise(Kind.ROUTER, "An offer names who pulls the input, and nobody for the native coin.")
async def offers_name_the_spender(subject: RouterSubject) -> None:
    request = request_of(subject)
    quote = await subject.router.quote(request)
    if is_native(request.from_token):
        expect(quote.spender is None, f"nobody pulls the native coin, got {shown(quote.spender)}")
    else:
        spender = quote.spender or ""
        expect(len(spender) == 42 and spender.startswith("0x"), f"the spender is {shown(quote.spender)}")


@promise(Kind.ROUTER, "An offer says all that is needed to take it: it can be stored, and read again, in between.")
async def offers_survive_storage(subject: RouterSubject) -> None:
    request = request_of(subject)
    quote = await subject.router.quote(request)
    expect(isinstance(quote.opaque, str), f"opaque: expected text, got {type(quote.opaque).__name__}")
    stored = msgspec.json.decode(msgspec.json.encode(quote), type=RouteQuote)
    await subject.router.prepare(request, stored)


@promise(
    Kind.ROUTER, "A plan approves exactly the input, once, for the offer's spender, and nothing for the native coin."
)
async def approvals_are_exact(subject: RouterSubject) -> None:
    request, quote, plan = await planned(subject)
    approvals = [step for step in plan.steps if isinstance(step, Approval)]
    expect(len(approvals) <= (0 if is_native(request.from_token) else 1), f"{len(approvals)} approvals")
    for approval in approvals:
        expect(is_same(approval.token, request.from_token), f"it approves {shown(approval.token)}")
        expect(is_same(approval.spender, quote.spender or ""), f"it approves for {shown(approval.spender)}")
        expect(approval.amount == request.amount, f"it approves {approval.amount}, the input is {request.amount}")


@promise(Kind.ROUTER, "A plan ends with a call or an order, and no approval comes after one.")
async def plans_end_with_the_swap(subject: RouterSubject) -> None:
    _, _, plan = await planned(subject)
    acting = [not isinstance(step, Approval) for step in plan.steps]
    expect(any(acting), "the plan has no call and no order")
    expect(acting == sorted(acting), "an approval comes after the swap")


@promise(Kind.ROUTER, "Calls carry no native coin beyond the input.")
async def calls_carry_no_more_than_the_input(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    carried = sum(step.value for step in plan.steps if isinstance(step, Call))
    allowed = request.amount.scaleb(NATIVE_DECIMALS) if is_native(request.from_token) else ZERO
    expect(0 <= carried <= allowed, f"the calls carry {carried} wei, {allowed} are the input")


@promise(Kind.ROUTER, "An order's message is JSON for the request's chain, and ends no later than the request.")
async def orders_are_for_this_chain_and_end(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    orders = [step for step in plan.steps if isinstance(step, TypedDataOrder)]
    if not orders:
        skip("the plan has no order of an intent protocol")
    for order in orders:
        chain_id = json.loads(order.typed_data)["domain"].get("chainId")
        expect(int(chain_id or 0) == request.chain_id, f"the message is for chain {shown(chain_id)}")
        expect(order.valid_until <= request.expires_at, f"valid until {order.valid_until}, not {request.expires_at}")


@promise(Kind.ROUTER, "The router finds in its own plan what was asked for: no more out, no less in, to the owner.")
async def plans_are_found_to_keep_the_request(subject: RouterSubject) -> None:
    request, _, plan = await planned(subject)
    findings = await subject.router.verify(request, plan)
    for finding in findings:
        expect_exact(finding.amount, f"{finding.flow} {shown(finding.token)}")
    wrong = breach(request, findings)
    expect(wrong is None, wrong or "")


@promise(Kind.ROUTER, "An offer that has ended is not prepared.")
async def ended_offers_are_refused(subject: RouterSubject) -> None:
    request = request_of(subject)
    quote = await subject.router.quote(request)
    ended = msgspec.structs.replace(quote, expires_at=datetime.now(UTC) - timedelta(minutes=1))
    with refusing("an offer that ended a minute ago"):
        await subject.router.prepare(request, ended)


@promise(Kind.ROUTER, "No plan is made for a minimum that the offer cannot keep.")
async def minimums_out_of_reach_are_refused(subject: RouterSubject) -> None:
    request = request_of(subject)
    quote = await subject.router.quote(request)
    greedy = msgspec.structs.replace(request, amount_out_min=quote.amount_out * 2)
    with refusing("a plan for twice of what comes out"):
        await subject.router.prepare(greedy, quote)


@promise(Kind.ROUTER, "A chain that it does not know is refused.")
async def unknown_chains_are_refused(subject: RouterSubject) -> None:
    """Needs nothing of the subject: it is tried even where no swap is named."""
    elsewhere = SwapRequest(
        chain="nowhere",
        chain_id=NOWHERE_CHAIN,
        from_asset=Asset("COIN"),
        from_token=NATIVE_TOKEN,
        from_decimals=NATIVE_DECIMALS,
        to_asset=Asset("TOKEN"),
        to_token="0x" + "11" * 20,
        to_decimals=NATIVE_DECIMALS,
        amount=Decimal(1),
        amount_out_min=ZERO,
        owner="0x" + "22" * 20,
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
    )
    with refusing(f"a swap on chain {NOWHERE_CHAIN}"):
        await subject.router.quote(elsewhere)


@promise(Kind.ROUTER, "An amount finer than the token's smallest unit is refused, never rounded.")
async def too_fine_amounts_are_refused(subject: RouterSubject) -> None:
    request = request_of(subject)
    finer = msgspec.structs.replace(request, amount=request.amount + Decimal(1).scaleb(-request.from_decimals - 1))
    with refusing(f"an amount of {finer.amount}"):
        await subject.router.quote(finer)
