"""Patterns that no single order shows (R17, R18, R19)."""

from __future__ import annotations

from readytrader_sdk.orders import Side

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import OrderIntent
from appliance.pipeline.case import Case, deny


def duplicate(case: Case) -> Denial | None:
    """The same order again within moments, without a key of its own that says it is meant."""
    if not case.snapshot.agent.duplicates:
        return None
    return deny(
        Code.DUPLICATE_ORDER,
        f"the same order was placed within {case.limits.duplicate_window.total_seconds():g} s",
        case.snapshot.agent.duplicates,
        0,
        "orders",
    )


def repeated(case: Case) -> Denial | None:
    """The same order over and over: a loop, whatever its keys say."""
    count = case.snapshot.agent.repeated
    if count < case.limits.repeated_orders_max:
        return None
    return deny(
        Code.REPEATED_ORDERS,
        f"the same order {count + 1} times within {case.limits.repeated_window.total_seconds():g} s",
        count + 1,
        case.limits.repeated_orders_max,
        "orders",
    )


def self_match(case: Case) -> Denial | None:
    """Nothing may trade against our own resting order."""
    intent, resting, sizing = case.intent, case.snapshot.opposite_best, case.sizing
    if not isinstance(intent, OrderIntent) or resting is None or sizing is None:
        return None
    crosses = sizing.price_worst >= resting if intent.side is Side.BUY else sizing.price_worst <= resting
    if not crosses:
        return None
    return deny(
        Code.SELF_MATCH, "it would trade against our own resting order", sizing.price_worst, resting, "limit price"
    )
