"""Fills: orders that buy, at a worst price that they must keep. What was bought stays bought."""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.conformance.checks import expect, expect_time, promise, shown, skip
from readytrader_sdk.conformance.exchange_trial import Trial, trial
from readytrader_sdk.conformance.instrument_rules import expect_exact
from readytrader_sdk.conformance.subjects import ExchangeSubject
from readytrader_sdk.instruments import Asset, MarketType
from readytrader_sdk.kinds import Kind
from readytrader_sdk.money import ZERO, is_multiple
from readytrader_sdk.orders import ExecutionReport, Liquidity, OrderRequest, OrderState, TimeInForce


async def _bought(attempt: Trial, order: OrderRequest) -> ExecutionReport:
    """Place an order that is to be filled at once, and what came of it."""
    await attempt.place(order)
    report = await attempt.settle(order)
    if not report.fills:
        skip(f"nothing was bought at up to {attempt.price_crossing}: the order is {shown(report.state)}")
    return report


def _immediate(attempt: Trial) -> OrderRequest:
    return attempt.limit(attempt.price_crossing, time_in_force=TimeInForce.IOC)


def _filled(report: ExecutionReport) -> Decimal:
    return sum((fill.quantity for fill in report.fills), ZERO)


@promise(Kind.EXCHANGE, "A limit order never fills beyond its limit.", moves_value=True)
async def a_limit_is_kept(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = _immediate(attempt)
        for fill in (await _bought(attempt, order)).fills:
            expect(fill.price <= order.price_worst, f"a fill at {shown(fill.price)}, the limit was {order.price_worst}")


@promise(Kind.EXCHANGE, "A market order fills, and never beyond its worst price.", moves_value=True)
async def a_market_order_keeps_its_worst_price(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = attempt.market(attempt.price_crossing)
        for fill in (await _bought(attempt, order)).fills:
            expect(fill.price <= order.price_worst, f"a fill at {shown(fill.price)}, the worst was {order.price_worst}")


@promise(
    Kind.EXCHANGE, "A market order that cannot keep its worst price buys nothing and never rests.", moves_value=True
)
async def a_market_order_out_of_reach_buys_nothing(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        if attempt.price_crossing <= attempt.price_far:
            skip("price_crossing is not above price_far")
        order = attempt.market(attempt.price_far)
        await attempt.place(order)
        report = await attempt.settle(order)
        expect(not report.fills, f"filled at {shown([fill.price for fill in report.fills])}")
        expect(
            report.state in (OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED),
            f"its state is {shown(report.state)}",
        )


@promise(Kind.EXCHANGE, "Fills add up: to the quantity when the order is filled, never to more.", moves_value=True)
async def fills_add_up(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        report = await _bought(attempt, _immediate(attempt))
        filled = _filled(report)
        expect(filled <= attempt.quantity, f"{filled} was bought, {attempt.quantity} was ordered")
        expect(
            (report.state is OrderState.FILLED) == (filled == attempt.quantity),
            f"{filled} of {attempt.quantity} was bought and the order is {shown(report.state)}",
        )


@promise(Kind.EXCHANGE, "Every fill has an ID of its own, and keeps it.", moves_value=True)
async def fill_ids_are_unique(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        first, second = _immediate(attempt), _immediate(attempt)
        reports = [await _bought(attempt, first), await _bought(attempt, second)]
        ids = [fill.fill_id for report in reports for fill in report.fills]
        expect(all(ids), "a fill has no ID")
        expect(len(ids) == len(set(ids)), f"an ID is used twice: {shown(sorted(ids))}")
        again = [fill.fill_id for fill in (await attempt.find(first)).fills]
        expect(sorted(again) == sorted(ids[: len(reports[0].fills)]), f"asked again, the IDs are {shown(again)}")


@promise(
    Kind.EXCHANGE, "An order is found with all its fills, those that placing it told of among them.", moves_value=True
)
async def an_order_is_found_with_all_fills(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = _immediate(attempt)
        told = (await attempt.place(order)).fills
        report = await attempt.settle(order)
        found = {fill.fill_id: fill for fill in report.fills}
        missing = [fill.fill_id for fill in told if found.get(fill.fill_id) != fill]
        expect(not missing, f"placing told of fills that are not found so: {shown(missing)}")
        expect(
            report.state is not OrderState.FILLED or _filled(report) >= order.quantity,
            f"the order is filled and found with fills for {_filled(report)} of {order.quantity}",
        )


@promise(
    Kind.EXCHANGE,
    "Prices, quantities and fees are exact decimals, quantities above zero and in increments.",
    moves_value=True,
)
async def amounts_are_exact(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        instrument = await attempt.instrument()
        for fill in (await _bought(attempt, _immediate(attempt))).fills:
            for name in ("price", "quantity", "fee"):
                expect_exact(getattr(fill, name), f"fill {shown(fill.fill_id)}: {name}")
            expect(fill.price > 0, f"a price of {fill.price}")
            expect(fill.quantity > 0, f"a quantity of {fill.quantity}")
            expect(
                is_multiple(fill.quantity, instrument.quantity_increment),
                f"a quantity of {fill.quantity} is no multiple of {instrument.quantity_increment}",
            )
            expect(bool(fill.fee_asset), "a fee without an asset")


@promise(Kind.EXCHANGE, "Every fill's time is aware, in UTC, and not in the future.", moves_value=True)
async def fill_times_are_utc(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        for fill in (await _bought(attempt, _immediate(attempt))).fills:
            expect_time(fill.filled_at, f"fill {shown(fill.fill_id)}: filled_at")


@promise(Kind.EXCHANGE, "A post-only order never takes: it rests, or it is refused.", moves_value=True)
async def post_only_never_takes(subject: ExchangeSubject) -> None:
    async with trial(subject) as attempt:
        order = attempt.limit(attempt.price_crossing, post_only=True)
        report = await attempt.place(order)
        if report.state is not OrderState.REJECTED:  # many venues keep no trace of what they refuse
            report = await attempt.find(order)
        taken = [fill for fill in report.fills if fill.liquidity is Liquidity.TAKER]
        expect(not taken, f"it took {shown(taken)}")
        expect(report.state is not OrderState.FILLED, "it was filled at once")


@promise(Kind.EXCHANGE, "Balances follow fills, fees included, to the last digit (spot).", moves_value=True)
async def balances_follow_fills(subject: ExchangeSubject) -> None:
    if subject.market_type is not MarketType.SPOT:
        skip("a derivative's fills move no asset")
    async with trial(subject) as attempt:
        instrument = await attempt.instrument()
        before = {balance.asset: balance.total for balance in await attempt.exchange.balances()}
        fills = (await _bought(attempt, _immediate(attempt))).fills
        after = {balance.asset: balance.total for balance in await attempt.exchange.balances()}
        expected: dict[Asset, Decimal] = {instrument.base: ZERO, instrument.quote: ZERO}
        for fill in fills:
            expected[instrument.base] += fill.quantity
            expected[instrument.quote] -= fill.quantity * fill.price
            expected[fill.fee_asset] = expected.get(fill.fee_asset, ZERO) - fill.fee
        for asset, change in expected.items():
            seen = after.get(asset, ZERO) - before.get(asset, ZERO)
            expect(seen == change, f"{shown(asset)}: the fills say {change}, the balance changed by {seen}")
