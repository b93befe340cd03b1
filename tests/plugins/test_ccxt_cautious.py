"""An exchange without a row in the table, on the wire of one that has: `binanceus` speaks as Binance does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import pytest
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.orders import OrderState, OrderType, Side
from readytrader_sdk.ports import CancelAllPort

from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import Request
from builtin_plugins.ccxt_exchange.capabilities import TABLE
from builtin_plugins.ccxt_exchange.making import ccxt_exchange
from builtin_plugins.ccxt_exchange.venues.cautious import LIMIT
from tests.plugins.ccxt_ground import BTC, OTHER, OURS, context, local_venue, order, quote, trading

FAR = Decimal(60000)


class Clock:
    """The venue's, set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def test_every_exchange_of_ccxt_is_made_or_refused_because_an_outcome_could_not_be_asked_for(tmp_path: Path) -> None:
    (folder,) = find_spec("ccxt").submodule_search_locations  # type: ignore[union-attr,misc] # it is a package
    names = {path.stem for path in Path(folder, "async_support").glob("*.py")} - {"__init__"}
    refused: dict[str, str] = {}
    for name in names:
        try:
            ccxt_exchange(context(tmp_path, {"exchange": name}, password="p", uid="u"))
        except Misconfigured as fault:
            refused[name] = str(fault)
    assert len(names) >= 100
    assert len(refused) <= len(names) // 4
    assert all("an outcome could not be asked for there: ccxt lacks" in why for why in refused.values())
    assert not refused.keys() & TABLE.keys()


def test_an_order_is_placed_found_and_cancelled(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            placed = await exchange.place_order(order(limit_price=FAR, price_worst=FAR))
            assert placed.state is OrderState.OPEN
            assert venue.open_orders(venue.accounts()[0])[0].request.client_order_id == OURS
            assert [one.client_order_id for one in await exchange.open_orders()] == [OURS]
            found = await exchange.find_order(OURS, BTC)
            assert found is not None
            assert found.state is OrderState.OPEN
            assert (await exchange.cancel_order(OURS, BTC)).state is OrderState.CANCELLED

    asyncio.run(scene())


def strangers_orders(venue: LocalExchange, count: int) -> None:
    """So many of the same account, placed and cancelled before anything of ours."""
    account = venue.accounts()[0]
    for number in range(count):
        theirs = Request(
            symbol=BTC, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal("0.001"), limit_price=FAR,
            client_order_id=f"web_{number}",
        )  # fmt: skip
        venue.cancel(account, venue.place(account, theirs).order_id)


def test_an_order_that_has_ended_is_found_behind_more_than_a_page_of_others(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            strangers_orders(venue, 2 * LIMIT + 7)
            await exchange.place_order(order(limit_price=FAR, price_worst=FAR))
            assert (await exchange.cancel_order(OURS, BTC)).state is OrderState.CANCELLED
            assert await exchange.find_order(OTHER, BTC) is None

    asyncio.run(scene())


def test_an_order_that_was_placed_days_ago_is_found_with_its_fills_once_it_has_ended(tmp_path: Path) -> None:
    clock = Clock(datetime.now(UTC) - timedelta(days=9))

    async def scene() -> None:
        async with local_venue(clock=clock) as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            account = venue.accounts()[0]
            ours = Request(
                symbol=BTC, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal("0.001"), limit_price=FAR,
                client_order_id=str(OURS),
            )  # fmt: skip
            venue.place(account, ours)
            clock.now = datetime.now(UTC) - timedelta(days=8)
            venue.show(quote("59990", "59999", at=clock.now))
            clock.now = datetime.now(UTC)
            found = await exchange.find_order(OURS, BTC)
            assert found is not None
            assert found.state is OrderState.FILLED
            assert [fill.quantity for fill in found.fills] == [Decimal("0.001")]

    asyncio.run(scene())


def test_where_a_list_may_go_on_an_order_that_is_not_in_it_is_not_called_absent(tmp_path: Path) -> None:
    """A venue that tells the newest, whatever it is asked for, tells a full page and then nothing more."""

    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            strangers_orders(venue, LIMIT)
            with pytest.raises(Unavailable, match="may have no end"):
                await exchange.find_order(OURS, BTC)

    asyncio.run(scene())


def test_everything_is_cancelled_those_of_strangers_included(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            await exchange.place_order(order(limit_price=FAR, price_worst=FAR))
            theirs = Request(
                symbol=BTC, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal("0.001"), limit_price=FAR,
                client_order_id="web_1",
            )  # fmt: skip
            venue.place(venue.accounts()[0], theirs)
            assert len(await exchange.open_orders()) == 2
            await cast(CancelAllPort, exchange).cancel_all_orders()
            await cast(CancelAllPort, exchange).cancel_all_orders()
            assert await exchange.open_orders() == ()

    asyncio.run(scene())
