"""The exchange itself: what orders do, what its ledger says of them, and what its owners are told."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import OrderState, OrderType, Side

from appliance.local_exchange.account import Account
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import ClientIds, Event, EventKind, Refused, Request
from appliance.paper.instrument_market import InvalidMarket
from tests.local_exchange.ground import BALANCES, BTC, KEY, book, exchange, quote, until


def limit(side: Side, price: str, quantity: str = "0.1", client_order_id: str | None = None) -> Request:
    return Request(
        symbol=BTC,
        side=side,
        order_type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        limit_price=Decimal(price),
        client_order_id=client_order_id,
    )


def account_of(venue: LocalExchange) -> Account:
    found = venue.key(KEY)
    assert found is not None
    return found[1]


def listened(venue: LocalExchange) -> list[Event]:
    """Every event about an order from now on."""
    events: list[Event] = []
    venue.listen(account_of(venue), lambda event: events.append(event) if event.order is not None else None)
    return events


def kinds(events: list[Event]) -> list[EventKind]:
    return [event.kind for event in events]


def test_a_resting_order_fills_in_parts_and_every_step_is_told_with_the_state_it_had() -> None:
    venue = exchange()
    events = listened(venue)
    order = venue.place(account_of(venue), limit(Side.BUY, "59000"))
    venue.show(quote(BTC, "58900", "58950", "0.04"))
    venue.show(quote(BTC, "58800", "58850", "0.06"))
    assert kinds(events) == [EventKind.ACCEPTED, EventKind.FILL, EventKind.FILL]
    assert [event.order.filled for event in events if event.order] == [ZERO, Decimal("0.04"), Decimal("0.1")]
    ended = venue.find(account_of(venue), order.order_id)
    assert ended is not None
    assert ended.state is OrderState.FILLED
    assert ended.quote_filled == Decimal("5900.0")
    assert len({fill.trade_id for fill in ended.fills}) == 2


def test_the_ledger_alone_tells_what_was_accepted_and_what_it_cost(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    venue = exchange(ledger_path=path)
    account = account_of(venue)
    venue.place(account, limit(Side.BUY, "60001", client_order_id="now"))
    resting = venue.place(account, limit(Side.BUY, "50000", client_order_id="later"))
    venue.cancel(account, resting.order_id)
    with pytest.raises(Refused):
        venue.place(account, limit(Side.BUY, "50000", "1000", "too-much"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines if line["kind"] != "deposit"] == [
        "accepted",
        "fill",
        "accepted",
        "cancelled",
        "rejected",
    ]
    fill = next(line for line in lines if line["kind"] == "fill")
    spent = Decimal(fill["price"]) * Decimal(fill["quantity"]) + Decimal(fill["fee"])
    assert {item.asset: item.total for item in account.balances()}["USDT"] == BALANCES["USDT"] - spent
    venue.close()


def test_a_market_order_for_an_amount_of_quote_is_whole_increments_and_no_more_than_that() -> None:
    venue = exchange()
    request = Request(symbol=BTC, side=Side.BUY, order_type=OrderType.MARKET, quote_quantity=Decimal(1000))
    order = venue.place(account_of(venue), request)
    assert (order.state, str(order.filled)) == (OrderState.FILLED, "0.01666")


def test_an_amended_order_keeps_its_number_and_what_is_filled() -> None:
    venue = exchange()
    account = account_of(venue)
    order = venue.place(account, limit(Side.BUY, "59000"))
    venue.show(quote(BTC, "58900", "58950", "0.04"))
    amended = venue.amend(account, order.order_id, quantity=Decimal("0.06"), limit_price=Decimal("58000"))
    assert (amended.order_id, amended.filled, amended.remaining) == (order.order_id, Decimal("0.04"), Decimal("0.02"))
    venue.show(quote(BTC, "57900", "57950"))
    ended = venue.find(account, order.order_id)
    assert ended is not None
    assert (ended.state, ended.filled) == (OrderState.FILLED, Decimal("0.06"))


@pytest.mark.parametrize("client_ids", list(ClientIds))
def test_a_client_order_id_is_taken_for_as_long_as_the_venue_says(client_ids: ClientIds) -> None:
    venue = exchange(client_ids=client_ids)
    account = account_of(venue)
    first = venue.place(account, limit(Side.BUY, "50000", client_order_id="one"))
    with pytest.raises(Refused, match="duplicate_client_order_id"):
        venue.place(account, limit(Side.BUY, "50000", client_order_id="one"))
    venue.cancel(account, first.order_id)
    if client_ids is ClientIds.UNIQUE_FOR_EVER:
        with pytest.raises(Refused, match="duplicate_client_order_id"):
            venue.place(account, limit(Side.BUY, "50000", client_order_id="one"))
    else:
        assert venue.place(account, limit(Side.BUY, "50000", client_order_id="one")).order_id != first.order_id


def test_a_market_that_cannot_be_is_not_displayed() -> None:
    venue = exchange()
    with pytest.raises(InvalidMarket):
        venue.show(quote(BTC, "60002", "60001"))
    assert venue.displays[BTC].asks[0].price == Decimal(60001)


@pytest.mark.parametrize(
    ("side", "price", "buyer_is_maker"),
    [(Side.BUY, "60001", False), (Side.SELL, "59999", True), (Side.BUY, "59000", True), (Side.SELL, "61000", False)],
)
def test_a_trade_is_printed_with_the_side_that_waited(side: Side, price: str, buyer_is_maker: bool) -> None:
    venue = exchange()
    order = venue.place(account_of(venue), limit(side, price))
    if order.is_open:
        venue.show(quote(BTC, "58999", "59000") if side is Side.BUY else quote(BTC, "61000", "61001"))
    (printed,) = venue.displays[BTC].trades
    assert printed.buyer_is_maker is buyer_is_maker


def test_updates_of_a_book_are_numbered_without_holes() -> None:
    venue = exchange()
    news = []
    venue.watch(news.append)
    venue.show(book(BTC, [("59999", "2"), ("59998", "1")], [("60001", "1")]))
    venue.show(book(BTC, [("59998", "1")], [("60001", "1"), ("60005", "3")]))
    assert [item.update_last - item.update_first + 1 for item in news] == [2, 2]
    assert news[1].update_first == news[0].update_last + 1
    assert [(str(level.price), str(level.size)) for level in news[1].bids] == [("59999", "0")]


def test_the_dead_mans_switch_cancels_everything_unless_asked_again() -> None:
    async def scenario() -> None:
        venue = exchange()
        account = account_of(venue)
        venue.place(account, limit(Side.BUY, "50000"))
        venue.cancel_all_after(account, 1)
        armed = venue.switches[account.name]
        venue.cancel_all_after(account, 0)
        assert armed.cancelled()
        assert venue.open_orders(account)
        venue.cancel_all_after(account, 1)
        await until(lambda: not venue.open_orders(account))
        venue.close()

    asyncio.run(scenario())


# faults that are the model's


def test_a_fill_that_raced_with_a_cancellation_is_told_after_it_and_is_paid() -> None:
    venue = exchange()
    events, account = listened(venue), account_of(venue)
    order = venue.place(account, limit(Side.BUY, "59000"))
    venue.faults.inject(Fault.FILL_AFTER_CANCEL)
    told = venue.cancel(account, order.order_id)
    assert (told.state, told.filled) == (OrderState.CANCELLED, ZERO)
    assert kinds(events) == [EventKind.ACCEPTED, EventKind.CANCELLED, EventKind.FILL]
    truth = venue.find(account, order.order_id)
    assert truth is not None
    assert (truth.state, truth.filled) == (OrderState.CANCELLED, Decimal("0.05"))
    balances = {item.asset: item for item in account.balances()}
    assert balances["BTC"].total == BALANCES["BTC"] + Decimal("0.05")
    assert balances["USDT"].total == balances["USDT"].free == BALANCES["USDT"] - Decimal("2950") - Decimal("2.95")


def test_fills_out_of_order_and_duplicates_are_told_and_counted() -> None:
    async def scenario() -> None:
        venue = exchange()
        events = listened(venue)
        venue.show(book(BTC, [("59999", "1")], [("60001", "0.05"), ("60002", "1")]))
        venue.faults.inject(Fault.FILLS_OUT_OF_ORDER)
        venue.place(account_of(venue), limit(Side.BUY, "60002"))
        assert [event.order.filled for event in events if event.order] == [ZERO, Decimal("0.10"), Decimal("0.05")]
        venue.faults.inject(Fault.DUPLICATED_ACKNOWLEDGEMENT)
        venue.place(account_of(venue), limit(Side.BUY, "50000"))
        assert kinds(events[3:]) == [EventKind.ACCEPTED, EventKind.ACCEPTED]
        assert venue.faults.seen == {Fault.FILLS_OUT_OF_ORDER: 1, Fault.DUPLICATED_ACKNOWLEDGEMENT: 1}
        venue.close()

    asyncio.run(scenario())


def test_an_order_can_be_unknown_for_a_while_and_a_balance_old() -> None:
    async def scenario() -> None:
        venue = exchange()
        account = account_of(venue)
        before = account.balances()
        venue.faults.inject(Fault.ORDER_UNKNOWN_FOR_A_WHILE, ms=150)
        venue.faults.inject(Fault.BALANCE_LAG, ms=150)
        order = venue.place(account, limit(Side.BUY, "50000", client_order_id="mine"))
        assert venue.find(account, order.order_id) is None
        assert venue.find_by_client_id(account, "mine") is None
        assert venue.open_orders(account) == venue.orders(account) == []
        assert account.balances() == before
        await until(lambda: venue.find_by_client_id(account, "mine") is not None)
        await until(lambda: account.balances() != before)
        venue.close()

    asyncio.run(scenario())


def test_a_refused_cancellation_leaves_the_order_open() -> None:
    venue = exchange()
    account = account_of(venue)
    order = venue.place(account, limit(Side.BUY, "50000"))
    venue.faults.inject(Fault.CANCEL_REFUSED)
    with pytest.raises(Refused, match="cancel_refused"):
        venue.cancel(account, order.order_id)
    assert venue.open_orders(account)
    assert venue.cancel(account, order.order_id).state is OrderState.CANCELLED


def test_a_fault_happens_as_often_as_asked_and_only_where_asked() -> None:
    faults = exchange().faults
    faults.inject(Fault.RATE_LIMIT, times=2, path="POST /order")
    assert not faults.take(Fault.RATE_LIMIT, "GET /order")
    assert [faults.take(Fault.RATE_LIMIT, "POST /order") for _ in range(3)] == [True, True, False]
    assert faults.seen[Fault.RATE_LIMIT] == 2
