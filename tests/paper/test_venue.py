"""The paper venue at its ports: what is answered, what is told later, and how it comes back after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from readytrader_sdk.instruments import Asset, VenueId
from readytrader_sdk.market import Trade
from readytrader_sdk.money import InvalidAmount
from readytrader_sdk.orders import (
    Balance,
    ClientOrderId,
    ExecutionReport,
    OrderRequest,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from readytrader_sdk.ports import AmendPort, ExchangePort, TransferPort, TransferRequest

from appliance.paper.settings import PaperSettings
from appliance.paper.venue import OpenOrder, PaperVenue
from tests.paper.building import BTC, BTC_USDT, NO_FEES, START, USDT, book, filled, order, quote

SYMBOL = BTC_USDT.symbol
SECOND = timedelta(seconds=1)


class Shop:
    """A paper venue called from ordinary code, with everything that it tells later."""

    def __init__(self, settings: PaperSettings = NO_FEES, usdt: str = "1000", btc: str = "10") -> None:
        self.now = START
        self.told: list[ExecutionReport] = []
        self.venue = PaperVenue([BTC_USDT], settings, lambda: self.now, self.told.append)
        self.venue.deposit(USDT, Decimal(usdt))
        self.venue.deposit(BTC, Decimal(btc))
        self.venue.on_tick(quote("99", "100"))

    def place(self, request: OrderRequest) -> ExecutionReport:
        return asyncio.run(self.venue.place_order(request))

    def replace(self, replaced: str, request: OrderRequest) -> ExecutionReport:
        return asyncio.run(self.venue.replace_order(ClientOrderId(replaced), request))

    def cancel(self, client_order_id: str) -> ExecutionReport:
        return asyncio.run(self.venue.cancel_order(ClientOrderId(client_order_id), SYMBOL))

    def find(self, client_order_id: str) -> ExecutionReport | None:
        return asyncio.run(self.venue.find_order(ClientOrderId(client_order_id), SYMBOL))

    def open_ids(self) -> list[str]:
        return [report.client_order_id for report in asyncio.run(self.venue.open_orders())]

    def transfer(self, client_order_id: str, amount: str, asset: Asset = USDT) -> ExecutionReport:
        request = TransferRequest(
            client_order_id=ClientOrderId(client_order_id),
            chain="ethereum",
            asset=asset,
            amount=Decimal(amount),
            to_address="0x" + "ab" * 20,
        )
        return asyncio.run(self.venue.transfer(request))

    def balances(self) -> dict[Asset, tuple[Decimal, Decimal]]:
        return {balance.asset: (balance.total, balance.free) for balance in asyncio.run(self.venue.balances())}


def test_it_serves_the_ports_of_an_exchange_that_amends_and_transfers() -> None:
    venue = Shop().venue
    assert isinstance(venue, ExchangePort)
    assert isinstance(venue, AmendPort)
    assert isinstance(venue, TransferPort)
    assert list(asyncio.run(venue.instruments())) == [BTC_USDT]


def test_a_deposit_answers_with_the_balance_after_it() -> None:
    assert Shop().venue.deposit(USDT, Decimal("0.5")) == Balance(
        asset=USDT, total=Decimal("1000.5"), free=Decimal("1000.5")
    )


def test_a_market_order_is_answered_with_its_fills_and_told_to_nobody_else() -> None:
    shop = Shop()
    report = shop.place(order("b", Side.BUY, "2"))
    assert (report.state, filled(report)) == (OrderState.FILLED, [("100", "2")])
    assert shop.told == []
    assert shop.balances() == {BTC: (Decimal(12), Decimal(12)), USDT: (Decimal(800), Decimal(800))}


def test_all_venue_names_share_one_wallet() -> None:
    shop = Shop()
    shop.place(order("b1", Side.BUY, "5", venue=VenueId("binance")))
    report = shop.place(order("b2", Side.BUY, "5.001", venue=VenueId("kraken"), price_worst="100"))
    assert report.reason == "insufficient_balance"
    assert shop.place(order("b3", Side.BUY, "5", venue=VenueId("kraken"), price_worst="100")).state == "filled"


def test_a_fill_that_comes_later_is_told() -> None:
    shop = Shop()
    assert shop.place(order("b", Side.BUY, "1", limit_price="98")).state is OrderState.OPEN
    shop.venue.on_tick(book({"96": "1"}, {"97": "5"}))
    assert [(report.client_order_id, report.state) for report in shop.told] == [("b", OrderState.FILLED)]
    assert shop.find("b") == shop.told[0]


def test_a_triggered_stop_and_an_expiry_are_told() -> None:
    shop = Shop()
    until: dict[str, Any] = {"time_in_force": TimeInForce.GTD, "expires_at": START + SECOND}
    shop.place(order("dated", Side.BUY, "1", limit_price="90", **until))
    shop.place(order("stop", Side.SELL, "1", order_type=OrderType.STOP, stop_price="98"))
    shop.venue.on_tick(quote("97", "98"))
    assert shop.venue.next_due_at() == START + SECOND
    shop.now += SECOND
    shop.venue.advance()
    assert [(report.client_order_id, report.state) for report in shop.told] == [
        ("stop", OrderState.FILLED),
        ("dated", OrderState.EXPIRED),
    ]


def test_what_another_order_did_meanwhile_is_told_before_the_answer() -> None:
    shop = Shop(PaperSettings(latency=SECOND))
    assert shop.place(order("b", Side.BUY, "1")).state is OrderState.OPEN
    shop.now += SECOND
    assert shop.place(order("s", Side.SELL, "1")).client_order_id == "s"
    assert [(report.client_order_id, report.state) for report in shop.told] == [("b", OrderState.FILLED)]


def test_a_fill_that_beats_its_cancellation_is_told_and_not_lost() -> None:
    shop = Shop(PaperSettings(latency=SECOND))
    shop.place(order("b", Side.BUY, "1"))
    shop.now += SECOND
    answer = shop.cancel("b")
    assert (answer.state, answer.fills) == (OrderState.FILLED, ())
    assert [len(report.fills) for report in shop.told] == [1]


def test_a_replacement_is_answered_and_the_replaced_order_is_told() -> None:
    shop = Shop()
    shop.place(order("old", Side.BUY, "1", limit_price="90"))
    assert shop.replace("old", order("new", Side.BUY, "1", limit_price="91")).state is OrderState.OPEN
    assert [(report.client_order_id, report.reason) for report in shop.told] == [("old", "replaced")]
    assert shop.open_ids() == ["new"]


def test_trades_and_other_ticks_move_nothing() -> None:
    shop = Shop()
    shop.place(order("b", Side.BUY, "1", limit_price="98"))
    shop.venue.on_tick(Trade(symbol=SYMBOL, price=Decimal(1), quantity=Decimal(100), observed_at=START))
    assert shop.told == []


def test_an_order_never_seen_is_not_found() -> None:
    assert Shop().find("never") is None


# transfers


def test_a_transfer_leaves_the_wallet() -> None:
    shop = Shop()
    report = shop.transfer("t", "400")
    assert (report.state, report.fills) == (OrderState.FILLED, ())
    assert shop.balances()[USDT] == (Decimal(600), Decimal(600))
    assert asyncio.run(shop.venue.find_transfer(ClientOrderId("t"))) == report
    assert asyncio.run(shop.venue.find_transfer(ClientOrderId("never"))) is None


@pytest.mark.parametrize(
    ("amount", "reason"),
    [("1000.000000000000000001", "insufficient_balance"), ("0", "amount"), ("-1", "amount"), ("NaN", "amount")],
)
def test_a_transfer_of_too_much_or_of_no_sane_amount_is_rejected(amount: str, reason: str) -> None:
    shop = Shop()
    report = shop.transfer("t", amount)
    assert (report.state, report.reason) == (OrderState.REJECTED, reason)
    assert shop.balances()[USDT] == (Decimal(1000), Decimal(1000))


def test_what_open_orders_have_locked_cannot_be_transferred() -> None:
    shop = Shop()
    shop.place(order("b", Side.BUY, "2", limit_price="98"))
    assert shop.transfer("t1", "804.01").reason == "insufficient_balance"
    assert shop.transfer("t2", "804").state is OrderState.FILLED


def test_orders_and_transfers_share_one_space_of_ids() -> None:
    shop = Shop()
    shop.transfer("same", "1")
    shop.place(order("other", Side.BUY, "1"))
    assert shop.place(order("same", Side.BUY, "1")).reason == "duplicate_client_order_id"
    assert shop.transfer("same", "1").reason == "duplicate_client_order_id"
    assert shop.transfer("other", "1").reason == "duplicate_client_order_id"
    assert shop.replace("other", order("same", Side.BUY, "1")).reason == "duplicate_client_order_id"
    assert shop.cancel("same").state is OrderState.FILLED
    assert shop.balances()[USDT][0] == 899


# restarts


def restored(
    *orders: OpenOrder, usdt: str = "1000", btc: str = "10", settings: PaperSettings = NO_FEES
) -> tuple[Shop, tuple[ExecutionReport, ...]]:
    shop = Shop(settings)
    reports = shop.venue.restore({USDT: Decimal(usdt), BTC: Decimal(btc)}, orders)
    return shop, reports


def test_a_restored_venue_has_the_balances_and_open_orders_of_before() -> None:
    half_done = OpenOrder(request=order("b", Side.BUY, "4", limit_price="98"), filled=Decimal(1))
    shop, reports = restored(half_done, usdt="902", btc="11")
    assert reports == ()
    assert shop.balances() == {BTC: (Decimal(11), Decimal(11)), USDT: (Decimal(902), Decimal(608))}
    assert shop.open_ids() == ["b"]
    found = shop.find("b")
    assert found is not None
    assert found.state is OrderState.PARTLY_FILLED


def test_what_was_left_of_a_restored_order_fills_under_new_fill_ids() -> None:
    before = Shop()
    before.place(order("b", Side.BUY, "4", limit_price="98"))
    before.venue.on_tick(quote("90", "98", ask_size="1"))
    shop, _ = restored(
        OpenOrder(request=order("b", Side.BUY, "4", limit_price="98"), filled=Decimal(1)), usdt="902", btc="11"
    )
    shop.venue.on_tick(quote("90", "98", ask_size="2"))
    assert filled(shop.told[0]) == [("98", "2")]
    assert {fill.fill_id for report in before.told + shop.told for fill in report.fills} == {"b:1", "b:3"}


def test_a_restored_stop_waits_for_its_price_unless_part_of_it_was_filled() -> None:
    waiting = order("w", Side.SELL, "1", order_type=OrderType.STOP_LIMIT, stop_price="95", limit_price="94")
    shop, _ = restored(
        OpenOrder(request=waiting),
        OpenOrder(request=replace(waiting, client_order_id=ClientOrderId("t")), filled=Decimal("0.5")),
    )
    shop.venue.on_tick(quote("99", "100"))
    assert [(report.client_order_id, filled(report)) for report in shop.told] == [("t", [("94", "0.5")])]


def test_an_order_permitted_but_never_accepted_is_not_found_after_a_restart_and_may_be_placed() -> None:
    shop, _ = restored()
    assert shop.find("lost") is None
    shop.venue.on_tick(quote("99", "100"))
    assert shop.place(order("lost", Side.BUY, "1")).state is OrderState.FILLED


def test_restoring_forgets_all_that_was_there_before() -> None:
    shop = Shop()
    shop.place(order("b", Side.BUY, "1", limit_price="90"))
    shop.transfer("t", "10")
    shop.venue.restore({USDT: Decimal(5), BTC: Decimal(0)}, [])
    assert shop.balances() == {USDT: (Decimal(5), Decimal(5))}
    assert (shop.find("b"), shop.find("t"), shop.open_ids()) == (None, None, [])


def test_a_restored_order_that_the_balance_no_longer_covers_is_cancelled_and_said() -> None:
    dear = PaperSettings(taker_fee_pct=Decimal(1))
    first = OpenOrder(request=order("b1", Side.BUY, "5", limit_price="100"))
    second = OpenOrder(request=order("b2", Side.BUY, "5", limit_price="100"))
    shop, reports = restored(first, second, settings=dear)
    assert [(report.client_order_id, report.state, report.reason) for report in reports] == [
        ("b2", OrderState.CANCELLED, "insufficient_balance")
    ]
    assert shop.balances()[USDT] == (Decimal(1000), Decimal(495))


def test_restored_orders_that_cannot_go_on_are_cancelled_and_said() -> None:
    gone = replace(order("gone", Side.BUY, "1", limit_price="98"), symbol=replace(BTC_USDT).symbol + "X")
    in_flight = order("in flight", Side.BUY, "1")
    shop, reports = restored(OpenOrder(request=gone), OpenOrder(request=in_flight))
    assert [(report.client_order_id, report.state, report.reason) for report in reports] == [
        ("gone", OrderState.CANCELLED, "unknown_instrument"),
        ("in flight", OrderState.CANCELLED, "no_market"),
    ]
    assert shop.open_ids() == []


def test_an_order_whose_date_passed_while_the_venue_was_down_expires() -> None:
    until: dict[str, Any] = {"time_in_force": TimeInForce.GTD, "expires_at": START - SECOND}
    shop, reports = restored(OpenOrder(request=order("b", Side.BUY, "1", limit_price="98", **until)))
    assert reports == ()
    shop.venue.advance()
    assert [(report.client_order_id, report.state) for report in shop.told] == [("b", OrderState.EXPIRED)]


@pytest.mark.parametrize("filled_quantity", ["-1", "1", "2", "NaN"])
def test_an_order_that_cannot_be_open_is_not_restored(filled_quantity: str) -> None:
    impossible = OpenOrder(request=order("b", Side.BUY, "1", limit_price="98"), filled=Decimal(filled_quantity))
    with pytest.raises(ValueError, match="b:"):
        restored(impossible)


def test_an_order_is_not_restored_twice() -> None:
    once = OpenOrder(request=order("b", Side.BUY, "1", limit_price="98"))
    with pytest.raises(ValueError, match="taken up twice"):
        restored(once, once)


@pytest.mark.parametrize("total", ["-1", "NaN", "Infinity"])
def test_a_balance_that_cannot_be_is_not_restored(total: str) -> None:
    with pytest.raises(InvalidAmount):
        restored(usdt=total)


# what went wrong in earlier versions


def test_failure_1_three_hundred_paper_orders_as_shipped_all_fill() -> None:
    shop = Shop(PaperSettings(), usdt="100000")
    states = []
    for number in range(300):
        side = Side.SELL if number % 2 else Side.BUY
        states.append(shop.place(order(f"o{number}", side, "1")).state)
    assert set(states) == {OrderState.FILLED}


def test_failure_6_an_order_that_fills_later_is_seen_as_filled() -> None:
    shop = Shop()
    shop.place(order("b", Side.BUY, "1", limit_price="98"))
    shop.venue.on_tick(quote("96", "97"))
    found = shop.find("b")
    assert found is not None
    assert (found.state, filled(found)) == (OrderState.FILLED, [("98", "1")])


@pytest.mark.parametrize("amount", ["-100", "-0.000000000000000001", "0"])
def test_failure_10_a_negative_amount_mints_no_money(amount: str) -> None:
    shop = Shop()
    attempts: list[Callable[[], object]] = [
        lambda: shop.venue.deposit(USDT, Decimal(amount)),
        lambda: shop.transfer("t", amount),
        lambda: shop.place(order("b", Side.BUY, amount)),
        lambda: shop.place(order("s", Side.SELL, amount)),
        lambda: shop.place(order("l", Side.BUY, "1", limit_price=amount)),
    ]
    for attempt in attempts:
        try:
            attempt()
        except InvalidAmount:
            continue
    assert shop.balances() == {BTC: (Decimal(10), Decimal(10)), USDT: (Decimal(1000), Decimal(1000))}


def test_failure_10_the_agent_does_not_name_its_own_fill_price() -> None:
    shop = Shop()
    for number, own_price in enumerate(("0.01", "1", "99.99")):
        bid_low = order(f"b{number}", Side.BUY, "1", limit_price=own_price, time_in_force=TimeInForce.IOC)
        assert shop.place(bid_low).fills == ()
        bound_low = order(f"m{number}", Side.BUY, "1", price_worst=own_price)
        assert shop.place(bound_low).fills == ()
    ask_high = order("s", Side.SELL, "1", limit_price="1000000", time_in_force=TimeInForce.IOC)
    assert shop.place(ask_high).fills == ()
    for side, price in ((Side.BUY, "199"), (Side.SELL, "50")):
        generous = order(f"generous {side}", side, "1", limit_price=price)
        market_price = "100" if side is Side.BUY else "99"
        assert filled(shop.place(generous)) == [(market_price, "1")]


def test_failure_10_nan_does_not_destroy_the_wallet() -> None:
    shop = Shop()
    for nan in (Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")):
        with pytest.raises(InvalidAmount):
            shop.venue.deposit(USDT, nan)
        shop.transfer(f"t{nan}", str(nan))
        shop.place(replace(order(f"q{nan}", Side.BUY, "1"), quantity=nan))
        shop.place(replace(order(f"w{nan}", Side.BUY, "1"), price_worst=nan))
        shop.place(order(f"l{nan}", Side.BUY, "1", limit_price=str(nan)))
        with pytest.raises(ValueError, match="BTC/USDT"):
            shop.venue.on_tick(replace(quote("99", "100"), ask=nan))
    assert shop.balances() == {BTC: (Decimal(10), Decimal(10)), USDT: (Decimal(1000), Decimal(1000))}
    assert shop.place(order("b", Side.BUY, "1")).state is OrderState.FILLED
