"""What only some venues can: replace an order in one step, and a dead-man's switch that is armed and disarmed."""

from __future__ import annotations

from readytrader_sdk.conformance.checks import NotKept, expect, promise, shown, skip
from readytrader_sdk.conformance.exchange_trial import expect_about, trial
from readytrader_sdk.conformance.subjects import ExchangeSubject
from readytrader_sdk.errors import PluginError
from readytrader_sdk.kinds import Kind
from readytrader_sdk.orders import OrderState
from readytrader_sdk.ports import AmendPort, CancelAllAfterPort

ARMED_S = 300


@promise(Kind.EXCHANGE, "Replacing an order leaves one open: the new one, under its own ID.", moves_value=True)
async def replacing_leaves_one_order(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        exchange = attempt.exchange
        if not isinstance(exchange, AmendPort):
            skip("the venue does not replace orders")
        old, new = attempt.limit(attempt.price_far), attempt.limit(attempt.price_far)
        await attempt.place(old)
        attempt.remember(new)
        report = await exchange.replace_order(old.client_order_id, new)
        expect_about(report, new)
        expect(report.state is OrderState.OPEN, f"the new one is {shown(report.state)}")
        expect((await attempt.find(new)).state is OrderState.OPEN, "the new one is not found as open")
        replaced = await attempt.settle(old)
        expect(replaced.state is OrderState.CANCELLED, f"the old one is {shown(replaced.state)}")
        expect(await attempt.is_listed(old) == 0, "the old one is still listed")


@promise(Kind.EXCHANGE, "Replacing an order that has ended places nothing.", moves_value=True)
async def replacing_what_has_ended_places_nothing(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        exchange = attempt.exchange
        if not isinstance(exchange, AmendPort):
            skip("the venue does not replace orders")
        old, new = attempt.limit(attempt.price_far), attempt.limit(attempt.price_far)
        await attempt.place(old)
        await attempt.cancel(old)
        attempt.remember(new)
        try:
            report = await exchange.replace_order(old.client_order_id, new)
        except PluginError as fault:
            raise NotKept(f"raised {type(fault).__name__}: {shown(str(fault))}") from fault
        expect(report.state is OrderState.REJECTED, f"the new one is {shown(report.state)}")
        expect(await attempt.is_listed(new) == 0, "the new one is open")


@promise(Kind.EXCHANGE, "A dead-man's switch that was armed and disarmed leaves orders open.", moves_value=True)
async def a_disarmed_switch_cancels_nothing(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        exchange = attempt.exchange
        if not isinstance(exchange, CancelAllAfterPort):
            skip("the venue has no dead-man's switch")
        order = attempt.limit(attempt.price_far)
        await attempt.place(order)
        await exchange.cancel_all_after(ARMED_S)
        await exchange.cancel_all_after(0)
        found = await attempt.find(order)
        expect(found.state is OrderState.OPEN, f"the order is {shown(found.state)}")
