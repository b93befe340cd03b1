"""Each fault as a client of Kraken meets it: what ccxt makes of it, and what is true at the venue all the same."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from appliance.local_exchange.faults import Fault
from appliance.local_exchange.kraken_book import checksum
from appliance.local_exchange.kraken_names import KrakenNames
from appliance.local_exchange.model import LocalExchange
from tests.local_exchange.ground import BTC, quote, until
from tests.local_exchange.kraken_ground import BTC_USD, traded
from tests.local_exchange.test_kraken_stream import Message, Socket, buy, connected, token_of

TERMS = ("BTC/USDT", "limit", "buy", "0.1", "59000", {"clientOrderId": "one"})


def placed(venue: LocalExchange) -> int:
    return len(venue.accounts()[0].orders)


@pytest.mark.parametrize(
    ("fault", "error", "orders"),
    [
        (Fault.TIMEOUT_BEFORE_ACCEPTANCE, ccxt.RequestTimeout, 0),
        (Fault.TIMEOUT_AFTER_ACCEPTANCE, ccxt.RequestTimeout, 1),
        (Fault.ERROR_5XX_BEFORE_ACCEPTANCE, ccxt.ExchangeNotAvailable, 0),
        (Fault.ERROR_5XX_AFTER_ACCEPTANCE, ccxt.ExchangeNotAvailable, 1),
        (Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT, ccxt.NetworkError, 1),
        (Fault.RATE_LIMIT, ccxt.DDoSProtection, 0),
        (Fault.MAINTENANCE, ccxt.ExchangeNotAvailable, 0),
    ],
)
def test_an_order_that_got_no_good_answer_is_at_the_venue_or_not(
    fault: Fault, error: type[Exception], orders: int
) -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            client.timeout = 300
            venue.faults.inject(fault)
            with pytest.raises(error):
                await client.create_order(*TERMS)
            assert (placed(venue), venue.faults.seen[fault]) == (orders, 1)
            client.timeout = 5000
            found = await client.fetch_open_orders(params={"clientOrderId": "one"})
            assert len(found) == orders

    asyncio.run(act())


def test_the_network_in_front_says_so_when_the_venue_took_too_long() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            venue.faults.inject(Fault.TIMEOUT_AFTER_ACCEPTANCE, ms=20)
            with pytest.raises(ccxt.OperationFailed, match="504"):
                await client.create_order(*TERMS)
            assert placed(venue) == 1

    asyncio.run(act())


def test_an_order_is_in_no_list_for_a_while() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            venue.faults.inject(Fault.ORDER_UNKNOWN_FOR_A_WHILE, ms=60_000)
            order = await client.create_order(*TERMS)
            assert await client.fetch_open_orders() == []
            with pytest.raises(ccxt.OrderNotFound):
                await client.fetch_order(order["id"])
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(order["id"])
            assert len(venue.accounts()[0].open) == 1

    asyncio.run(act())


def test_a_cancellation_that_is_refused_leaves_the_order_open() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            order = await client.create_order(*TERMS)
            venue.faults.inject(Fault.CANCEL_REFUSED)
            with pytest.raises(ccxt.CancelPending):
                await client.cancel_order(order["id"])
            assert (await client.fetch_order(order["id"]))["status"] == "open"
            await client.cancel_order(order["id"])

    asyncio.run(act())


def test_balances_lag_behind_a_trade() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            venue.faults.inject(Fault.BALANCE_LAG, ms=60_000)
            await client.create_order("BTC/USDT", "market", "buy", "0.5")
            assert (await client.fetch_balance())["BTC"]["total"] == 2

    asyncio.run(act())


def test_a_skewed_clock_is_told_and_counted() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            venue.faults.inject(Fault.CLOCK_SKEW, ms=3_600_000)
            ahead_ms = await client.fetch_time() - client.milliseconds()
            assert 3_590_000 < ahead_ms < 3_610_000
            assert venue.faults.seen[Fault.CLOCK_SKEW] == 1

    asyncio.run(act())


def test_a_key_is_said_to_be_able_to_withdraw() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            venue.faults.inject(Fault.WITHDRAW_ENABLED_KEY)
            rights = [(await client.privatePostGetApiKeyInfo())["result"]["permissions"] for _ in range(2)]
            assert ["withdraw-funds" in found for found in rights] == [True, False]

    asyncio.run(act())


def test_maintenance_is_announced_where_one_asks_for_it() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            venue.faults.inject(Fault.MAINTENANCE, path="SystemStatus")
            assert [(await client.fetch_status())["status"] for _ in range(2)] == ["maintenance", "ok"]

    asyncio.run(act())


async def executions(socket: Socket, count: int) -> list[Message]:
    return [(await socket.hear_of("executions"))["data"][0] for _ in range(count)]


async def follow(url: str, socket: Socket) -> None:
    await socket.say("subscribe", channel="executions", token=await token_of(url))
    await socket.hear_of("executions")


def test_an_acknowledgement_is_told_twice() -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            await follow(url, socket)
            venue.faults.inject(Fault.DUPLICATED_ACKNOWLEDGEMENT)
            venue.place(venue.accounts()[0], buy("0.1", "59000"))
            told = await executions(socket, 4)
            assert [entry["exec_type"] for entry in told] == ["pending_new", "new", "pending_new", "new"]
            assert len({entry["order_id"] for entry in told}) == 1

    asyncio.run(act())


def test_fills_are_told_out_of_order() -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            await follow(url, socket)
            venue.place(venue.accounts()[0], buy("0.3", "59500"))
            venue.faults.inject(Fault.FILLS_OUT_OF_ORDER)
            venue.show(quote(BTC, "59000", "59400", "0.1"))
            venue.show(quote(BTC, "59000", "59400", "5"))
            told = [entry for entry in await executions(socket, 5) if entry["exec_type"] == "trade"]
            assert [entry["last_qty"] for entry in told] == [Decimal("0.2"), Decimal("0.1")]

    asyncio.run(act())


def test_a_fill_is_told_after_the_cancellation() -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            await follow(url, socket)
            account = venue.accounts()[0]
            order = venue.place(account, buy("0.2", "59500"))
            venue.faults.inject(Fault.FILL_AFTER_CANCEL, ms=20)
            venue.cancel(account, order.order_id)
            told = await executions(socket, 4)
            assert [entry["exec_type"] for entry in told[2:]] == ["canceled", "trade"]
            assert (told[2]["cum_qty"], told[3]["last_qty"]) == (0, Decimal("0.1"))

    asyncio.run(act())


def test_a_lost_acknowledgement_comes_late_over_the_websocket() -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            await follow(url, socket)
            venue.faults.inject(Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT, ms=50)
            venue.place(venue.accounts()[0], buy("0.1", "59000", "late"))
            assert [entry["cl_ord_id"] for entry in await executions(socket, 2)] == ["late", "late"]
            assert venue.faults.seen[Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT] == 1

    asyncio.run(act())


@pytest.mark.parametrize(
    ("fault", "orders"), [(Fault.TIMEOUT_BEFORE_ACCEPTANCE, 0), (Fault.TIMEOUT_AFTER_ACCEPTANCE, 1)]
)
def test_an_order_over_the_websocket_is_left_without_an_answer(fault: Fault, orders: int) -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            venue.faults.inject(fault)
            order = {"order_type": "limit", "side": "buy", "symbol": "BTC/USDT", "order_qty": 0.1, "limit_price": 59000}
            await socket.say("add_order", 1, token=await token_of(url), **order)
            await socket.say("ping", 2)
            answer = await socket.hear(lambda message: "req_id" in message)
            assert (answer["method"], placed(venue)) == ("pong", orders)

    asyncio.run(act())


def test_after_a_gap_the_next_checksum_does_not_fit_the_book_of_who_missed_it() -> None:
    async def act() -> None:
        async with connected() as (venue, _, socket):
            pair = KrakenNames([venue.displays[BTC].instrument]).pairs[0]
            await socket.say("subscribe", channel="book", symbol=["BTC/USDT"])
            first = (await socket.hear_of("book"))["data"][0]
            venue.faults.inject(Fault.SEQUENCE_GAP)
            venue.show(quote(BTC, "59990", "60001"))
            venue.show(quote(BTC, "59990", "60005"))
            told = (await socket.hear_of("book"))["data"][0]
            assert (told["bids"], [level["price"] for level in told["asks"]]) == ([], [60005, 60001])
            true = venue.displays[BTC]
            assert told["checksum"] == checksum(pair, true.asks, true.bids)
            assert first["bids"][0]["price"] != true.bids[0].price

    asyncio.run(act())


@pytest.mark.parametrize("fault", [Fault.CROSSED_BOOK, Fault.ABSURD_PRICE])
@pytest.mark.parametrize("channel", ["ticker", "book"])
def test_prices_are_told_that_cannot_be(fault: Fault, channel: str) -> None:
    async def act() -> None:
        async with connected() as (venue, _, socket):
            params: dict[str, Any] = {"event_trigger": "bbo"} if channel == "ticker" else {}
            await socket.say("subscribe", channel=channel, symbol=["BTC/USD"], **params)
            await socket.hear_of(channel)
            venue.faults.inject(fault)
            venue.show(quote(BTC_USD, "59000", "59010"))
            told = (await socket.hear_of(channel))["data"][0]
            bid = told["bid"] if channel == "ticker" else max(level["price"] for level in told["bids"] if level["qty"])
            assert bid == (59020 if fault is Fault.CROSSED_BOOK else 5_900_000)
            assert venue.displays[BTC_USD].bids[0].price == 59000

    asyncio.run(act())


@pytest.mark.parametrize(("fault", "bid"), [(Fault.CROSSED_BOOK, 60003), (Fault.ABSURD_PRICE, 5_999_900)])
def test_prices_that_cannot_be_are_told_over_rest_once(fault: Fault, bid: int) -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            venue.faults.inject(fault, times=2)
            assert (await client.fetch_ticker("BTC/USD"))["bid"] == bid
            assert (await client.fetch_order_book("BTC/USD"))["bids"][0][0] == bid
            assert (await client.fetch_ticker("BTC/USD"))["bid"] == 59999

    asyncio.run(act())


def test_a_silent_socket_stays_open_and_says_nothing() -> None:
    async def act() -> None:
        async with connected() as (venue, _, socket):
            await socket.say("subscribe", channel="book", symbol=["BTC/USD"])
            await socket.hear_of("book")
            venue.faults.inject(Fault.SILENT_SOCKET, path="market book")
            for bid in ("59000", "59001", "59002"):
                venue.show(quote(BTC_USD, bid, "59010"))
            await socket.say("ping")
            message = await socket.hear(lambda message: "method" in message or "channel" in message)
            assert message["method"] == "pong"

    asyncio.run(act())


def test_a_dropped_connection_ends_without_a_goodbye() -> None:
    async def act() -> None:
        async with connected() as (venue, _, socket):
            await socket.say("subscribe", channel="book", symbol=["BTC/USD"])
            await socket.hear_of("book")
            venue.faults.inject(Fault.CONNECTION_DROPPED, path="market book")
            venue.show(quote(BTC_USD, "59000", "59010"))
            with pytest.raises(TypeError, match="Received message"):
                await socket.hear()
            await until(lambda: venue.faults.seen[Fault.CONNECTION_DROPPED] == 1)

    asyncio.run(act())
