"""What is in flight counts at its worst; an order and its replacement, which never both happen, count once."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.errors import OutcomeUnknown, Unavailable
from readytrader_sdk.orders import ClientOrderId, OrderState

from appliance.domain.codes import Code
from appliance.domain.orders import Order
from appliance.service.claims import Claim, claims_of
from tests.domain.building import D, after, fill, order_of, report
from tests.pipeline.cases import USDT, sell
from tests.pipeline.cases import buy as ask
from tests.service.live import Live, play_live
from tests.service.rig import buy, codes, order_id

CASH = frozenset({USDT})
S = OrderState


def claims(orders: Sequence[Order], ended: str | None = None) -> list[Claim]:
    live = {order.client_order_id: order for order in orders if order.is_live}
    return list(claims_of(live, CASH, None if ended is None else ClientOrderId(ended)))


def an_order(name: str, quantity: str, price: str = "100", replaces: str | None = None) -> Order:
    named = None if replaces is None else ClientOrderId(replaces)
    return order_of(ask(quantity, price), name, replaces=named)


def test_each_order_claims_what_its_permit_reserved() -> None:
    order = an_order("a", "2")
    (claim,) = claims([order])
    assert claim.pays == order.terms.pay
    assert claim.brings is not None
    assert (claim.brings.value, claim.notional) == (D(2), D(200))


def test_what_was_filled_is_claimed_no_more() -> None:
    order = after(an_order("a", "2"), report(S.PARTLY_FILLED, fill("f", "0.5"), order_id="a"))
    (claim,) = claims([order])
    assert claim.brings is not None
    assert (claim.brings.value, claim.notional) == (D("1.5"), D(150))
    assert claim.pays.value == order.terms.pay.value * D("0.75")


def test_a_sale_brings_nothing_into_the_market() -> None:
    (claim,) = claims([order_of(sell("2"), "a")])
    assert (claim.brings, claim.pays.asset, claim.pays.value) == (None, "BTC", D(2))


@pytest.mark.parametrize(("old", "new"), [("2", "3"), ("3", "2")])
def test_an_order_and_its_replacement_count_once_and_as_the_worse_of_both(old: str, new: str) -> None:
    both = [an_order("a", old), an_order("b", new, replaces="a")]
    (claim,) = claims(both)
    assert claim.brings is not None
    assert (claim.brings.value, claim.notional) == (D(3), D(300))
    assert claim.pays.value == max(order.terms.pay.value for order in both)


def test_the_worse_is_taken_figure_by_figure() -> None:
    (claim,) = claims([an_order("a", "3", "97"), an_order("b", "2.9", "104", replaces="a")])
    assert claim.brings is not None
    assert (claim.brings.value, claim.notional) == (D(3), D("301.6"))


def test_a_line_of_replacements_counts_once_and_other_orders_beside_it() -> None:
    line = [an_order("a", "1"), an_order("b", "3", replaces="a"), an_order("c", "2", replaces="b")]
    assert [claim.notional for claim in claims([*line, an_order("x", "5")])] == [D(300), D(500)]


def test_a_replacement_whose_first_order_has_ended_stands_alone() -> None:
    ended = after(an_order("a", "9"), report(S.CANCELLED, order_id="a"))
    assert [claim.notional for claim in claims([ended, an_order("b", "2", replaces="a")])] == [D(200)]


def test_the_order_that_the_request_would_replace_does_not_count_beside_it() -> None:
    assert claims([an_order("a", "2")], ended="a") == []
    others = [an_order("a", "9"), an_order("b", "2", replaces="a"), an_order("c", "3", replaces="a")]
    assert [claim.notional for claim in claims(others, ended="a")] == [D(200), D(300)]


@given(quantities=st.lists(st.integers(1, 9), min_size=1, max_size=5), joined=st.lists(st.booleans(), min_size=4))
def test_claims_are_never_less_than_the_worst_that_can_happen(quantities: list[int], joined: list[bool]) -> None:
    """Of each line one order at most is ever open: the sum of every line's largest is the worst."""
    orders: list[Order] = []
    lines: list[list[Decimal]] = []
    for n, quantity in enumerate(quantities):
        replaces = f"o{n - 1}" if n and joined[n - 1] else None
        orders.append(an_order(f"o{n}", str(quantity), replaces=replaces))
        lines = [*lines[:-1], [*lines[-1], D(quantity)]] if replaces else [*lines, [D(quantity)]]
    worst = sum((max(line) for line in lines), D(0))
    assert sum(claim.brings.value for claim in claims(orders) if claim.brings) == worst


# the same, over a whole core


def test_money_under_a_replacement_in_doubt_is_reserved_once_at_its_worst(tmp_path: Path) -> None:
    """100000 USDT: 1 BTC at 49000 replaced in doubt by 1.5 BTC leaves what 1.5 BTC leaves, and no less."""

    async def scenario(rig: Live) -> None:
        first = order_id(await rig.sent(buy("1", "49000")))
        rig.venue.always["find_order"] = Unavailable("dark")
        rig.venue.before["replace_order"].append(OutcomeUnknown("lost"))
        second = await rig.sent(buy("1.5", "49000", replaces=first))
        assert second.order.state is OrderState.UNKNOWN
        reserved = rig.core.state.orders[order_id(second)].reserved.value
        free = Decimal(100_000) - reserved
        refused = codes(await rig.send(buy("1", "49000")))
        assert Code.BALANCE_INSUFFICIENT in refused
        fitting = (free / 49500).quantize(Decimal("0.01"))
        assert Code.BALANCE_INSUFFICIENT not in codes(await rig.send(buy(str(fitting - Decimal("0.01")), "49000")))

    play_live(tmp_path, scenario)


def test_an_order_cannot_be_replaced_twice_at_once_into_two_reservations(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        first = order_id(await rig.sent(buy("1", "49000")))
        second = order_id(await rig.sent(buy("1.5", "49000", replaces=first)))
        await rig.until(lambda: rig.of(first).state is OrderState.CANCELLED)
        assert codes(await rig.send(buy("1.5", "49100", replaces=first))) == {Code.NOT_CANCELLABLE}
        assert rig.venue.open_ids() == {second}

    play_live(tmp_path, scenario)
