"""Orders that wait: at their limit, for their stop price, in flight, until their date, or until they are cancelled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from readytrader_sdk.orders import Liquidity, OrderState, OrderType, Side, TimeInForce

from appliance.paper.settings import PaperSettings
from tests.paper.building import BTC, START, USDT, Desk, filled, order

SECOND = timedelta(seconds=1)
SLOW = PaperSettings(maker_fee_pct=Decimal(0), taker_fee_pct=Decimal(0), latency=SECOND)


def desk_at(bid: str, ask: str, settings: PaperSettings | None = None) -> Desk:
    desk = Desk() if settings is None else Desk(settings=settings)
    desk.shows(bid, ask)
    return desk


# resting


def test_a_resting_order_fills_at_its_own_limit() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", limit_price="98")
    desk.sell("s", "1", limit_price="102")
    (bought,) = desk.shows("90", "91")
    assert (filled(bought), bought.state) == ([("98", "1")], OrderState.FILLED)
    (sold,) = desk.shows("110", "111")
    assert (filled(sold), sold.state) == ([("102", "1")], OrderState.FILLED)
    assert sold.fills[0].liquidity is Liquidity.MAKER


def test_a_resting_order_fills_when_the_market_reaches_it_and_not_a_step_before() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", limit_price="98")
    assert desk.shows("97", "98.01") == ()
    assert filled(desk.shows("97", "98")[0]) == [("98", "1")]


def test_a_resting_order_gets_no_more_than_is_displayed() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "5", limit_price="98")
    (first,) = desk.shows("97", "98", ask_size="2")
    assert (filled(first), first.state) == ([("98", "2")], OrderState.PARTLY_FILLED)
    assert desk.shows("97", "98", ask_size="2") == ()
    (second,) = desk.shows("97", "98", ask_size="4")
    assert (filled(second), second.state) == ([("98", "3")], OrderState.FILLED)
    assert filled(desk.finds("b")) == [("98", "2"), ("98", "3")]


def test_a_resting_order_gets_all_levels_that_reach_it_in_one_fill() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "5", limit_price="98")
    (report,) = desk.shows_book(bids={"90": "1"}, asks={"96": "1", "97": "1", "98": "1", "99": "9"})
    assert filled(report) == [("98", "3")]


def test_resting_orders_are_served_by_price_then_by_time() -> None:
    desk = desk_at("99", "100")
    for name, limit in (("low", "97"), ("early", "98"), ("late", "98")):
        desk.buy(name, "1", limit_price=limit)
    reports = desk.shows("90", "96", ask_size="2.5")
    assert [(report.client_order_id, filled(report)) for report in reports] == [
        ("early", [("98", "1")]),
        ("late", [("98", "1")]),
        ("low", [("97", "0.5")]),
    ]
    for name, limit in (("high", "103"), ("near", "102")):
        desk.sell(name, "1", limit_price=limit)
    reports = desk.shows("104", "105", bid_size="1")
    assert [report.client_order_id for report in reports] == ["near"]


def test_what_is_left_of_a_crossing_limit_order_rests() -> None:
    desk = Desk()
    desk.shows("99", "100", ask_size="1")
    report = desk.buy("b", "3", limit_price="100")
    assert (filled(report), report.state) == ([("100", "1")], OrderState.PARTLY_FILLED)
    assert desk.has(USDT) == ("999900", "999700")
    (rest,) = desk.shows("98", "99")
    assert filled(rest) == [("100", "2")]
    assert rest.fills[0].liquidity is Liquidity.MAKER


def test_a_better_fill_sets_the_difference_free() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", limit_price="500")
    assert desk.has(USDT) == ("999900", "999900")


def test_fill_ids_are_the_same_in_every_run_and_never_repeat() -> None:
    def run() -> list[str]:
        desk = Desk()
        desk.shows_book(bids={"90": "1"}, asks={"100": "1", "101": "1"})
        desk.buy("b", "4", limit_price="101")
        desk.shows("90", "100", ask_size="0.5")
        desk.shows("90", "100.5")
        return [fill.fill_id for fill in desk.finds("b").fills]

    assert run() == run() == ["b:1", "b:2", "b:2.5", "b:4"]


# cancelling and replacing


def test_a_cancelled_order_is_over_and_its_lock_is_free() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", limit_price="98")
    assert desk.has(USDT) == ("1000000", "999902")
    report = desk.cancel("b")
    assert (report.state, report.reason) == (OrderState.CANCELLED, "requested")
    assert desk.has(USDT) == ("1000000", "1000000")
    assert desk.shows("90", "91") == ()


def test_a_filled_order_stays_filled_when_it_is_cancelled() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1")
    assert desk.cancel("b").state is OrderState.FILLED
    assert desk.cancel("b").fills == ()


def test_cancelling_twice_says_cancelled_twice() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", limit_price="98")
    assert desk.cancel("b") == desk.cancel("b")


def test_cancelling_what_was_never_seen_says_absent() -> None:
    desk = desk_at("99", "100")
    assert (desk.cancel("x").state, desk.cancel("x").reason) == (OrderState.ABSENT, "unknown_order")
    assert desk.buy("x", "1").state is OrderState.FILLED


def test_cancelling_a_rejected_order_says_rejected() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "0.0001")
    assert desk.cancel("b").state is OrderState.REJECTED


def test_replacing_cancels_the_old_order_and_places_the_new_one() -> None:
    desk = desk_at("99", "100")
    desk.buy("old", "1", limit_price="98")
    report = desk.replace("old", order("new", Side.BUY, "2", limit_price="97"))
    assert [(seen.client_order_id, seen.state, seen.reason) for seen in desk.last] == [
        ("old", OrderState.CANCELLED, "replaced"),
        ("new", OrderState.OPEN, None),
    ]
    assert report.client_order_id == "new"
    assert desk.has(USDT) == ("1000000", "999806")


def test_replacing_may_use_what_the_old_order_sets_free_and_not_a_digit_more() -> None:
    desk = Desk(usdt="100")
    desk.shows("99", "100")
    desk.buy("old", "1", limit_price="98")
    assert desk.replace("old", order("n1", Side.BUY, "1.021", limit_price="98")).reason == "insufficient_balance"
    assert desk.finds("old").state is OrderState.OPEN
    assert desk.replace("old", order("n2", Side.BUY, "1.02", limit_price="98")).state is OrderState.OPEN
    assert desk.finds("old").state is OrderState.CANCELLED


def test_replacing_a_sell_by_a_buy_sets_nothing_free_that_the_buy_could_use() -> None:
    desk = Desk(usdt="100", btc="500")
    desk.shows("99", "100")
    desk.sell("old", "500", limit_price="101")
    assert desk.replace("old", order("new", Side.BUY, "2", limit_price="98")).reason == "insufficient_balance"
    assert desk.has(BTC) == ("500", "0")


def test_when_the_new_order_is_refused_the_old_one_stands() -> None:
    desk = desk_at("99", "100")
    desk.buy("old", "1", limit_price="98")
    for name, changes, reason in (
        ("n1", {"limit_price": "100", "post_only": True}, "post_only_would_take"),
        ("n2", {"limit_price": "98.001"}, "increment"),
        ("old", {"limit_price": "97"}, "duplicate_client_order_id"),
    ):
        report = desk.replace("old", order(name, Side.BUY, "1", **changes))
        assert (report.state, report.reason) == (OrderState.REJECTED, reason)
    assert desk.finds("old").state is OrderState.OPEN
    assert desk.has(USDT) == ("1000000", "999902")


def test_an_order_that_has_ended_or_never_was_is_not_replaced() -> None:
    desk = desk_at("99", "100")
    desk.buy("done", "1")
    assert desk.replace("done", order("n1", Side.BUY, "1", limit_price="98")).reason == "not_open"
    assert desk.replace("none", order("n2", Side.BUY, "1", limit_price="98")).reason == "unknown_order"
    assert desk.engine.open_orders() == ()


# stops


def test_a_buy_stop_is_triggered_when_the_ask_reaches_it_and_not_a_step_before() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", order_type=OrderType.STOP, stop_price="105", price_worst="110")
    assert desk.shows("103", "104.99") == ()
    (report,) = desk.shows("106", "107")
    assert (filled(report), report.state) == ([("107", "1")], OrderState.FILLED)


def test_a_sell_stop_is_triggered_when_the_bid_reaches_it_and_not_a_step_before() -> None:
    desk = desk_at("99", "100")
    desk.sell("s", "1", order_type=OrderType.STOP, stop_price="95", price_worst="90")
    assert desk.shows("95.01", "96") == ()
    (report,) = desk.shows("94", "96")
    assert filled(report) == [("94", "1")]


def test_a_stop_is_triggered_at_exactly_its_price() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", order_type=OrderType.STOP, stop_price="105")
    desk.sell("s", "1", order_type=OrderType.STOP, stop_price="95")
    assert [report.client_order_id for report in desk.shows("95", "105")] == ["b", "s"]


def test_a_triggered_stop_keeps_to_its_worst_price() -> None:
    desk = desk_at("99", "100")
    desk.sell("s", "1", order_type=OrderType.STOP, stop_price="95", price_worst="94")
    (report,) = desk.shows("93.99", "96")
    assert (report.state, report.reason, report.fills) == (OrderState.CANCELLED, "price_worst", ())


def test_a_stop_that_is_already_reached_works_at_once() -> None:
    desk = desk_at("99", "100")
    assert filled(desk.buy("b", "1", order_type=OrderType.STOP, stop_price="100")) == [("100", "1")]


def test_a_triggered_stop_limit_rests_at_its_limit() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", order_type=OrderType.STOP_LIMIT, stop_price="105", limit_price="106")
    (triggered,) = desk.shows("107", "108")
    assert (triggered.state, triggered.reason, triggered.fills) == (OrderState.OPEN, "triggered", ())
    (report,) = desk.shows("105", "106")
    assert filled(report) == [("106", "1")]


def test_an_untriggered_stop_limit_does_not_fill_at_its_limit() -> None:
    desk = desk_at("99", "100")
    desk.buy("b", "1", order_type=OrderType.STOP_LIMIT, stop_price="105", limit_price="106")
    assert desk.shows("97", "98") == ()


def test_stops_are_triggered_nearest_first_and_share_what_is_displayed() -> None:
    desk = desk_at("99", "100")
    desk.buy("far", "1", order_type=OrderType.STOP, stop_price="106")
    desk.buy("near", "1", order_type=OrderType.STOP, stop_price="105")
    reports = desk.shows("106", "107", ask_size="1.5")
    assert [(report.client_order_id, filled(report), report.reason) for report in reports] == [
        ("near", [("107", "1")], None),
        ("far", [("107", "0.5")], "no_liquidity"),
    ]


def test_a_waiting_stop_can_be_cancelled() -> None:
    desk = desk_at("99", "100")
    desk.sell("s", "1", order_type=OrderType.STOP, stop_price="95")
    assert desk.has(BTC) == ("1000", "999")
    desk.cancel("s")
    assert desk.has(BTC) == ("1000", "1000")
    assert desk.shows("90", "91") == ()


# time


def test_an_order_good_till_a_date_expires_at_that_instant() -> None:
    desk = desk_at("99", "100")
    until = {"time_in_force": TimeInForce.GTD, "expires_at": START + 10 * SECOND}
    desk.buy("b", "1", limit_price="98", **until)
    assert desk.engine.next_due_at() == START + 10 * SECOND
    assert desk.waits(10 * SECOND - timedelta(microseconds=1)) == ()
    (report,) = desk.waits(timedelta(microseconds=1))
    assert (report.state, report.reason) == (OrderState.EXPIRED, "good_till_date")
    assert desk.has(USDT) == ("1000000", "1000000")
    assert desk.engine.next_due_at() is None


def test_the_date_of_an_order_that_has_ended_passes_unnoticed() -> None:
    desk = desk_at("99", "100")
    until = {"time_in_force": TimeInForce.GTD, "expires_at": START + SECOND}
    desk.buy("b", "1", limit_price="98", **until)
    desk.shows("97", "98")
    assert desk.waits(SECOND) == ()
    assert desk.finds("b").state is OrderState.FILLED


def test_an_expired_order_is_not_filled_by_the_quote_that_comes_after() -> None:
    desk = desk_at("99", "100")
    until = {"time_in_force": TimeInForce.GTD, "expires_at": START + SECOND}
    desk.buy("b", "1", limit_price="98", **until)
    desk.now += 2 * SECOND
    (report,) = desk.shows("90", "91")
    assert (report.state, report.reported_at) == (OrderState.EXPIRED, START + SECOND)


def test_with_latency_an_order_meets_the_market_of_its_arrival_there() -> None:
    desk = desk_at("99", "100", SLOW)
    accepted = desk.buy("b", "1")
    assert (accepted.state, accepted.fills) == (OrderState.OPEN, ())
    desk.now += timedelta(milliseconds=999)
    assert desk.shows("102", "103") == ()
    desk.now += timedelta(milliseconds=501)
    (report,) = desk.shows("200", "201")
    assert filled(report) == [("103", "1")]
    assert report.fills[0].filled_at == START + SECOND


def test_with_latency_money_is_set_aside_before_the_order_arrives() -> None:
    desk = desk_at("99", "100", SLOW)
    desk.buy("b1", "1", price_worst="1000000")
    assert desk.buy("b2", "1").reason == "insufficient_balance"


def test_with_latency_a_cancellation_can_come_too_late() -> None:
    desk = desk_at("99", "100", SLOW)
    desk.buy("b", "1", limit_price="98")
    desk.waits(SECOND)
    assert desk.cancel("b").state is OrderState.OPEN
    desk.now += timedelta(milliseconds=500)
    assert filled(desk.shows("97", "98")[0]) == [("98", "1")]
    assert desk.waits(SECOND) == ()
    assert desk.finds("b").state is OrderState.FILLED


def test_with_latency_a_cancellation_takes_effect_after_it() -> None:
    desk = desk_at("99", "100", SLOW)
    desk.buy("b", "1", limit_price="98")
    desk.cancel("b")
    (report,) = desk.waits(SECOND)
    assert (report.state, report.reason) == (OrderState.CANCELLED, "requested")


def test_with_latency_an_acknowledged_post_only_order_is_cancelled_not_rejected() -> None:
    desk = desk_at("99", "101", SLOW)
    assert desk.buy("b", "1", limit_price="100", post_only=True).state is OrderState.OPEN
    desk.shows("99", "100")
    (report,) = desk.waits(SECOND)
    assert (report.state, report.reason) == (OrderState.CANCELLED, "post_only_would_take")


def test_with_latency_a_replacement_is_void_when_the_old_order_fills_first() -> None:
    desk = desk_at("99", "100", SLOW)
    desk.buy("old", "1", limit_price="98")
    desk.waits(SECOND)
    assert desk.replace("old", order("new", Side.BUY, "1", limit_price="97")).state is OrderState.OPEN
    desk.shows("97", "98")
    (report,) = desk.waits(SECOND)
    assert (report.client_order_id, report.state, report.reason) == ("new", OrderState.CANCELLED, "not_open")
    assert desk.has(USDT) == ("999902", "999902")


def test_with_latency_a_replacement_takes_effect_in_one_step() -> None:
    desk = desk_at("99", "100", SLOW)
    desk.buy("old", "1", limit_price="98")
    desk.waits(SECOND)
    desk.replace("old", order("new", Side.BUY, "1", limit_price="97"))
    reports = desk.waits(SECOND)
    assert [(report.client_order_id, report.state) for report in reports] == [("old", OrderState.CANCELLED)]
    assert [report.client_order_id for report in desk.engine.open_orders()] == ["new"]


def test_with_latency_an_order_whose_date_passes_in_flight_expires() -> None:
    desk = desk_at("99", "100", SLOW)
    until = {"time_in_force": TimeInForce.GTD, "expires_at": START + SECOND / 2}
    desk.buy("b", "1", limit_price="100", **until)
    (report,) = desk.waits(SECOND)
    assert (report.state, report.fills) == (OrderState.EXPIRED, ())


def test_a_clock_that_steps_back_moves_nothing_back() -> None:
    desk = desk_at("99", "100")
    desk.waits(SECOND)
    desk.now -= 10 * SECOND
    assert desk.buy("b", "1").fills[0].filled_at == START + SECOND


def test_the_same_calls_give_the_same_reports() -> None:
    def run() -> list[object]:
        desk = desk_at("99", "100", SLOW)
        seen: list[object] = []
        for step in range(12):
            seen.append(desk.buy(f"b{step}", "1", limit_price=f"{97 + step % 3}"))
            seen.append(desk.sell(f"s{step}", "1", order_type=OrderType.STOP, stop_price=f"{96 + step % 4}"))
            seen.extend(desk.waits(SECOND / 3))
            seen.extend(desk.shows(f"{94 + step % 5}", f"{96 + step % 5}", "1.5", "1.2"))
        return seen

    assert run() == run()
