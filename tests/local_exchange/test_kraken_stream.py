"""ccxt.pro follows markets and orders over Kraken's websocket, and trades over it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import pytest
from readytrader_sdk.orders import OrderType, Side

from appliance.local_exchange.kraken_book import checksum
from appliance.local_exchange.kraken_names import KrakenNames
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import Request
from tests.local_exchange.ground import BTC, ETH, PATIENCE_S, book, quote, until
from tests.local_exchange.kraken_ground import BTC_USD, SECRET, served, traded
from tests.local_exchange.test_kraken_rest import ask

Message = dict[str, Any]


class Socket:
    """A websocket without any client: what it is sent, in order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def say(self, method: str, req_id: int | None = None, **params: Any) -> None:
        message: Message = {"method": method, "params": params}
        if req_id is not None:
            message["req_id"] = req_id
        await self._socket.send_str(json.dumps(message))

    async def hear(self, wanted: Callable[[Message], bool] = lambda message: "channel" in message) -> Message:
        """The next message that is wanted."""
        while True:
            message = json.loads(await self._socket.receive_str(timeout=PATIENCE_S), parse_float=Decimal)
            if wanted(message):
                assert isinstance(message, dict)
                return message

    async def hear_of(self, channel: str) -> Message:
        return await self.hear(lambda message: message.get("channel") == channel)

    async def hear_answer(self) -> Message:
        return await self.hear(lambda message: "success" in message)


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[tuple[LocalExchange, str, Socket]]:
    async with (
        served(**options) as (venue, url),
        aiohttp.ClientSession() as session,
        session.ws_connect(url.replace("http", "ws", 1) + "/v2") as socket,
    ):
        yield venue, url, Socket(socket)


async def token_of(url: str) -> str:
    token = (await ask(url, "/0/private/GetWebSocketsToken", 1))["result"]["token"]
    assert isinstance(token, str)
    return token


def buy(quantity: str, price: str, client_order_id: str | None = None) -> Request:
    return Request(
        symbol=BTC,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        limit_price=Decimal(price),
        client_order_id=client_order_id,
    )


def test_an_order_and_its_fills_are_followed_with_ccxt() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            order = await client.create_order("BTC/USDT", "limit", "buy", "0.5", "59000")
            seen = await client.watch_orders("BTC/USDT")
            assert [(one["id"], one["status"]) for one in seen] == [(order["id"], "open")]
            watched = asyncio.ensure_future(client.watch_my_trades("BTC/USDT"))
            await asyncio.sleep(0)
            venue.show(quote(BTC, "58000", "58900", "0.2"))
            fills = await watched
            assert [(fill["order"], fill["amount"], fill["price"]) for fill in fills] == [(order["id"], 0.2, 59000)]
            assert fills[0]["fee"] == {"cost": 11.8, "currency": "USDT"}

    asyncio.run(act())


def test_orders_are_placed_amended_and_cancelled_over_the_websocket_with_ccxt() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            params = {"clientOrderId": "over-the-socket"}
            order = await client.create_order_ws("BTC/USDT", "limit", "buy", 0.5, 59000, params)
            await client.edit_order_ws(order["id"], "BTC/USDT", "limit", "buy", 0.4, 59100)
            told = await client.fetch_order(order["id"])
            assert (told["clientOrderId"], told["amount"], told["price"]) == ("over-the-socket", 0.4, 59100)
            await client.cancel_order_ws(order["id"])
            assert not venue.accounts()[0].open
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order_ws(order["id"])
            with pytest.raises(ccxt.ExchangeError, match="EOrder:Insufficient funds"):
                await client.create_order_ws("BTC/USDT", "limit", "buy", 50, 59000)

    asyncio.run(act())


