"""What an agent traded in the window, and how often it sent the same, however the orders come in."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.orders import ClientOrderId, OrderState

from appliance.domain.intents import AgentId
from appliance.domain.orders import Order
from appliance.domain.turnover import SHAPES_KEPT, RecentOrders
from tests.domain.building import DAY, MINUTE, D, after, fill, order_of, report
from tests.pipeline.cases import NOW, STEP

ALPHA = AgentId("alpha")
HOUR = timedelta(hours=1)
PROTOTYPE = order_of()
"""1 BTC at 100 USDT."""


def placed(order_id: str, at: datetime, shape: str = "same") -> Order:
    return replace(PROTOTYPE, client_order_id=ClientOrderId(order_id), created_at=at, shape=shape)


def cancelled(order: Order, filled: str = "0") -> Order:
    fills = [fill(f"{order.client_order_id}-f", filled)] if D(filled) else []
    return after(order, report(OrderState.CANCELLED, *fills, order_id=order.client_order_id))


def test_an_order_counts_until_the_window_has_passed() -> None:
    recent = RecentOrders(HOUR)
    recent.note(placed("a", NOW))
    assert recent.turnover(ALPHA, NOW) == D(100)
    assert recent.turnover(ALPHA, NOW + HOUR - STEP) == D(100)
    assert recent.turnover(ALPHA, NOW + HOUR) == D(0)


def test_an_order_counts_whole_while_it_may_fill_and_with_what_it_filled_afterwards() -> None:
    recent, order = RecentOrders(HOUR), placed("a", NOW)
    recent.note(order)
    partly = after(order, report(OrderState.PARTLY_FILLED, fill("f", "0.25"), order_id="a"))
    recent.note(partly)
    assert recent.turnover(ALPHA, NOW) == D(100)
    recent.note(cancelled(partly))
    assert recent.turnover(ALPHA, NOW) == D(25)


def test_agents_are_counted_apart() -> None:
    recent = RecentOrders(HOUR)
    recent.note(placed("a", NOW))
    assert recent.turnover(AgentId("beta"), NOW) == D(0)
    assert recent.same_shape(AgentId("beta"), "same", NOW) == 0


def test_the_same_order_is_counted_from_the_moment_asked_for() -> None:
    recent = RecentOrders(HOUR)
    for n in range(3):
        recent.note(placed(f"o{n}", NOW + n * MINUTE))
    assert recent.same_shape(ALPHA, "same", NOW) == 3
    assert recent.same_shape(ALPHA, "same", NOW + STEP) == 2
    assert recent.same_shape(ALPHA, "same", NOW + 2 * MINUTE) == 1
    assert recent.same_shape(ALPHA, "other", NOW) == 0


def test_a_report_does_not_make_an_order_a_second_one() -> None:
    recent, order = RecentOrders(HOUR), placed("a", NOW)
    for _ in range(3):
        recent.note(order)
    assert recent.turnover(ALPHA, NOW + 2 * HOUR) == D(0)
    recent.note(cancelled(order))
    assert recent.same_shape(ALPHA, "same", NOW) == 1
    assert recent.turnover(ALPHA, NOW + 2 * HOUR) == D(0)


@pytest.mark.parametrize("ids", ["abc", "cba", "bca", "bac"])
def test_a_restart_may_load_orders_in_any_order(ids: str) -> None:
    """Records come by when they were last touched; what counts is when each was permitted."""
    at = {"a": NOW, "b": NOW + 30 * MINUTE, "c": NOW + 50 * MINUTE}
    recent = RecentOrders(HOUR)
    for order_id in ids:
        recent.note(placed(order_id, at[order_id]))
    assert recent.same_shape(ALPHA, "same", NOW + 30 * MINUTE) == 2
    assert [recent.turnover(ALPHA, NOW + HOUR + wait * MINUTE) for wait in (-1, 0, 29, 30, 50)] == [
        300,
        200,
        200,
        100,
        0,
    ]


def test_a_report_on_an_order_of_long_ago_does_not_hide_those_of_now() -> None:
    recent, old = RecentOrders(HOUR), placed("old", NOW - 3 * DAY)
    recent.note(old)
    recent.note(placed("new", NOW))
    recent.note(cancelled(old, "0.5"))
    assert recent.same_shape(ALPHA, "same", NOW - MINUTE) == 1
    assert recent.turnover(ALPHA, NOW) == D(100)


def test_repetitions_are_remembered_for_a_day_however_short_the_turnover_window_is() -> None:
    recent = RecentOrders(MINUTE)
    recent.note(placed("a", NOW))
    recent.note(placed("b", NOW + SHAPES_KEPT - STEP))
    assert recent.turnover(ALPHA, NOW + SHAPES_KEPT) == D(100)
    assert recent.same_shape(ALPHA, "same", NOW) == 2
    assert recent.window == SHAPES_KEPT


def test_what_is_past_is_forgotten() -> None:
    recent = RecentOrders(HOUR)
    for n in range(500):
        recent.note(placed(f"o{n}", NOW + n * HOUR, shape=f"shape {n}"))
        recent.turnover(ALPHA, NOW + n * HOUR)
    held = [len(recent._known), len(recent._recent[ALPHA]), len(recent._shapes)]
    assert held == [24, 24, 24]
    assert len(recent._counted) == len(recent._counting[ALPHA]) == 1


@given(
    minutes=st.lists(st.integers(0, 300), min_size=1, max_size=20),
    told=st.randoms(use_true_random=False),
    now=st.integers(0, 400),
)
def test_turnover_is_the_sum_over_the_window(minutes: list[int], told: object, now: int) -> None:
    orders = [placed(f"o{n}", NOW + minute * MINUTE) for n, minute in enumerate(minutes)]
    shuffled = list(orders)
    told.shuffle(shuffled)  # type: ignore[attr-defined]
    recent = RecentOrders(HOUR)
    for order in shuffled:
        recent.note(order)
    at, since = NOW + now * MINUTE, NOW + (now - 30) * MINUTE
    inside = [order for order in orders if order.created_at > at - HOUR]
    assert recent.same_shape(ALPHA, "same", since) == sum(order.created_at >= since for order in orders)
    assert recent.turnover(ALPHA, at) == Decimal(100) * len(inside)
