"""A report with very many fills, booked in parts: together they say what the whole says, and each fits an entry."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import TERMINAL_STATES, Fill, OrderState, VenueOrderId

from appliance.domain.events import OrderReported, ReportSource
from appliance.domain.fills import FILLS_PER_REPORT_MAX, in_parts, news_of
from appliance.domain.orders import FEE_ASSETS_MAX, NAME_LENGTH_MAX, ImpossibleReport, Order, apply_report
from appliance.service.narrowing import REASON_MAX
from appliance.store.entry import BODY_BYTES_MAX
from tests.domain.building import D, after, fill, order_of, report
from tests.pipeline.cases import USDT, buy

S = OrderState
WIDEST = "\x01"
"""The character that takes most bytes in JSON: six."""


def many(count: int, quantity: str = "0.001", first: int = 0) -> list[Fill]:
    return [fill(f"t{n}", quantity) for n in range(first, first + count)]


def histories() -> st.SearchStrategy[Order]:
    """An order for 1 BTC as it was before: in any state, with or without a tenth of it filled."""
    before = [order_of(buy("1"), state=state) for state in S]
    partly = [after(order_of(buy("1")), report(state, fill("t0", "0.1"))) for state in (S.PARTLY_FILLED, S.CANCELLED)]
    return st.sampled_from([*before, *partly])


@given(
    order=histories(),
    state=st.sampled_from(S),
    count=st.integers(FILLS_PER_REPORT_MAX - 1, 3 * FILLS_PER_REPORT_MAX + 1),
    quantity=st.sampled_from(["0.001", "0.002", "0.0025", "0.01"]),
)
def test_the_parts_say_what_the_whole_says_or_both_cannot_be(
    order: Order, state: OrderState, count: int, quantity: str
) -> None:
    known = {"t0"} if order.filled_quantity else set[str]()
    news = report(state, *many(count, quantity), reason="because")
    try:
        whole, fills = apply_report(order, news, known)
    except ImpossibleReport:
        with pytest.raises(ImpossibleReport):
            [order := apply_report(order, part, known)[0] for part in in_parts(order, news, known)]
        return
    seen: list[Fill] = []
    parts = in_parts(order, news, known)
    for part in parts:
        assert len(part.fills) <= FILLS_PER_REPORT_MAX
        order, some = apply_report(order, part, known | {one.fill_id for one in seen})
        seen += some
    assert (order, tuple(seen)) == (whole, fills)


@pytest.mark.parametrize("state", [S.FILLED, S.CANCELLED, S.EXPIRED])
def test_only_the_last_part_ends_an_order(state: OrderState) -> None:
    parts = in_parts(order_of(buy("1")), report(state, *many(1000)), frozenset())
    assert [part.state for part in parts] == [S.PARTLY_FILLED] * 4 + [state]


def test_fills_that_raced_the_end_never_make_an_ended_order_live_again() -> None:
    order = after(order_of(buy("1")), report(S.CANCELLED))
    states = [order.state]
    for part in in_parts(order, report(S.FILLED, *many(1000)), frozenset()):
        order = after(order, part)
        states.append(order.state)
    assert states == [S.CANCELLED] * 5 + [S.FILLED]
    assert all(state in TERMINAL_STATES for state in states)


def test_what_is_known_is_left_out_and_a_report_of_news_alone_is_itself() -> None:
    word = report(S.PARTLY_FILLED, *many(3))
    assert news_of(word, frozenset()) is word
    assert [one.fill_id for one in news_of(word, {"t0", "t2"}).fills] == ["t1"]


def test_one_part_fits_an_entry_whatever_the_venue_calls_things() -> None:
    long = WIDEST * NAME_LENGTH_MAX
    figure = "123456789012345678.123456789012345678"
    fills = [
        replace(
            fill(f"{n:04}" + WIDEST * (NAME_LENGTH_MAX - 4), figure, figure, figure),
            fee_asset=Asset(f"{n % FEE_ASSETS_MAX:04}" + WIDEST * (NAME_LENGTH_MAX - 4)),
        )
        for n in range(FILLS_PER_REPORT_MAX)
    ]
    word = report(S.PARTLY_FILLED, *fills, venue_order_id=VenueOrderId(long), reason=WIDEST * REASON_MAX)
    assert len(msgspec.json.encode(OrderReported(report=word, source=ReportSource.VENUE))) < BODY_BYTES_MAX
    booked = replace(word, fills=tuple(replace(one, quantity=D("1e-18")) for one in fills))
    order = after(order_of(buy("1")), booked)
    assert order.filled_quantity == D("1e-18") * FILLS_PER_REPORT_MAX
    assert len(msgspec.json.encode(order)) < BODY_BYTES_MAX / 10


def test_names_that_no_record_can_hold_are_refused_one_character_beyond_the_bound() -> None:
    for length in (NAME_LENGTH_MAX, NAME_LENGTH_MAX + 1):
        words = [
            report(S.PARTLY_FILLED, fill("i" * length, "0.1")),
            report(S.PARTLY_FILLED, fill("a", "0.1", fee_asset=Asset("A" * length))),
            report(S.OPEN, venue_order_id=VenueOrderId("v" * length)),
        ]
        for word in words:
            if length == NAME_LENGTH_MAX:
                after(order_of(buy("1")), word)
            else:
                with pytest.raises(ImpossibleReport) as refused:
                    after(order_of(buy("1")), word)
                assert len(str(refused.value)) < 300


def test_fees_of_one_order_are_in_few_assets() -> None:
    fills = [fill(f"t{n}", "0.001", fee="1", fee_asset=Asset(f"A{n}")) for n in range(FEE_ASSETS_MAX)]
    order = after(order_of(buy("1")), report(S.PARTLY_FILLED, *fills))
    with pytest.raises(ImpossibleReport, match=f"fees in {FEE_ASSETS_MAX + 1} assets"):
        after(order, report(S.PARTLY_FILLED, fill("more", "0.001", fee_asset=USDT)))
    again = after(order, report(S.PARTLY_FILLED, fill("more", "0.001", fee="1", fee_asset=Asset("A0"))))
    assert again.fees[Asset("A0")] == D(2)


def test_an_order_is_as_small_with_its_thousandth_fill_as_with_its_first() -> None:
    order, sizes = order_of(buy("1")), []
    for n in range(1000):
        order = after(order, report(S.PARTLY_FILLED, fill(f"t{n}", "0.001", "99.5", fee="0.01")))
        sizes.append(len(msgspec.json.encode(order)))
    assert max(sizes) - min(sizes) < 20
    assert all(later >= earlier - 3 for earlier, later in pairwise(sizes))