def test_the_book_is_followed_with_ccxt_and_every_checksum_fits() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            client.options["watchOrderBook"]["checksum"] = False
            assert (await client.watch_order_book("BTC/USD"))["bids"][0] == [59999, 1]
            watched = asyncio.ensure_future(client.watch_order_book("BTC/USD"))
            await asyncio.sleep(0)
            venue.show(book(BTC_USD, [("59998", "2"), ("59990", "0.5")], [("60002.5", "3")]))
            found = await watched
            assert (found["bids"], found["asks"]) == ([[59998, 2], [59990, 0.5]], [[60002.5, 3]])

    asyncio.run(act())


def test_tickers_trades_candles_and_balances_are_followed_with_ccxt() -> None:
    async def act() -> None:
        async with traded() as (_, client):
            assert (await client.watch_ticker("BTC/USDT"))["bid"] == 59999
            assert (await client.watch_balance())["BTC"]["total"] == 2
            trades = asyncio.ensure_future(client.watch_trades("BTC/USDT"))
            candles = asyncio.ensure_future(client.watch_ohlcv("BTC/USDT"))
            await candles
            balance = asyncio.ensure_future(client.watch_balance())
            await client.create_order("BTC/USDT", "market", "buy", "0.25")
            assert [(trade["price"], trade["amount"]) for trade in await trades] == [(60001, 0.25)]
            assert (await balance)["BTC"]["total"] == 2.25

    asyncio.run(act())


def test_a_ticker_comes_with_trades_or_with_best_prices_as_subscribed() -> None:
    async def act() -> None:
        async with connected() as (venue, _, socket):
            await socket.say("subscribe", channel="ticker", symbol=["BTC/USDT"])
            await socket.say("subscribe", channel="ticker", symbol=["ETH/USDT"], event_trigger="bbo")
            for _symbol in range(2):
                assert (await socket.hear_of("ticker"))["type"] == "snapshot"
            venue.show(quote(BTC, "59000", "59002"))
            venue.show(quote(ETH, "2400", "2401"))
            told = await socket.hear_of("ticker")
            assert (told["type"], told["data"][0]["symbol"], told["data"][0]["bid"]) == ("update", "ETH/USDT", 2400)
            venue.place(venue.accounts()[0], buy("0.1", "59002"))
            told = await socket.hear_of("ticker")
            assert (told["data"][0]["symbol"], told["data"][0]["last"]) == ("BTC/USDT", 59002)

    asyncio.run(act())


def test_each_book_update_has_the_checksum_of_the_book_that_it_makes() -> None:
    async def act() -> None:
        async with connected() as (venue, _, socket):
            pair = KrakenNames([venue.displays[BTC].instrument]).pairs[0]
            await socket.say("subscribe", channel="book", symbol=["BTC/USDT"])
            await socket.hear_of("book")
            for step in range(20):
                bids = [(str(59_999 - step - level), f"0.{level + 1}") for level in range(12)]
                asks = [(str(60_001 + step + level), f"1.{level + 1}") for level in range(12)]
                venue.show(book(BTC, bids, asks))
                told = (await socket.hear_of("book"))["data"][0]
                display = venue.displays[BTC]
                assert told["checksum"] == checksum(pair, display.asks, display.bids)

    asyncio.run(act())


def test_an_order_is_told_in_full_once_and_then_by_its_ids() -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            await socket.say("subscribe", channel="executions", token=await token_of(url))
            assert (await socket.hear_of("executions"))["data"] == []
            venue.place(venue.accounts()[0], buy("0.3", "59500.5", "mine"))
            venue.show(quote(BTC, "59000", "59400", "0.1"))
            venue.show(quote(BTC, "59000", "59400", "5"))
            told = [(await socket.hear_of("executions"))["data"][0] for _ in range(5)]
            kinds = ["pending_new", "new", "trade", "trade", "filled"]
            assert [entry["exec_type"] for entry in told] == kinds
            assert {entry["cl_ord_id"] for entry in told} == {"mine"}
            assert [entry["order_status"] for entry in told[2:]] == ["partially_filled", "filled", "filled"]
            assert (told[0]["limit_price"], told[0]["order_qty"]) == (Decimal("59500.5"), Decimal("0.3"))
            assert "symbol" not in told[1] | told[4]
            assert (told[2]["last_qty"], told[3]["last_qty"], told[4]["cum_qty"]) == (
                Decimal("0.1"),
                Decimal("0.2"),
                Decimal("0.3"),
            )

    asyncio.run(act())


