"""Faults of what an account is told, as ccxt and ccxt.pro meet them on both wires."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import ccxt
import pytest
from readytrader_sdk.orders import Side

from appliance.local_exchange.account import Account
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import VenueOrder
from tests.local_exchange import ground, kraken_ground
from tests.local_exchange.ground import BTC, book, until
from tests.local_exchange.test_model import limit

WIRES = pytest.mark.parametrize("wire", ["binance", "kraken"])
LATE_MS = 50
Scenario = Callable[[LocalExchange, Any], Awaitable[None]]


@asynccontextmanager
async def traded(wire: str) -> AsyncIterator[tuple[LocalExchange, Any]]:
    """An exchange, and ccxt.pro on that wire, which knows its markets."""
    if wire == "kraken":
        async with kraken_ground.traded() as pair:
            yield pair
        return
    async with ground.served() as (venue, url), ground.binance(url) as client:
        await client.load_markets()
        yield venue, client


def run(wire: str, scenario: Scenario) -> None:
    async def whole() -> None:
        async with asyncio.timeout(30), traded(wire) as (venue, client):
            await scenario(venue, client)

    asyncio.run(whole())


def account_of(venue: LocalExchange) -> Account:
    return venue.accounts()[0]


class Follower:
    """What ccxt.pro says of an account's orders and fills, one item for each message."""

    def __init__(self, venue: LocalExchange, client: Any) -> None:
        self.statuses: list[str] = []
        self.fills: list[float] = []
        self._venue = venue
        self._client = client
        client.newUpdates = True

    async def __aenter__(self) -> Follower:
        follows = (self._follow_orders(), self._follow_fills())
        self._tasks = [asyncio.create_task(follow) for follow in follows]
        listeners = self._venue._newsrooms[account_of(self._venue).name]._listeners
        await until(lambda: bool(listeners))
        # The stream is there; ccxt has to be waiting at it too.
        await until(lambda: sum(len(socket.futures) for socket in self._client.clients.values()) >= 2)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow_orders(self) -> None:
        while True:
            # Of one symbol, ccxt would keep back what Kraken tells without it.
            self.statuses += [order["status"] for order in await self._client.watch_orders()]

    async def _follow_fills(self) -> None:
        while True:
            self.fills += [fill["amount"] for fill in await self._client.watch_my_trades(BTC)]


def resting(venue: LocalExchange, quantity: str = "0.2") -> VenueOrder:
    return venue.place(account_of(venue), limit(Side.BUY, "59500", quantity, "mine"))


@WIRES
def test_an_acknowledgement_is_told_twice(wire: str) -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        async with Follower(venue, client) as told:
            venue.faults.inject(Fault.DUPLICATED_ACKNOWLEDGEMENT)
            resting(venue)
            once = 1 if wire == "binance" else 2  # Kraken tells of pending_new and of new
            await until(lambda: len(told.statuses) == 2 * once)
            assert set(told.statuses) == {"open"}
            assert len(venue.open_orders(account_of(venue))) == 1
        assert venue.faults.seen == {Fault.DUPLICATED_ACKNOWLEDGEMENT: 1}

    run(wire, scenario)


@WIRES
def test_fills_are_told_out_of_order(wire: str) -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        resting(venue, "0.3")
        async with Follower(venue, client) as told:
            venue.faults.inject(Fault.FILLS_OUT_OF_ORDER)
            venue.show(book(BTC, [("59000", "1")], [("59400", "0.1")]))
            venue.show(book(BTC, [("59000", "1")], [("59400", "5")]))
            await until(lambda: len(told.fills) >= 2)
            assert told.fills == [0.2, 0.1]
        assert venue.faults.seen == {Fault.FILLS_OUT_OF_ORDER: 1}

    run(wire, scenario)


@WIRES
def test_a_fill_is_told_after_the_cancellation(wire: str) -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        order = resting(venue)
        async with Follower(venue, client) as told:
            venue.faults.inject(Fault.FILL_AFTER_CANCEL, ms=LATE_MS)
            venue.cancel(account_of(venue), order.order_id)
            await until(lambda: "canceled" in told.statuses)
            assert told.fills == []
            await until(lambda: bool(told.fills))
            assert told.fills == [0.1]
        assert venue.faults.seen == {Fault.FILL_AFTER_CANCEL: 1}

    run(wire, scenario)


@WIRES
def test_a_lost_acknowledgement_comes_late(wire: str) -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        async with Follower(venue, client) as told:
            venue.faults.inject(Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT, ms=LATE_MS)
            with pytest.raises(ccxt.NetworkError):
                await client.create_order(BTC, "limit", "buy", "0.01", "59000", {"clientOrderId": "mine"})
            assert told.statuses == []
            await until(lambda: bool(told.statuses))
            assert set(told.statuses) == {"open"}
        assert venue.faults.seen == {Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT: 1}

    run(wire, scenario)


@WIRES
def test_an_order_is_in_no_list_for_a_while_and_then_it_is(wire: str) -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        venue.faults.inject(Fault.ORDER_UNKNOWN_FOR_A_WHILE, ms=8 * LATE_MS)
        order = await client.create_order(BTC, "limit", "buy", "0.01", "59000", {"clientOrderId": "mine"})
        assert await client.fetch_open_orders(BTC) == []
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order(order["id"], BTC)
        await until(lambda: bool(venue.open_orders(account_of(venue))))
        assert [one["clientOrderId"] for one in await client.fetch_open_orders(BTC)] == ["mine"]
        assert venue.faults.seen == {Fault.ORDER_UNKNOWN_FOR_A_WHILE: 1}

    run(wire, scenario)


@WIRES
def test_balances_lag_behind_a_trade(wire: str) -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        venue.faults.inject(Fault.BALANCE_LAG, ms=60_000)
        await client.create_order(BTC, "market", "buy", "0.5")
        assert (await client.fetch_balance())["BTC"]["total"] == 2
        assert venue.faults.seen == {Fault.BALANCE_LAG: 1}

    run(wire, scenario)


@WIRES
@pytest.mark.parametrize("fault", [Fault.SILENT_SOCKET, Fault.CONNECTION_DROPPED])
def test_the_line_of_an_account_falls_silent_or_drops(wire: str, fault: Fault) -> None:
    async def scenario(venue: LocalExchange, client: Any) -> None:
        async with Follower(venue, client) as told:
            venue.faults.inject(fault, path="user")
            resting(venue)
            await until(lambda: venue.faults.seen[fault] == 1)
            if fault is Fault.SILENT_SOCKET:
                assert told.statuses == []
                assert not any(task.done() for task in told._tasks)
            else:
                await until(lambda: any(task.done() for task in told._tasks))
                with pytest.raises(ccxt.NetworkError):
                    await next(task for task in told._tasks if task.done())

    run(wire, scenario)
