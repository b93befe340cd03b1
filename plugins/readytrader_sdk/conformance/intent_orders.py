"""Routers of intent protocols: an order is handed in once, found by our name for it, and can be called back."""

from __future__ import annotations

from readytrader_sdk.conformance.checks import NotKept, NotTried, expect, expect_time, promise, shown, skip
from readytrader_sdk.conformance.exchange_trial import fresh_id
from readytrader_sdk.conformance.router import planned
from readytrader_sdk.conformance.subjects import RouterSubject
from readytrader_sdk.errors import PluginError, Unsupported
from readytrader_sdk.kinds import Kind
from readytrader_sdk.orders import OrderState
from readytrader_sdk.ports import IntentOrderPort, OrderSubmission, TypedDataOrder

_ALIVE = (OrderState.OPEN, OrderState.PARTLY_FILLED, OrderState.FILLED)


def _port(subject: RouterSubject) -> IntentOrderPort:
    if not isinstance(subject.router, IntentOrderPort):
        skip("the router submits no orders")
    return subject.router


async def _submission(subject: RouterSubject) -> OrderSubmission:
    if subject.sign is None:
        skip("the subject cannot sign orders")
    _, _, plan = await planned(subject)
    for step in plan.steps:
        if isinstance(step, TypedDataOrder):
            return OrderSubmission(client_order_id=fresh_id(), order=step, signature=await subject.sign(step))
    raise NotTried("the plan has no order of an intent protocol")


@promise(Kind.ROUTER, "An order that was never handed in is not found: the answer is None, not an error.")
async def an_unknown_submission_is_not_found(subject: RouterSubject) -> None:
    found = await _port(subject).find_submission(fresh_id())
    expect(found is None, f"found {shown(found)}")


@promise(Kind.ROUTER, "An order that was handed in is taken and found under its own name.", moves_value=True)
async def a_submission_is_taken_and_found(subject: RouterSubject) -> None:
    port, submission = _port(subject), await _submission(subject)
    report = await port.submit_order(submission)
    expect(report.client_order_id == submission.client_order_id, f"it is about {shown(report.client_order_id)}")
    expect(report.state in _ALIVE, f"it is {shown(report.state)} ({shown(report.reason)})")
    expect_time(report.reported_at, "submit_order: reported_at")
    found = await port.find_submission(submission.client_order_id)
    expect(found is not None and found.state in _ALIVE, f"it is found as {shown(found)}")


@promise(Kind.ROUTER, "An order with a signature that is not the owner's is rejected in a report.", moves_value=True)
async def a_bad_signature_is_rejected(subject: RouterSubject) -> None:
    port, submission = _port(subject), await _submission(subject)
    report = await port.submit_order(
        OrderSubmission(client_order_id=fresh_id(), order=submission.order, signature=b"\x01" * 64 + b"\x1b")
    )
    expect(report.state is OrderState.REJECTED, f"it is {shown(report.state)}")


@promise(
    Kind.ROUTER, "How an order is called back is said before: what has to be signed, if anything.", moves_value=True
)
async def a_submission_can_be_called_back(subject: RouterSubject) -> None:
    port, submission = _port(subject), await _submission(subject)
    await port.submit_order(submission)
    try:
        plan = await port.prepare_cancellation(submission.client_order_id)
    except Unsupported:
        return
    except PluginError as fault:
        raise NotKept(f"preparing it raised {type(fault).__name__}: {shown(str(fault))}") from fault
    if plan.steps:
        skip("calling it back wants something signed, which is for the core to do")
    report = await port.cancel_submission(submission.client_order_id, None)
    expect(report.state in (OrderState.CANCELLED, OrderState.FILLED), f"it is {shown(report.state)}")
