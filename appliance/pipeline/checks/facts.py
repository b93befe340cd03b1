"""Whether the facts are figures at all. Nothing can be measured by NaN, and against infinity everything is small."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import OrderIntent
from appliance.domain.snapshot import Snapshot
from appliance.pipeline.case import Case, deny


def figures_finite(case: Case) -> Denial | None:
    """Every figure of the request and of its facts is a number, exits included: no rule can be asked of another."""
    for name, figure in _figures(case):
        if figure is not None and not figure.is_finite():
            return deny(Code.CHECK_FAILED, f"{name} is not a finite number", observed=figure)
    return None


def worst_case_computed(case: Case) -> Denial | None:
    """Facts that are all there must give a worst case; a price or increment of 0 does not."""
    if case.fault is None:
        return None
    return deny(Code.CHECK_FAILED, "the worst case cannot be computed from the facts", observed=case.fault)


def _figures(case: Case) -> Iterator[tuple[str, Decimal | None]]:
    intent = case.intent
    if isinstance(intent, OrderIntent):
        yield "quantity", intent.quantity
        yield "limit_price", intent.limit_price
        yield "stop_price", intent.stop_price
    else:
        yield "amount", intent.amount
    yield from _market_figures(case.snapshot)
    yield from _account_figures(case.snapshot)


def _market_figures(snapshot: Snapshot) -> Iterator[tuple[str, Decimal | None]]:
    instrument, market = snapshot.instrument, snapshot.market
    if instrument is not None:
        yield "instrument.price_increment", instrument.price_increment
        yield "instrument.quantity_increment", instrument.quantity_increment
        yield "instrument.quantity_min", instrument.quantity_min
        yield "instrument.notional_min", instrument.notional_min
    if market is not None:
        yield "market.bid", market.bid
        yield "market.ask", market.ask
        yield "market.bid_size", market.bid_size
        yield "market.ask_size", market.ask_size
    yield "opposite_best", snapshot.opposite_best
    yield "sentiment", snapshot.sentiment
    if snapshot.approval is not None:
        yield "approval.price_worst", snapshot.approval.price_worst


def _account_figures(snapshot: Snapshot) -> Iterator[tuple[str, Decimal | None]]:
    account, performance = snapshot.account, snapshot.performance
    yield "account.equity", account.equity
    yield "account.exposure", account.exposure
    yield "account.open_notional", account.open_notional
    yield "agent.turnover", snapshot.agent.turnover
    yield "performance.nav", performance.nav
    yield "performance.nav_day_open", performance.nav_day_open
    yield "performance.nav_peak", performance.nav_peak
    for name, amounts in (
        ("account.holding", account.holding),
        ("account.held_elsewhere", account.held_elsewhere),
        ("account.reserved", account.reserved),
        ("account.incoming", account.incoming),
        ("account.accounting_price", account.accounting_price),
    ):
        for amount in amounts.values():
            yield name, amount
