"""Placing, finding and cancelling: orders at a price where nobody sells, so that value is locked and none is spent."""

from __future__ import annotations

from contextlib import suppress

from readytrader_sdk.conformance.checks import NotKept, expect, expect_time, promise, shown
from readytrader_sdk.conformance.exchange_trial import Trial, trial
from readytrader_sdk.conformance.subjects import ExchangeSubject
from readytrader_sdk.errors import PluginError
from readytrader_sdk.kinds import Kind
from readytrader_sdk.money import round_up
from readytrader_sdk.orders import OrderRequest, OrderState, TimeInForce

_ENDED_UNFILLED = (OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED)


async def _placed(attempt: Trial) -> OrderRequest:
    order = attempt.limit(attempt.price_far)
    await attempt.place(order)
    return order


@promise(
    Kind.EXCHANGE,
    "Placing a limit order answers under the same client order ID that it is open, without fills.",
    moves_value=True,
)
async def placing_answers_that_it_is_open(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        report = await attempt.place(attempt.limit(attempt.price_far))
        expect(report.state is OrderState.OPEN, f"its state is {shown(report.state)} ({shown(report.reason)})")
        expect(not report.fills, f"it has fills: {shown(report.fills)}")


@promise(Kind.EXCHANGE, "An open order is found by its client order ID, as open.", moves_value=True)
async def an_open_order_is_found(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        found = await attempt.find(await _placed(attempt))
        expect(found.state is OrderState.OPEN, f"its state is {shown(found.state)}")


@promise(Kind.EXCHANGE, "An open order is among the open orders, once.", moves_value=True)
async def an_open_order_is_listed(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = await _placed(attempt)
        await attempt.find(order)
        times = await attempt.is_listed(order)
        expect(times == 1, f"it is listed {times} times")


@promise(
    Kind.EXCHANGE, "An open order spends nothing: no total changes, and no more is free than before.", moves_value=True
)
async def an_open_order_spends_nothing(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        before = {balance.asset: balance for balance in await attempt.exchange.balances()}
        await attempt.find(await _placed(attempt))
        after = {balance.asset: balance for balance in await attempt.exchange.balances()}
        expect(before.keys() == after.keys(), f"assets differ: {shown(sorted(before.keys() ^ after.keys()))}")
        for asset, balance in after.items():
            expect(balance.total == before[asset].total, f"{shown(asset)}: the total was {before[asset].total}")
            expect(balance.free <= before[asset].free, f"{shown(asset)}: more is free than before")


@promise(
    Kind.EXCHANGE, "Cancelling ends an open order: the answer says so, and it is listed no more.", moves_value=True
)
async def cancelling_ends_an_order(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = await _placed(attempt)
        report = await attempt.cancel(order)
        expect(report.state is OrderState.CANCELLED, f"its state is {shown(report.state)}")
        expect(await attempt.is_listed(order) == 0, "it is still listed as open")


@promise(Kind.EXCHANGE, "Cancelling twice is harmless: the second answer is the same, and no error.", moves_value=True)
async def cancelling_twice_is_harmless(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = await _placed(attempt)
        first = await attempt.cancel(order)
        second = await attempt.cancel(order)
        expect(second.state is first.state, f"first {shown(first.state)}, then {shown(second.state)}")


@promise(Kind.EXCHANGE, "A cancelled order stays cancelled, and is found as such.", moves_value=True)
async def a_cancelled_order_stays_cancelled(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = await _placed(attempt)
        await attempt.cancel(order)
        for _ in range(2):
            found = await attempt.settle(order)
            expect(found.state is OrderState.CANCELLED, f"it is found as {shown(found.state)}")


@promise(Kind.EXCHANGE, "What the venue refuses is a report that says REJECTED, not an error.", moves_value=True)
async def a_refusal_is_a_report(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        instrument = await attempt.instrument()
        free = {balance.asset: balance.free for balance in await attempt.exchange.balances()}
        unaffordable = (free.get(instrument.quote, 0) + 1) * 2 / attempt.price_far
        order = attempt.limit(
            attempt.price_far,
            quantity=max(attempt.quantity, round_up(unaffordable, instrument.quantity_increment)),
        )
        try:
            report = await attempt.place(order)
        except PluginError as fault:
            raise NotKept(
                f"an order for twice of what is there raised {type(fault).__name__}: {shown(str(fault))}"
            ) from fault
        expect(report.state is OrderState.REJECTED, f"an order for twice of what is there is {shown(report.state)}")


@promise(Kind.EXCHANGE, "The same client order ID sent twice makes one order.", moves_value=True)
async def an_id_makes_one_order(subject: ExchangeSubject) -> None:
    """The core never does this; a network in between may."""
    async with trial(subject) as attempt:
        before = {report.venue_order_id for report in await attempt.exchange.open_orders()}
        order = await _placed(attempt)
        with suppress(PluginError):  # refusing it so is as good as answering with a report
            await attempt.exchange.place_order(order)
        await attempt.find(order)
        made = [report for report in await attempt.exchange.open_orders() if report.venue_order_id not in before]
        named = [report for report in made if report.client_order_id == order.client_order_id]
        expect(len(made) <= 1 and len(named) <= 1, f"{max(len(made), len(named))} orders were made")


@promise(
    Kind.EXCHANGE,
    "An immediate-or-cancel order that finds no seller ends without fills and never rests.",
    moves_value=True,
)
async def an_immediate_order_never_rests(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = attempt.limit(attempt.price_far, time_in_force=TimeInForce.IOC)
        await attempt.place(order)
        ended = await attempt.settle(order)
        expect(ended.state in _ENDED_UNFILLED and not ended.fills, f"its state is {shown(ended.state)}")


@promise(Kind.EXCHANGE, "Every report's time is aware, in UTC, and not in the future.", moves_value=True)
async def report_times_are_utc(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = attempt.limit(attempt.price_far)
        expect_time((await attempt.place(order)).reported_at, "place_order: reported_at")
        expect_time((await attempt.find(order)).reported_at, "find_order: reported_at")
        expect_time((await attempt.cancel(order)).reported_at, "cancel_order: reported_at")
