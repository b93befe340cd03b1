"""ccxt and ccxt.pro trade on Binance's wire and see each fault as its documentation has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import ccxt
import pytest

from appliance.local_exchange.faults import Fault
from appliance.local_exchange.model import LocalExchange
from tests.local_exchange.ground import BTC, KEY, SECRET, binance, quote, served, until

Scenario = Callable[[LocalExchange, Any], Awaitable[None]]


def run(scenario: Scenario, **options: Any) -> None:
    async def whole() -> None:
        async with asyncio.timeout(30), served() as (venue, url), binance(url, **options) as client:
            await client.load_markets()
            await scenario(venue, client)

    asyncio.run(whole())


async def place(client: Any, own_id: str = "mine", price: str = "59000", amount: str = "0.01") -> Any:
    return await client.create_order(BTC, "limit", "buy", amount, price, {"clientOrderId": own_id})


async def found(client: Any, own_id: str = "mine") -> Any:
    return await client.fetch_order(None, BTC, {"origClientOrderId": own_id})


def is_awaited(client: Any, message: str) -> bool:
    """Whether ccxt waits for a message over any of its sockets."""
    return any(message in socket.futures for socket in client.clients.values())


async def watch_until_it_fails(client: Any) -> None:
    while True:
        await client.watch_order_book(BTC)


def test_markets_orders_fills_cancellations_and_balances() -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        market = client.market(BTC)
        assert (market["id"], market["precision"]["price"], market["limits"]["cost"]["min"]) == ("BTCUSDT", 0.01, 5.0)
        order = await place(client)
        assert (order["status"], order["clientOrderId"]) == ("open", "mine")
        venue.show(quote(BTC, "58900", "58990", "0.004"))
        assert (await found(client))["filled"] == 0.004
        assert [item["id"] for item in await client.fetch_open_orders(BTC)] == [order["id"]]
        assert (await client.cancel_order(order["id"], BTC))["status"] == "canceled"
        (trade,) = await client.fetch_my_trades(BTC)
        assert (trade["order"], trade["price"], trade["fee"]["currency"]) == (order["id"], 59000.0, "USDT")
        balance = await client.fetch_balance()
        assert balance["BTC"]["total"] == 2.004
        assert balance["USDT"]["used"] == 0
        taken = await client.create_order(BTC, "market", "sell", "0.001")
        assert (taken["status"], taken["average"]) == ("closed", 58900.0)
        assert len(await client.fetch_orders(BTC)) == 2

    run(scenario)


def test_orders_are_replaced_stopped_made_post_only_and_cancelled_together() -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        order = await place(client)
        replaced = await client.edit_order(order["id"], BTC, "limit", "buy", "0.02", "58000")
        assert (replaced["status"], replaced["amount"]) == ("open", 0.02)
        assert (await found(client))["status"] == "canceled"
        stop = await client.create_order(BTC, "limit", "sell", "0.01", "54000", {"stopPrice": "55000"})
        assert (await client.fetch_order(stop["id"], BTC))["status"] == "open"
        with pytest.raises(ccxt.OrderImmediatelyFillable):
            await client.create_order(BTC, "limit", "buy", "0.01", "60001", {"postOnly": True})
        assert len(await client.cancel_all_orders(BTC)) == 2
        assert await client.fetch_open_orders(BTC) == []

    run(scenario)


def test_the_user_stream_and_the_market_streams() -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        shown = await client.watch_order_book(BTC)
        assert shown["bids"][0][0] == 59999.0
        venue.show(quote(BTC, "59990", "60010"))
        shown = await client.watch_order_book(BTC)
        assert (shown["bids"], shown["asks"]) == ([[59990.0, 1.0]], [[60010.0, 1.0]])
        assert (await client.watch_ticker(BTC))["last"] == 60000.0
        assert (await client.watch_bids_asks([BTC]))[BTC]["ask"] == 60010.0
        watching = asyncio.create_task(client.watch_orders(BTC))
        # The user stream is there once the exchange has somebody to tell.
        account = venue.accounts()[0]
        await until(lambda: bool(venue._newsrooms[account.name]._listeners))
        await place(client)
        assert (await watching)[-1]["status"] == "open"
        fills = asyncio.create_task(client.watch_my_trades(BTC))
        orders = asyncio.create_task(client.watch_orders(BTC))
        await until(lambda: is_awaited(client, f"myTrades:{BTC}") and is_awaited(client, f"orders:{BTC}"))
        venue.show(quote(BTC, "58900", "58990"))
        (fill,) = await fills
        assert (fill["amount"], fill["price"]) == (0.01, 59000.0)
        assert (await orders)[-1]["status"] == "closed"

    run(scenario)


def test_a_wrong_secret_an_unknown_key_and_a_wrong_clock_are_refused() -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        client.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await client.fetch_balance()
        client.secret, client.apiKey = SECRET, "nobody"
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            await client.fetch_balance()
        client.apiKey = KEY
        for skew_ms in (60_000, -60_000):
            venue.faults.inject(Fault.CLOCK_SKEW, ms=skew_ms)
            with pytest.raises(ccxt.InvalidNonce, match="-1021"):
                await client.fetch_balance()
        assert venue.faults.seen[Fault.CLOCK_SKEW] == 2
        venue.faults.inject(Fault.CLOCK_SKEW, ms=0)
        assert await client.fetch_balance()

    run(scenario)


@pytest.mark.parametrize(
    ("fault", "ms", "error", "is_taken"),
    [
        (Fault.TIMEOUT_BEFORE_ACCEPTANCE, 0, ccxt.RequestTimeout, False),
        (Fault.TIMEOUT_AFTER_ACCEPTANCE, 0, ccxt.RequestTimeout, True),
        (Fault.TIMEOUT_BEFORE_ACCEPTANCE, 5, ccxt.RequestTimeout, False),
        (Fault.TIMEOUT_AFTER_ACCEPTANCE, 5, ccxt.RequestTimeout, True),
        (Fault.ERROR_5XX_BEFORE_ACCEPTANCE, 0, ccxt.ExchangeNotAvailable, False),
        (Fault.ERROR_5XX_AFTER_ACCEPTANCE, 0, ccxt.OperationFailed, True),
        (Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT, 50, ccxt.NetworkError, True),
        (Fault.RATE_LIMIT, 0, ccxt.DDoSProtection, False),
        (Fault.MAINTENANCE, 0, ccxt.ExchangeNotAvailable, False),
    ],
)
def test_an_order_whose_answer_is_bad_was_taken_or_not(
    fault: Fault, ms: int, error: type[Exception], is_taken: bool
) -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        venue.faults.inject(fault, ms=ms)
        with pytest.raises(error):
            await place(client)
        assert venue.faults.seen == {fault: 1}
        if is_taken:
            assert (await found(client))["status"] == "open"
        else:
            with pytest.raises(ccxt.OrderNotFound):
                await found(client)

    run(scenario, timeout=300)


def test_orders_that_the_venue_refuses_have_its_own_words() -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        with pytest.raises(ccxt.InsufficientFunds):
            await place(client, amount="100")
        await place(client)
        with pytest.raises(ccxt.InvalidOrder, match="Duplicate"):
            await place(client)
        with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):
            await place(client, "small", "50000", "0.00001")
        venue.faults.inject(Fault.CANCEL_REFUSED)
        with pytest.raises(ccxt.ExchangeError, match="-2011"):
            await client.cancel_order("1000001", BTC)
        assert (await found(client))["status"] == "open"

    run(scenario)


def test_a_gap_in_a_book_is_noticed_and_a_key_that_can_withdraw_says_so() -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        await client.watch_order_book(BTC)
        venue.faults.inject(Fault.SEQUENCE_GAP)
        venue.show(quote(BTC, "59990", "60010"))
        venue.show(quote(BTC, "59980", "60020"))
        with pytest.raises(ccxt.ChecksumError):
            await watch_until_it_fails(client)
        assert (await client.sapi_get_account_apirestrictions())["enableWithdrawals"] is False
        venue.faults.inject(Fault.WITHDRAW_ENABLED_KEY)
        assert (await client.sapi_get_account_apirestrictions())["enableWithdrawals"] is True

    run(scenario)


def test_prices_are_told_crossed_or_absurd_and_a_socket_falls_silent_or_drops() -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        venue.faults.inject(Fault.CROSSED_BOOK)
        shown = await client.fetch_order_book(BTC)
        assert shown["bids"][0][0] > shown["asks"][0][0]
        venue.faults.inject(Fault.ABSURD_PRICE)
        assert (await client.fetch_order_book(BTC))["bids"][0][0] == 5_999_900.0
        assert (await client.watch_bids_asks([BTC]))[BTC]["bid"] == 59999.0
        venue.faults.inject(Fault.SILENT_SOCKET)
        waiting = asyncio.create_task(client.watch_bids_asks([BTC]))
        venue.show(quote(BTC, "59990", "60010"))
        await until(lambda: venue.faults.seen[Fault.SILENT_SOCKET] == 1)
        assert not waiting.done()
        venue.faults.inject(Fault.CONNECTION_DROPPED)
        venue.show(quote(BTC, "59980", "60020"))
        with pytest.raises(ccxt.NetworkError):
            await waiting

    run(scenario)


def test_the_controls_inject_count_and_move_and_refuse_web_pages() -> None:
    async def whole() -> None:
        async with served() as (venue, url), aiohttp.ClientSession(url) as web:
            async with web.post("/local/faults", json={"fault": "rate_limit", "times": 1}) as answer:
                assert answer.status == 200
            async with web.get("/api/v3/time") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            async with web.get("/local/faults") as answer:
                assert await answer.json() == {"seen": {"rate_limit": 1}}
            asked = {"symbol": BTC, "bid": "50000", "ask": "50001"}
            async with web.post("/local/quote", json=asked, headers={"Origin": "http://evil.example"}) as answer:
                assert answer.status == 403
            async with web.post("/local/quote", json=asked) as answer:
                assert answer.status == 200
            async with web.post("/local/quote", json={**asked, "bid": "60000"}) as answer:
                assert answer.status == 400
            assert str(venue.displays[BTC].bids[0].price) == "50000"

    asyncio.run(whole())