def test_a_late_subscriber_gets_open_orders_and_on_request_the_last_trades() -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            account = venue.accounts()[0]
            venue.place(account, buy("0.1", "60001"))
            venue.place(account, buy("0.2", "50000", "resting"))
            await socket.say("subscribe", channel="executions", token=await token_of(url), snap_trades=True)
            told = await socket.hear_of("executions")
            assert [(entry["exec_type"], entry.get("cl_ord_id")) for entry in told["data"]] == [
                ("new", "resting"),
                ("trade", None),
            ]

    asyncio.run(act())


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"channel": "ticker", "symbol": ["BTC/DOGE"]}, "Currency pair not supported BTC/DOGE"),
        ({"channel": "ticks", "symbol": ["BTC/USD"]}, "Subscription name invalid"),
        ({"channel": "book", "symbol": ["BTC/USD"], "depth": 11}, "Subscription depth not supported"),
        ({"channel": "executions"}, "ESession:Invalid session"),
        ({"channel": "executions", "token": "guessed"}, "ESession:Invalid session"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused_and_ends_nothing(params: dict[str, Any], error: str) -> None:
    async def act() -> None:
        async with connected() as (_, _, socket):
            await socket.say("subscribe", 7, **params)
            answer = await socket.hear_answer()
            assert (answer["success"], answer["error"], answer["req_id"]) == (False, error, 7)
            await socket.say("ping", 8)
            assert (await socket.hear(lambda message: message.get("method") == "pong"))["req_id"] == 8

    asyncio.run(act())


def test_unsubscribing_ends_the_news_and_twice_is_refused() -> None:
    async def act() -> None:
        async with connected() as (venue, _, socket):
            for method, works in (
                ("subscribe", True),
                ("subscribe", False),
                ("unsubscribe", True),
                ("unsubscribe", False),
            ):
                await socket.say(method, channel="book", symbol=["BTC/USD"])
                assert (await socket.hear_answer())["success"] is works
            venue.show(quote(BTC_USD, "59000", "59002"))
            await socket.say("ping")
            assert (await socket.hear(lambda message: message.get("type") == "update" or "method" in message))[
                "method"
            ] == "pong"

    asyncio.run(act())


def test_a_quiet_second_ends_with_a_heartbeat() -> None:
    async def act() -> None:
        async with connected() as (_, _, socket):
            await socket.say("subscribe", channel="trade", symbol=["BTC/USD"])
            assert await socket.hear_of("heartbeat") == {"channel": "heartbeat"}

    asyncio.run(act())


def test_the_switch_and_cancelling_everything_work_over_the_websocket() -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            token, account = await token_of(url), venue.accounts()[0]
            for number in range(3):
                venue.place(account, buy("0.1", "50000", f"order-{number}"))
            await socket.say("cancel_order", 1, token=token, cl_ord_id=["order-1"])
            assert (await socket.hear_answer())["result"]["cl_ord_id"] == "order-1"
            await socket.say("cancel_all_orders_after", 2, token=token, timeout=0)
            assert (await socket.hear_answer())["result"]["triggerTime"] == "0"
            await socket.say("cancel_all", 3, token=token)
            assert (await socket.hear_answer())["result"] == {"count": 2}
            await until(lambda: not account.open)

    asyncio.run(act())


def test_a_key_that_may_only_look_does_not_trade_over_the_websocket() -> None:
    async def act() -> None:
        async with connected() as (venue, url, socket):
            venue.register_key("looker", SECRET, can_trade=False)
            token = (await ask(url, "/0/private/GetWebSocketsToken", 1, "looker"))["result"]["token"]
            await socket.say("cancel_all", token=token)
            assert (await socket.hear_answer())["error"] == "EGeneral:Permission denied"

    asyncio.run(act())
