"""The life of one order: which reports move it, which change nothing, which cannot be."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.orders import TERMINAL_STATES, ExecutionReport, Fill, OrderState, VenueOrderId

from appliance.domain.orders import (
    PAPER_ACCOUNT,
    TRANSITIONS,
    ImpossibleReport,
    Order,
    account_of,
    apply_report,
    balance_changes,
)
from appliance.domain.snapshot import Mode
from tests.domain.building import D, fill, order_of, report
from tests.pipeline.cases import BTC, USDT, buy, sell, transfer

S = OrderState

# What each report does to an order in each state, fills left out: + moves it, . changes nothing, x cannot be.
TABLE = """
                permitted unknown open partly_filled filled cancelled expired rejected absent
permitted       .         +       +    +             +      +         +       +        +
unknown         .         .       +    +             +      +         +       +        +
open            .         .       .    +             +      +         +       +        x
partly_filled   .         .       .    .             +      +         +       x        x
filled          .         .       .    .             .      .         .       x        x
cancelled       .         .       .    .             +      .         x       x        x
expired         .         .       .    .             +      x         .       x        x
rejected        .         .       +    +             +      +         +       .        x
absent          .         .       +    +             +      +         +       x        .
"""


def expectations() -> list[tuple[OrderState, OrderState, str]]:
    heading, *rows = (line.split() for line in TABLE.strip().splitlines())
    return [(S(row[0]), S(reported), mark) for row in rows for reported, mark in zip(heading, row[1:], strict=True)]


def in_state(state: OrderState) -> Order:
    """An order for 2 BTC in that state, with the fills that such a state has."""
    filled = {S.PARTLY_FILLED: D(1), S.FILLED: D(2)}.get(state, D(0))
    return order_of(buy("2"), state=state, filled_quantity=filled)


def fitting(order: Order, state: OrderState) -> tuple[Fill, ...]:
    """The fills that a report of that state must bring to be believed, when it is news."""
    news = state in TRANSITIONS[order.state]
    if state is S.FILLED and news:
        return (fill("last", str(order.remaining_quantity)),)
    return (fill("more", "0.5"),) if state is S.PARTLY_FILLED and order.state is not S.PARTLY_FILLED and news else ()


def test_the_table_has_every_pair_of_states() -> None:
    assert [(before, after) for before, after, _ in expectations()] == list(product(S, S))


@pytest.mark.parametrize(("before", "reported", "mark"), expectations())
def test_each_report_does_to_each_state_what_the_table_says(
    before: OrderState, reported: OrderState, mark: str
) -> None:
    order = in_state(before)
    word = report(reported, *fitting(order, reported))
    if mark == "x":
        with pytest.raises(ImpossibleReport, match="cannot become"):
            apply_report(order, word, ())
        return
    after, _ = apply_report(order, word, ())
    assert (after is order) is (mark == ".")
    assert after.state is (reported if mark == "+" else before)


ENDS_TAKEN_BACK = {
    S.CANCELLED: {S.FILLED},
    S.EXPIRED: {S.FILLED},
    S.ABSENT: {S.OPEN, S.PARTLY_FILLED, S.FILLED, S.CANCELLED, S.EXPIRED},
    S.REJECTED: {S.OPEN, S.PARTLY_FILLED, S.FILLED, S.CANCELLED, S.EXPIRED},
}
"""A fill may race an end, and an order may turn up that no list showed or that was said to be refused."""


def test_what_is_over_stays_over_but_for_fills_that_raced_the_end_and_orders_that_turn_up() -> None:
    assert {state: set(TRANSITIONS[state]) for state in TERMINAL_STATES if TRANSITIONS[state]} == ENDS_TAKEN_BACK
    assert set(TRANSITIONS) == set(S)


def test_a_fill_that_raced_the_cancellation_makes_the_order_filled() -> None:
    order, _ = apply_report(order_of(buy("2")), report(S.CANCELLED, fill("a", "1.5")), ())
    order, fills = apply_report(order, report(S.FILLED, fill("a", "1.5"), fill("late", "0.5")), {"a"})
    assert (order.state, order.filled_quantity, [it.fill_id for it in fills]) == (S.FILLED, D(2), ["late"])


def test_an_order_that_turns_up_after_all_reserves_again() -> None:
    absent, _ = apply_report(order_of(buy("2")), report(S.ABSENT), ())
    assert absent.reserved.value == 0
    risen, _ = apply_report(absent, report(S.PARTLY_FILLED, fill("a", "0.5")), ())
    assert risen.is_live
    assert risen.reserved.value == risen.terms.pay.value * D("0.75")


def test_a_late_acknowledgement_changes_nothing() -> None:
    order, _ = apply_report(order_of(buy("2")), report(S.FILLED, fill("a", "2")), ())
    assert apply_report(order, report(S.OPEN), ()) == (order, ())


def test_a_fill_reported_twice_counts_once() -> None:
    order, first = apply_report(order_of(buy("2")), report(S.PARTLY_FILLED, fill("a", "1")), ())
    again, second = apply_report(order, report(S.PARTLY_FILLED, fill("a", "1")), {"a"})
    assert (len(first), second, again) == (1, (), order)
    order, third = apply_report(order, report(S.FILLED, fill("a", "1"), fill("b", "1")), {"a"})
    assert [it.fill_id for it in third] == ["b"]
    assert (order.filled_quantity, order.state) == (D(2), S.FILLED)


def test_a_fill_named_twice_in_one_report_counts_once() -> None:
    order, fills = apply_report(order_of(buy("2")), report(S.PARTLY_FILLED, fill("a", "1"), fill("a", "1")), ())
    assert ([it.fill_id for it in fills], order.filled_quantity) == (["a"], D(1))


def test_an_order_cannot_be_filled_beyond_what_was_asked() -> None:
    apply_report(order_of(buy("2")), report(S.FILLED, fill("a", "2")), ())
    with pytest.raises(ImpossibleReport, match=r"2\.001 filled of 2"):
        apply_report(order_of(buy("2")), report(S.FILLED, fill("a", "2.001")), ())
    cancelled, _ = apply_report(order_of(buy("2")), report(S.CANCELLED, fill("a", "1")), ())
    with pytest.raises(ImpossibleReport, match="filled of 2"):
        apply_report(cancelled, report(S.CANCELLED, fill("b", "1.001")), ())


def test_an_order_is_not_filled_before_all_of_it_is() -> None:
    with pytest.raises(ImpossibleReport, match=r"said to be filled with 1\.999 of 2"):
        apply_report(order_of(buy("2")), report(S.FILLED, fill("a", "1.999")), ())


@pytest.mark.parametrize("state", [S.REJECTED, S.ABSENT, S.UNKNOWN])
def test_an_order_that_never_was_one_has_no_fills(state: OrderState) -> None:
    with pytest.raises(ImpossibleReport, match="with 1 fills"):
        apply_report(order_of(), report(state, fill("a", "1")), ())


@pytest.mark.parametrize(
    "odd",
    [
        fill("a", "0"),
        fill("a", "-1"),
        fill("a", "NaN"),
        fill("a", "Infinity"),
        fill("a", "1", price="0"),
        fill("a", "1", price="-1"),
        fill("a", "1", price="NaN"),
        fill("a", "1", fee="Infinity"),
    ],
    ids=lambda odd: f"{odd.quantity} at {odd.price} fee {odd.fee}",
)
def test_a_fill_whose_figures_cannot_be_is_refused(odd: Fill) -> None:
    with pytest.raises(ImpossibleReport, match="fill a cannot be"):
        apply_report(order_of(), report(S.PARTLY_FILLED, odd), ())


def test_a_fill_that_came_after_the_cancellation_is_still_counted() -> None:
    """The money has moved, whatever the order of the news."""
    order, _ = apply_report(order_of(buy("2")), report(S.CANCELLED), ())
    order, fills = apply_report(order, report(S.CANCELLED, fill("late", "1")), ())
    assert (order.state, order.filled_quantity, len(fills)) == (S.CANCELLED, D(1), 1)


def test_a_transfer_is_done_whole_and_has_no_fills() -> None:
    order, fills = apply_report(order_of(transfer("1.5")), report(S.FILLED), ())
    assert (order.filled_quantity, order.remaining_quantity, fills) == (D("1.5"), D(0), ())
    with pytest.raises(ImpossibleReport, match="cannot be"):
        apply_report(order_of(transfer("1.5")), report(S.FILLED, fill("a", "1.5")), ())
    with pytest.raises(TypeError):
        balance_changes(order, fill("a", "1"))


def test_what_is_learned_on_the_way_is_kept() -> None:
    order, _ = apply_report(order_of(buy("2")), report(S.OPEN, venue_order_id=VenueOrderId("v7")), ())
    order, _ = apply_report(order, report(S.PARTLY_FILLED, fill("a", "1", "99", fee="0.1")), ())
    order, _ = apply_report(order, report(S.CANCELLED, fill("b", "0.5", "98", fee="0.2"), reason="user"), ())
    assert (order.venue_order_id, order.reason) == ("v7", "user")
    assert (order.filled_notional, order.fees) == (D(148), {USDT: D("0.3")})


# reservations


def test_a_reservation_shrinks_with_what_was_filled_and_ends_with_the_order() -> None:
    order = order_of(buy("2"))
    assert order.reserved == order.terms.pay
    partly, _ = apply_report(order, report(S.PARTLY_FILLED, fill("a", "0.5")), ())
    assert partly.reserved.value == order.terms.pay.value * D("0.75")
    unknown, _ = apply_report(order, report(S.UNKNOWN), ())
    assert unknown.reserved == order.terms.pay
    over, _ = apply_report(partly, report(S.CANCELLED), ())
    assert over.reserved.value == 0


@st.composite
def reports(draw: st.DrawFn) -> ExecutionReport:
    """Any state with any fills, most of them plausible, some of them not."""
    quantities = st.sampled_from(["0.25", "0.5", "1", "2", "0", "-1", "NaN"])
    ids = st.sampled_from("abcd")
    fills = draw(st.lists(st.builds(fill, ids, quantities), max_size=3))
    return report(draw(st.sampled_from(S)), *fills)


@given(words=st.lists(reports(), max_size=12), side=st.sampled_from([buy, sell]))
@settings(max_examples=200, deadline=None)
def test_no_sequence_of_reports_breaks_what_is_always_true_of_an_order(
    words: list[ExecutionReport], side: object
) -> None:
    order = order_of(buy("2") if side is buy else sell("2"))
    counted: dict[str, Decimal] = {}
    for word in words:
        before = order
        try:
            order, fills = apply_report(order, word, counted)
        except ImpossibleReport:
            continue
        assert not {it.fill_id for it in fills} & set(counted)
        counted |= {it.fill_id: it.quantity for it in fills}
        assert order.filled_quantity == sum(counted.values(), D(0))
        assert before.filled_quantity <= order.filled_quantity <= order.quantity
        free = order.terms.pay.value if before.state in {S.ABSENT, S.REJECTED} else before.reserved.value
        assert D(0) <= order.reserved.value <= free <= order.terms.pay.value
        assert before.is_live or order.state in {before.state, *ENDS_TAKEN_BACK.get(before.state, ())}
        assert order.state is not S.FILLED or order.filled_quantity == order.quantity


# balances


def test_a_purchase_brings_the_base_and_takes_the_quote_and_the_fee() -> None:
    assert balance_changes(order_of(buy("2")), fill("a", "2", "99", fee="0.5")) == {BTC: D(2), USDT: D("-198.5")}
    in_kind = fill("a", "2", "99", fee="0.002", fee_asset=BTC)
    assert balance_changes(order_of(buy("2")), in_kind) == {BTC: D("1.998"), USDT: D(-198)}


def test_a_sale_takes_the_base_and_brings_the_quote_less_the_fee() -> None:
    assert balance_changes(order_of(sell("2")), fill("a", "2", "99", fee="0.5")) == {BTC: D(-2), USDT: D("197.5")}


def test_a_rebate_adds_to_the_balance() -> None:
    assert balance_changes(order_of(sell("1")), fill("a", "1", fee="-0.01"))[USDT] == D("100.01")


@given(
    quantity=st.decimals("0.001", "2", places=3),
    price=st.decimals("0.01", "99999", places=2),
    fee=st.decimals("-5", "5", places=8),
    fee_asset=st.sampled_from([BTC, USDT]),
)
def test_what_one_side_gives_the_other_gets_and_the_fee_is_all_that_is_lost(
    quantity: Decimal, price: Decimal, fee: Decimal, fee_asset: str
) -> None:
    execution = fill("a", str(quantity), str(price), str(fee), fee_asset)  # type: ignore[arg-type]
    bought = balance_changes(order_of(buy("2")), execution)
    sold = balance_changes(order_of(sell("2")), execution)
    for asset in (BTC, USDT):
        assert bought[asset] + sold[asset] == (-2 * fee if asset == fee_asset else 0)


def test_paper_orders_share_one_wallet_and_live_ones_belong_to_their_venue() -> None:
    assert account_of(order_of()) == PAPER_ACCOUNT
    assert account_of(replace(order_of(), mode=Mode.LIVE)) == "binance"
    assert account_of(replace(order_of(transfer()), mode=Mode.LIVE)) == "ethereum"
