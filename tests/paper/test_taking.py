"""What an order gets on arrival: the displayed levels, once, no further than its bound."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from readytrader_sdk.instruments import InstrumentStatus, MarketType, Symbol
from readytrader_sdk.orders import OrderState, OrderType, Side, TimeInForce

from appliance.paper.engine import MatchingEngine
from appliance.paper.instrument_market import InvalidMarket
from appliance.paper.ledger import Ledger
from appliance.paper.settings import PaperSettings
from tests.paper.building import BTC, BTC_USDT, NO_FEES, START, USDT, Desk, book, filled, order, quote


def desk_with_book(settings: PaperSettings = NO_FEES) -> Desk:
    desk = Desk(settings=settings)
    desk.shows_book(
        bids={"99": "1", "98": "2", "97": "4"},
        asks={"100": "1", "101": "2", "102": "4"},
    )
    return desk


def test_a_market_buy_fills_at_the_ask_and_a_market_sell_at_the_bid() -> None:
    desk = Desk()
    desk.shows("99", "100")
    assert filled(desk.buy("b", "1")) == [("100", "1")]
    assert filled(desk.sell("s", "1")) == [("99", "1")]


def test_without_a_displayed_size_the_best_price_never_runs_out() -> None:
    desk = Desk()
    desk.shows("99", "100")
    assert filled(desk.buy("b1", "5000")) == [("100", "5000")]
    assert filled(desk.buy("b2", "2000")) == [("100", "2000")]


def test_an_order_walks_the_levels_of_a_book() -> None:
    desk = desk_with_book()
    report = desk.buy("b", "4")
    assert filled(report) == [("100", "1"), ("101", "2"), ("102", "1")]
    assert report.state is OrderState.FILLED
    assert filled(desk.sell("s", "2")) == [("99", "1"), ("98", "1")]


def test_a_market_order_never_fills_beyond_its_worst_price() -> None:
    desk = desk_with_book()
    report = desk.buy("b", "4", price_worst="101")
    assert filled(report) == [("100", "1"), ("101", "2")]
    assert (report.state, report.reason) == (OrderState.CANCELLED, "price_worst")
    report = desk.sell("s", "4", price_worst="98.01")
    assert filled(report) == [("99", "1")]
    assert (report.state, report.reason) == (OrderState.CANCELLED, "price_worst")
    assert desk.has(USDT)[0] == desk.has(USDT)[1]
    assert desk.has(BTC)[0] == desk.has(BTC)[1]


def test_a_market_order_that_outgrows_the_display_is_cancelled_for_the_rest() -> None:
    desk = Desk()
    desk.shows("99", "100", ask_size="3")
    report = desk.buy("b", "4")
    assert filled(report) == [("100", "3")]
    assert (report.state, report.reason) == (OrderState.CANCELLED, "no_liquidity")


def test_a_limit_order_stricter_than_its_worst_price_keeps_to_its_limit() -> None:
    desk = desk_with_book()
    assert filled(desk.buy("b", "4", limit_price="100", price_worst="102")) == [("100", "1")]


def test_a_worst_price_stricter_than_the_limit_bounds_the_order_now_and_while_it_rests() -> None:
    desk = desk_with_book()
    assert filled(desk.buy("b", "4", limit_price="102", price_worst="100.5")) == [("100", "1")]
    (report,) = desk.shows("99", "100.5")
    assert filled(report) == [("100.5", "3")]


def test_what_was_taken_is_not_there_for_the_next_order() -> None:
    desk = desk_with_book()
    desk.buy("b1", "2")
    assert filled(desk.buy("b2", "2")) == [("101", "1"), ("102", "1")]


def test_a_repeated_quote_brings_nothing_back() -> None:
    desk = Desk()
    desk.shows("99", "100", ask_size="3")
    desk.buy("b1", "3")
    desk.shows("99", "100", ask_size="3")
    assert desk.buy("b2", "1").reason == "no_liquidity"


def test_a_change_of_the_other_side_brings_nothing_back() -> None:
    desk = Desk()
    desk.shows("99", "100", ask_size="3")
    desk.buy("b1", "3")
    desk.shows("98", "100", ask_size="3")
    assert desk.buy("b2", "1").reason == "no_liquidity"


@pytest.mark.parametrize(("ask", "size"), [("100", "2"), ("100.01", "3"), ("99.99", "3")])
def test_another_price_or_size_is_new_liquidity(ask: str, size: str) -> None:
    desk = Desk()
    desk.shows("99", "100", ask_size="3")
    desk.buy("b1", "3")
    desk.shows("99", ask, ask_size=size)
    assert filled(desk.buy("b2", "1")) == [(ask, "1")]


def test_a_price_that_was_gone_and_comes_back_is_new_liquidity() -> None:
    desk = Desk()
    desk.shows("99", "100", ask_size="3")
    desk.buy("b1", "3")
    desk.shows("99", "101", ask_size="3")
    desk.shows("99", "100", ask_size="3")
    assert filled(desk.buy("b2", "1")) == [("100", "1")]


def test_a_better_price_in_front_does_not_bring_a_taken_level_back() -> None:
    desk = Desk()
    desk.shows("97", "100", ask_size="3")
    desk.buy("b1", "3")
    desk.shows("97", "98", ask_size="3")
    desk.shows_book(bids={"97": "1"}, asks={"98": "3", "100": "3", "101": "1"})
    assert filled(desk.buy("b2", "4")) == [("98", "3"), ("101", "1")]


def test_a_book_renews_only_the_levels_that_changed() -> None:
    desk = desk_with_book()
    desk.buy("b1", "7")
    desk.shows_book(bids={"99": "1"}, asks={"100": "1", "101": "2.5", "102": "4"})
    report = desk.buy("b2", "5")
    assert filled(report) == [("101", "2.5")]
    assert report.reason == "no_liquidity"


def test_all_orders_together_get_their_share_of_the_displayed_size_in_whole_increments() -> None:
    settings = PaperSettings(maker_fee_pct=Decimal(0), taker_fee_pct=Decimal(0), fill_share_max_pct=Decimal(25))
    desk = Desk(settings=settings)
    desk.shows("99", "100", ask_size="1.0059")
    assert filled(desk.buy("b1", "0.2")) == [("100", "0.2")]
    assert filled(desk.buy("b2", "0.2")) == [("100", "0.051")]


def test_a_size_that_is_not_a_whole_number_of_increments_is_rounded_down() -> None:
    desk = Desk()
    desk.shows("99", "100", ask_size="0.0059")
    assert filled(desk.buy("b", "1")) == [("100", "0.005")]


def test_an_immediate_order_leaves_nothing_resting() -> None:
    desk = desk_with_book()
    report = desk.buy("b", "4", limit_price="101", time_in_force=TimeInForce.IOC)
    assert filled(report) == [("100", "1"), ("101", "2")]
    assert (report.state, report.reason) == (OrderState.CANCELLED, "immediate_or_cancel")
    assert desk.engine.open_orders() == ()


def test_fill_or_kill_is_all_or_nothing() -> None:
    desk = desk_with_book()
    killed = desk.buy("b1", "3.001", limit_price="101", time_in_force=TimeInForce.FOK)
    assert (killed.state, killed.reason, killed.fills) == (OrderState.CANCELLED, "fill_or_kill", ())
    assert desk.has(USDT) == ("1000000", "1000000")
    assert desk.buy("b2", "3", limit_price="101", time_in_force=TimeInForce.FOK).state is OrderState.FILLED


def test_a_market_order_can_be_fill_or_kill() -> None:
    desk = desk_with_book()
    assert desk.buy("b1", "4", price_worst="101", time_in_force=TimeInForce.FOK).reason == "fill_or_kill"
    assert desk.buy("b2", "4", price_worst="102", time_in_force=TimeInForce.FOK).state is OrderState.FILLED


def test_post_only_is_rejected_at_the_price_where_it_would_take() -> None:
    desk = desk_with_book()
    report = desk.buy("b1", "1", limit_price="100", post_only=True)
    assert (report.state, report.reason) == (OrderState.REJECTED, "post_only_would_take")
    assert desk.buy("b2", "1", limit_price="99.99", post_only=True).state is OrderState.OPEN
    assert desk.sell("s1", "1", limit_price="99", post_only=True).reason == "post_only_would_take"
    assert desk.sell("s2", "1", limit_price="99.01", post_only=True).state is OrderState.OPEN


def test_a_market_order_without_a_market_is_rejected() -> None:
    desk = Desk()
    report = desk.buy("b", "1")
    assert (report.state, report.reason) == (OrderState.REJECTED, "no_market")
    assert desk.has(USDT) == ("1000000", "1000000")


def test_a_limit_order_without_a_market_waits_for_one() -> None:
    desk = Desk()
    assert desk.buy("b", "1", limit_price="100").state is OrderState.OPEN
    assert filled(desk.shows("99", "100")[0]) == [("100", "1")]


def test_an_order_is_accepted_once_under_its_id() -> None:
    desk = Desk()
    desk.shows("99", "100")
    desk.buy("same", "1")
    again = desk.buy("same", "1")
    assert (again.state, again.reason, again.fills) == (OrderState.REJECTED, "duplicate_client_order_id", ())
    assert desk.finds("same").state is OrderState.FILLED
    assert desk.has(BTC)[0] == "1001"


def test_an_id_that_was_rejected_is_not_taken_up_later() -> None:
    desk = Desk()
    desk.buy("same", "1")
    desk.shows("99", "100")
    assert desk.buy("same", "1").reason == "duplicate_client_order_id"
    desk.buy("other", "0.0001")
    assert desk.buy("other", "1").reason == "duplicate_client_order_id"
    assert desk.finds("other").reason == "quantity_min"


@dataclass
class Wrong:
    reason: str
    changes: dict[str, Any]


LIMIT = {"order_type": OrderType.LIMIT, "limit_price": "90"}
STOP = {"order_type": OrderType.STOP, "stop_price": "110"}
FAULTS = {
    "another symbol": Wrong("unknown_instrument", {"symbol": Symbol("ETH/USDT")}),
    "a perpetual": Wrong("market_type", {"market_type": MarketType.SWAP}),
    "quantity 0": Wrong("quantity", {"quantity": Decimal(0)}),
    "negative quantity": Wrong("quantity", {"quantity": Decimal(-1)}),
    "quantity NaN": Wrong("quantity", {"quantity": Decimal("NaN")}),
    "infinite quantity": Wrong("quantity", {"quantity": Decimal("Infinity")}),
    "below the minimum": Wrong("quantity_min", {"quantity": Decimal("0.001")}),
    "between increments": Wrong("increment", {"quantity": Decimal("1.0001")}),
    "worth too little": Wrong("notional_min", {"quantity": Decimal("0.049")}),
    "limit worth too little": Wrong("notional_min", {**LIMIT, "quantity": Decimal("0.055")}),
    "worst price NaN": Wrong("price", {"price_worst": Decimal("NaN")}),
    "worst price 0": Wrong("price", {"price_worst": Decimal(0)}),
    "limit without its price": Wrong("price", {"order_type": OrderType.LIMIT}),
    "market with a limit": Wrong("price", {"limit_price": "90", "order_type": OrderType.MARKET}),
    "stop without its price": Wrong("price", {"order_type": OrderType.STOP}),
    "limit with a stop price": Wrong("price", {**LIMIT, "stop_price": "90"}),
    "negative limit": Wrong("price", {**LIMIT, "limit_price": "-90"}),
    "limit NaN": Wrong("price", {**LIMIT, "limit_price": "NaN"}),
    "limit between increments": Wrong("increment", {**LIMIT, "limit_price": "90.001"}),
    "stop between increments": Wrong("increment", {**STOP, "stop_price": "110.001"}),
    "gtd without a date": Wrong("time_in_force", {**LIMIT, "time_in_force": TimeInForce.GTD}),
    "gtc with a date": Wrong("time_in_force", {**LIMIT, "expires_at": START}),
    "gtd of now": Wrong("time_in_force", {**LIMIT, "time_in_force": TimeInForce.GTD, "expires_at": START}),
    "post-only market": Wrong("time_in_force", {"post_only": True}),
    "post-only at once": Wrong("time_in_force", {**LIMIT, "post_only": True, "time_in_force": TimeInForce.IOC}),
    "more than there is": Wrong("insufficient_balance", {"quantity": Decimal(2), "price_worst": "500000.01"}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_order_is_rejected_and_nothing_moves(name: str) -> None:
    desk = Desk()
    desk.shows("99", "100")
    changes = dict(FAULTS[name].changes)
    quantity = str(changes.pop("quantity", "1"))
    if name != "more than there is":
        changes.setdefault("price_worst", "101")
    report = desk.buy("b", quantity, **changes)
    assert (report.state, report.reason) == (OrderState.REJECTED, FAULTS[name].reason)
    assert desk.has(USDT) == ("1000000", "1000000")
    assert desk.engine.open_orders() == ()


@pytest.mark.parametrize("changes", [{"quantity": "0.05"}, {"quantity": "0.056", "limit_price": "90"}])
def test_an_order_of_exactly_the_smallest_worth_passes(changes: dict[str, str]) -> None:
    desk = Desk()
    desk.shows("99", "100")
    changes = dict(changes)
    assert desk.buy("b", changes.pop("quantity"), **changes).state in (OrderState.FILLED, OrderState.OPEN)


def test_the_smallest_quantity_passes_and_one_increment_less_does_not() -> None:
    desk = Desk()
    desk.shows("4999", "5000")
    assert desk.buy("b1", "0.001", price_worst="6000").reason == "quantity_min"
    assert desk.buy("b2", "0.002", price_worst="6000").state is OrderState.FILLED


def test_a_sell_needs_what_it_sells() -> None:
    desk = Desk(btc="1")
    desk.shows("99", "100")
    assert desk.sell("s1", "1.001").reason == "insufficient_balance"
    assert desk.sell("s2", "1").state is OrderState.FILLED


def test_a_halted_instrument_is_not_traded() -> None:
    engine = MatchingEngine([msgspec.structs.replace(BTC_USDT, status=InstrumentStatus.HALTED)], Ledger(), NO_FEES)
    assert engine.submit(order("b", Side.BUY, "1"), START)[-1].reason == "instrument_not_trading"


@pytest.mark.parametrize(
    ("bid", "ask"), [("100.01", "100"), ("0", "100"), ("-1", "100"), ("NaN", "100"), ("99", "NaN"), ("99", "Infinity")]
)
def test_a_quote_that_no_market_can_have_is_refused_and_the_last_one_stands(bid: str, ask: str) -> None:
    desk = Desk()
    desk.shows("99", "100")
    with pytest.raises(InvalidMarket):
        desk.shows(bid, ask)
    assert filled(desk.buy("b", "1")) == [("100", "1")]


@pytest.mark.parametrize("size", ["-1", "NaN", "Infinity"])
def test_a_size_that_no_market_can_have_is_refused(size: str) -> None:
    desk = Desk()
    with pytest.raises(InvalidMarket):
        desk.shows("99", "100", ask_size=size)
    with pytest.raises(InvalidMarket):
        desk.shows_book(bids={}, asks={"100": size})


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ({"99": "1", "99.5": "1"}, {"100": "1"}),
        ({"99": "1"}, {"101": "1", "100": "1"}),
        ({"101": "1"}, {"100": "1"}),
        ({"NaN": "1"}, {"100": "1"}),
    ],
)
def test_a_book_that_no_market_can_have_is_refused_and_the_last_one_stands(
    bids: dict[str, str], asks: dict[str, str]
) -> None:
    desk = desk_with_book()
    with pytest.raises(InvalidMarket):
        desk.shows_book(bids, asks)
    assert filled(desk.buy("b", "1")) == [("100", "1")]


def test_the_market_of_another_symbol_moves_nothing() -> None:
    desk = Desk()
    desk.shows("99", "100")
    assert desk.engine.on_quote(quote("1", "2", symbol=Symbol("ETH/USDT")), START) == ()
    assert filled(desk.buy("b", "1")) == [("100", "1")]


def test_an_emptied_side_fills_nothing() -> None:
    desk = desk_with_book()
    desk.engine.on_book(book({"99": "1"}, {}), START)
    assert desk.buy("b", "1").reason == "no_market"
