"""An exchange without a row in the table, on the wire of one that has: `binanceus` speaks as Binance does."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import cast

from readytrader_sdk.orders import OrderState, OrderType, Side
from readytrader_sdk.ports import CancelAllPort

from appliance.local_exchange.values import Request
from tests.plugins.ccxt_ground import BTC, OURS, local_venue, order, trading

FAR = Decimal(60000)


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
