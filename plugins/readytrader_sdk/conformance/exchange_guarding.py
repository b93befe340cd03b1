"""What guards an account, where a venue has it: cancelling everything, a key's rights, the clock, its own reports."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from readytrader_sdk.conformance import exchange_trial
from readytrader_sdk.conformance.checks import CLOCKS_APART_MAX, expect, expect_time, promise, shown, skip
from readytrader_sdk.conformance.exchange_trial import Trial, trial
from readytrader_sdk.conformance.listening import expect_to_stop, stop_reading
from readytrader_sdk.conformance.subjects import ExchangeSubject
from readytrader_sdk.kinds import Kind
from readytrader_sdk.orders import ExecutionReport, OrderRequest
from readytrader_sdk.ports import CancelAllPort, KeyRights, KeyRightsPort, ReportStreamPort, VenueClockPort


@promise(Kind.EXCHANGE, "The venue's time is aware, in UTC, near ours, and does not go back.")
async def the_venue_tells_its_time(subject: ExchangeSubject) -> None:
    exchange = subject.exchange
    if not isinstance(exchange, VenueClockPort):
        skip("the venue does not tell its time")
    first, second = await exchange.venue_time(), await exchange.venue_time()
    for at in (first, second):
        expect_time(at, "venue_time")
        expect(datetime.now(UTC) - at <= CLOCKS_APART_MAX, f"venue_time: {shown(at)} is long past")
    expect(first <= second, f"venue_time went from {shown(first)} back to {shown(second)}")


@promise(Kind.EXCHANGE, "What a key may do is told in yes, no or not known, and its end is a time in UTC.")
async def key_rights_are_told(subject: ExchangeSubject) -> None:
    exchange = subject.exchange
    if not isinstance(exchange, KeyRightsPort):
        skip("the venue does not tell what a key may do")
    rights = await exchange.key_rights()
    expect(isinstance(rights, KeyRights), f"expected KeyRights, got {shown(rights)}")
    for name in ("can_trade", "can_withdraw", "is_bound_to_addresses"):
        value = getattr(rights, name)
        expect(value is None or isinstance(value, bool), f"{name}: expected a bool or None, got {shown(value)}")
    if rights.expires_at is not None:
        at = rights.expires_at
        expect(isinstance(at, datetime) and at.tzinfo is not None, f"expires_at: expected an aware time: {shown(at)}")


@promise(Kind.EXCHANGE, "Cancelling everything leaves nothing open, and may be asked for again.", moves_value=True)
async def everything_is_cancelled(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        exchange = attempt.exchange
        if not isinstance(exchange, CancelAllPort):
            skip("the venue does not cancel everything at once")
        orders = [attempt.limit(attempt.price_far) for _ in range(2)]
        for order in orders:
            await attempt.place(order)
        await exchange.cancel_all_orders()
        await exchange.cancel_all_orders()
        for order in orders:
            ended = await attempt.settle(order)
            expect(not ended.fills, "an order that was far from the market was filled")
            expect(await attempt.is_listed(order) == 0, f"an order is still open: {shown(ended.state)}")


@promise(
    Kind.EXCHANGE,
    "The venue tells of our orders by itself, under their IDs, with times in UTC, and stops when cancelled.",
    moves_value=True,
)
async def reports_are_streamed(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        exchange = attempt.exchange
        if not isinstance(exchange, ReportStreamPort):
            skip("the venue does not tell of orders by itself")
        stream = exchange.stream_reports()
        told: list[ExecutionReport] = []

        async def take() -> None:
            async for report in stream:
                told.append(report)  # noqa: PERF401 - what was told is looked at while the stream goes on

        reader = asyncio.create_task(take())
        try:
            sent = await _until_told(attempt, told, reader)
        finally:
            await stop_reading(reader, stream)
        names = {order.client_order_id for order in sent}
        expect(any(report.client_order_id in names for report in told), "nothing was told of the orders that were sent")
        for report in told:
            expect_time(report.reported_at, f"{shown(report.client_order_id)}: reported_at")
        await expect_to_stop(exchange.stream_reports())


async def _until_told(attempt: Trial, told: list[ExecutionReport], reader: asyncio.Task[None]) -> list[OrderRequest]:
    """Send and cancel orders until one is told of: what happens before the venue listens to us is not told."""
    deadline = asyncio.get_running_loop().time() + exchange_trial.SETTLING_S
    sent: list[OrderRequest] = []
    while asyncio.get_running_loop().time() < deadline:
        order = attempt.limit(attempt.price_far)
        sent.append(order)
        await attempt.place(order)
        await attempt.exchange.cancel_order(order.client_order_id, attempt.symbol)
        await asyncio.sleep(exchange_trial.ASKING_AGAIN_S)
        if reader.done():
            reader.result()
            expect(bool(told), "the stream ended by itself")
        if any(report.client_order_id == one.client_order_id for report in told for one in sent):
            break
    return sent
