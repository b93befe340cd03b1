"""ccxt's Kraken trades against the local exchange over REST, and whoever is not let in is told so in Kraken's words."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import ccxt
import pytest

from appliance.local_exchange.kraken_keys import signature
from appliance.local_exchange.model import LocalExchange
from tests.local_exchange.ground import BTC, quote, until
from tests.local_exchange.kraken_ground import KEY, SECRET, served, traded

BALANCE = "/0/private/Balance"


def headers(path: str, nonce: str, body: bytes, key: str = KEY, secret: str = SECRET) -> dict[str, str]:
    kind = "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded"
    return {"API-Key": key, "API-Sign": signature(path, nonce, body, secret), "Content-Type": kind}


async def ask(url: str, path: str, nonce: int, key: str = KEY, secret: str = SECRET, **fields: Any) -> dict[str, Any]:
    """One signed call without any client."""
    body = urlencode({"nonce": nonce, **fields}).encode()
    async with aiohttp.ClientSession() as session:
        sent = headers(path, str(nonce), body, key, secret)
        async with session.post(url + path, data=body, headers=sent) as answer:
            assert answer.status == 200
            found = await answer.json()
            assert isinstance(found, dict)
            return found


def test_an_order_is_placed_amended_partly_filled_and_cancelled() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            name = str(uuid4())
            order = await client.create_order("BTC/USDT", "limit", "buy", "0.5", "59000", {"clientOrderId": name})
            found = await client.fetch_open_orders(params={"clientOrderId": name})
            assert [(one["id"], one["clientOrderId"], one["status"]) for one in found] == [(order["id"], name, "open")]
            await client.edit_order(order["id"], "BTC/USDT", "limit", "buy", "0.4", "59500.5")
            venue.show(quote(BTC, "59000", "59400", "0.1"))
            told = await client.fetch_order(order["id"])
            assert (told["amount"], told["filled"], told["average"], told["status"]) == (0.4, 0.1, 59500.5, "open")
            assert told["fee"] == {"cost": "5.95005", "rate": None, "currency": "USDT"}
            await client.cancel_order(None, None, {"clientOrderId": name})
            told = (await client.fetch_closed_orders())[0]
            assert (told["id"], told["status"], told["filled"]) == (order["id"], "canceled", 0.1)
            trades = await client.fetch_my_trades("BTC/USDT")
            assert [(one["order"], one["amount"], one["takerOrMaker"]) for one in trades] == [
                (order["id"], 0.1, "maker")
            ]
            balance = await client.fetch_balance()
            assert (balance["BTC"]["total"], balance["USDT"]["used"]) == (2.1, 0)

    asyncio.run(act())


def test_market_stop_and_immediate_orders_do_what_they_say() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            at_market = await client.create_order("BTC/USD", "market", "buy", "0.25")
            assert (await client.fetch_order(at_market["id"]))["status"] == "closed"
            by_cost = await client.create_market_buy_order_with_cost("ETH/USDT", "5002")
            assert (await client.fetch_order(by_cost["id"]))["filled"] == 2
            at_once = await client.create_order("BTC/USDT", "limit", "buy", "1.5", "60001", {"timeInForce": "IOC"})
            told = await client.fetch_order(at_once["id"])
            assert (told["status"], told["filled"]) == ("canceled", 1)
            stop = await client.create_order("BTC/USDT", "market", "sell", "0.1", None, {"stopLossPrice": "59500"})
            assert (await client.fetch_order(stop["id"]))["stopLossPrice"] == 59500
            venue.show(quote(BTC, "59400", "59402"))
            assert (await client.fetch_order(stop["id"]))["average"] == 59400

    asyncio.run(act())


def test_markets_tickers_books_candles_and_trades_are_read() -> None:
    async def act() -> None:
        async with traded() as (_, client):
            assert client.market("BTC/USD")["id"] == "XXBTZUSD"
            assert client.market("BTC/USDT")["limits"]["cost"]["min"] == 5
            await client.create_order("BTC/USD", "market", "buy", "0.25")
            ticker = await client.fetch_ticker("BTC/USD")
            assert (ticker["bid"], ticker["ask"], ticker["last"], ticker["baseVolume"]) == (59999, 60001, 60001, 0.25)
            assert (await client.fetch_order_book("BTC/USDT", 5))["asks"][0][:2] == [60001, 1]
            assert (await client.fetch_ohlcv("BTC/USD"))[-1][4] == 60001
            assert [trade["amount"] for trade in await client.fetch_trades("BTC/USD")] == [0.25]
            assert (await client.fetch_status())["status"] == "ok"

    asyncio.run(act())


@pytest.mark.parametrize(
    ("terms", "error", "words"),
    [
        (("BTC/USDT", "limit", "buy", "0.5", "590000"), ccxt.InsufficientFunds, "EOrder:Insufficient funds"),
        (("BTC/USDT", "limit", "buy", "0.00001", "59000"), ccxt.ExchangeError, "EOrder:Cost minimum not met"),
    ],
)
def test_an_order_that_cannot_be_is_refused_in_krakens_words(
    terms: tuple[str, ...], error: type[Exception], words: str
) -> None:
    async def act() -> None:
        async with traded() as (_, client):
            with pytest.raises(error, match=words):
                await client.create_order(*terms)
            assert await client.fetch_open_orders() == []

    asyncio.run(act())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"price": "59000.05"}, "EOrder:Tick size check failed"),
        ({"price": "+1%"}, "EGeneral:Invalid arguments:price"),
        ({"volume": "NaN"}, "EGeneral:Invalid arguments:volume"),
        ({"pair": "XBTDOGE"}, "EQuery:Unknown asset pair"),
        ({"leverage": "2"}, "EGeneral:Invalid arguments:leverage"),
        ({"cl_ord_id": "nineteen characters"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "one", "userref": "2"}, "EGeneral:Invalid arguments"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
    ],
)
def test_a_malformed_order_is_refused_in_krakens_words(changed: dict[str, str], words: str) -> None:
    async def act() -> None:
        async with served() as (venue, url):
            order = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": "59000"}
            answer = await ask(url, "/0/private/AddOrder", 1, **(order | changed))
            assert answer == {"error": [words]}
            assert venue.accounts()[0].orders == {}

    asyncio.run(act())


def test_validation_alone_places_nothing() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            order = await client.create_order("BTC/USDT", "limit", "buy", "0.1", "59000", {"validate": True})
            assert order["id"] is None
            assert order["info"]["descr"] == {"order": "buy 0.10000000 XBTUSDT @ limit 59000.0"}
            assert venue.accounts()[0].orders == {}

    asyncio.run(act())


def test_a_client_order_id_is_taken_only_while_its_order_is_open() -> None:
    async def act() -> None:
        async with traded() as (_, client):
            terms = ("BTC/USDT", "limit", "buy", "0.1", "59000")
            first = await client.create_order(*terms, {"clientOrderId": "one"})
            with pytest.raises(ccxt.ExchangeError, match="EGeneral:Invalid arguments:cl_ord_id not unique"):
                await client.create_order(*terms, {"clientOrderId": "one"})
            await client.cancel_order(first["id"])
            second = await client.create_order(*terms, {"clientOrderId": "one"})
            closed = await client.fetch_closed_orders(params={"clientOrderId": "one"})
            found = await client.fetch_open_orders(params={"clientOrderId": "one"})
            assert ([one["id"] for one in closed], [one["id"] for one in found]) == ([first["id"]], [second["id"]])

    asyncio.run(act())


def test_an_ended_order_and_one_never_minted_are_refused_differently() -> None:
    async def act() -> None:
        async with traded() as (_, client):
            order = await client.create_order("BTC/USDT", "limit", "buy", "0.1", "59000", {"clientOrderId": "one"})
            await client.cancel_order(order["id"])
            for gone in (
                (order["id"],),
                (None, None, {"clientOrderId": "one"}),
                (None, None, {"clientOrderId": "two"}),
            ):
                with pytest.raises(ccxt.OrderNotFound, match="EOrder:Unknown order"):
                    await client.cancel_order(*gone)
            with pytest.raises(ccxt.InvalidOrder, match="EOrder:Invalid order"):
                await client.cancel_order("OZZZZZ-ZZZZZ-ZZZZZZ")

    asyncio.run(act())


@pytest.mark.parametrize(
    ("key", "secret", "words"),
    [("nobody", SECRET, "EAPI:Invalid key"), (KEY, "d3Jvbmc=", "EAPI:Invalid signature")],
)
def test_a_wrong_key_or_signature_opens_nothing(key: str, secret: str, words: str) -> None:
    async def act() -> None:
        async with served() as (_, url):
            assert await ask(url, BALANCE, 1, key, secret) == {"error": [words]}

    asyncio.run(act())


def test_a_nonce_must_rise_and_a_refused_call_does_not_use_one_up() -> None:
    async def act() -> None:
        async with served() as (_, url):
            assert (await ask(url, BALANCE, 10))["error"] == []
            for stale in (10, 9):
                assert await ask(url, BALANCE, stale) == {"error": ["EAPI:Invalid nonce"]}
            assert await ask(url, BALANCE, 99, KEY, "d3Jvbmc=") == {"error": ["EAPI:Invalid signature"]}
            assert (await ask(url, BALANCE, 11))["error"] == []

    asyncio.run(act())


def test_a_body_changed_on_the_way_is_refused() -> None:
    async def act() -> None:
        async with served() as (_, url), aiohttp.ClientSession() as session:
            sent = headers(BALANCE, "1", b"nonce=1")
            async with session.post(url + BALANCE, data=b"nonce=1&x=2", headers=sent) as answer:
                assert await answer.json() == {"error": ["EAPI:Invalid signature"]}

    asyncio.run(act())


def test_a_json_body_is_signed_and_read_like_a_form() -> None:
    async def act() -> None:
        async with served() as (venue, url), aiohttp.ClientSession() as session:
            terms = {"pair": "BTC/USD", "type": "sell", "ordertype": "limit", "volume": 0.1, "price": 61000.5}
            body = json.dumps({"nonce": 5, **terms}).encode()
            path = "/0/private/AddOrder"
            async with session.post(url + path, data=body, headers=headers(path, "5", body)) as answer:
                found = await answer.json()
            assert found["result"]["descr"]["order"] == "sell 0.10000000 XBTUSD @ limit 61000.5"
            assert len(venue.accounts()[0].open) == 1

    asyncio.run(act())


def test_a_key_that_may_only_look_trades_nothing_and_says_so_itself() -> None:
    async def act() -> None:
        async with served() as (venue, url):
            venue.register_key("looker", SECRET, can_trade=False)
            terms = {"pair": "XBTUSD", "type": "sell", "ordertype": "market", "volume": "1"}
            denied = await ask(url, "/0/private/AddOrder", 1, "looker", **terms)
            assert denied == {"error": ["EGeneral:Permission denied"]}
            rights = (await ask(url, "/0/private/GetApiKeyInfo", 2, "looker"))["result"]["permissions"]
            assert "query-funds" in rights
            assert not {"modify-trades", "close-trades", "withdraw-funds"} & set(rights)
            assert await ask(url, "/0/private/WithdrawMethods", 3, "looker") == {
                "error": ["EGeneral:Permission denied"]
            }

    asyncio.run(act())


def test_the_dead_mans_switch_cancels_everything_unless_it_is_set_anew() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            await client.create_order("BTC/USDT", "limit", "buy", "0.1", "59000")
            assert (await client.cancel_all_orders_after(60_000))["result"]["triggerTime"].endswith("Z")
            assert (await client.cancel_all_orders_after(0))["result"]["triggerTime"] == "0"
            assert len(open_of(venue)) == 1
            await client.cancel_all_orders_after(1000)
            await until(lambda: not open_of(venue))

    asyncio.run(act())


def test_everything_is_cancelled_at_once() -> None:
    async def act() -> None:
        async with traded() as (venue, client):
            for price in ("59000", "58000", "57000"):
                await client.create_order("BTC/USDT", "limit", "buy", "0.1", price)
            assert (await client.cancel_all_orders())[0]["info"]["result"] == {"count": 3}
            assert not open_of(venue)

    asyncio.run(act())


def test_closed_orders_come_fifty_at_a_time() -> None:
    async def act() -> None:
        async with traded() as (_, client):
            for _ in range(60):
                await client.create_order("BTC/USDT", "market", "buy", "0.001")
            first = (await client.privatePostClosedOrders())["result"]
            rest = (await client.privatePostClosedOrders({"ofs": 50}))["result"]
            assert (first["count"], len(first["closed"]), len(rest["closed"])) == (60, 50, 10)
            assert not first["closed"].keys() & rest["closed"].keys()

    asyncio.run(act())


def open_of(venue: LocalExchange) -> list[Any]:
    return list(venue.accounts()[0].open)
