"""An exchange without a row in the table: ccxt's unified calls, and only what can be checked.

An order is sent only if the request is seen to carry its ID. It is found by searching the open orders, then those that
ended, for an order that says the same ID; an exchange whose lists ccxt cannot read is not traded on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.orders import TimeInForce

from builtin_plugins.ccxt_exchange.amounts import Unreadable
from builtin_plugins.ccxt_exchange.client import Client, NotThere
from builtin_plugins.ccxt_exchange.errors import says_not_found
from builtin_plugins.ccxt_exchange.orders import Outgoing
from builtin_plugins.ccxt_exchange.reports import Seen
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order, Trade

SEARCHED = (timedelta(days=1), timedelta(days=30))
"""How far back an order is looked for that is not open, the second where the first did not show it."""
LIMIT, PAGES_MAX = 100, 20
_NEEDED = ("createOrder", "cancelOrder", "fetchOpenOrders", "fetchMyTrades", "fetchBalance")


class Cautious(Dialect):
    """Any exchange of ccxt's."""

    def __init__(self, client: Client) -> None:
        """Raises `Misconfigured` for an exchange on which an unknown outcome could not be resolved."""
        super().__init__(client)
        # ccxt would rather that one asks by symbol, and raises: all that is open is what has to be known.
        self.api.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
        has: Mapping[str, Any] = self.api.has
        missing = [name for name in _NEEDED if has.get(name) is not True]
        self._ended = [name for name in ("fetchClosedOrders", "fetchCanceledOrders") if has.get(name) is True]
        if has.get("fetchOrders") is True:
            self._ended = ["fetchOrders"]
        if missing or not self._ended:
            lacks = ", ".join(missing or ["a list of ended orders"])
            raise Misconfigured(f"{client.name}: exchange: an outcome could not be asked for there: ccxt lacks {lacks}")

    async def place(self, market: Market, out: Outgoing) -> Order:
        params = {"clientOrderId": out.wire_id}
        if out.time_in_force is not TimeInForce.GTC:
            params["timeInForce"] = out.time_in_force.upper()
        placed: Order = await self.api.create_order(
            str(market.symbol), "limit", str(out.side), out.quantity, out.price, params
        )
        return placed if placed.get("status") else {**placed, "status": "open"}

    async def cancel(self, market: Market, wire_id: str) -> None:
        found = await self.look(market, wire_id)
        if found is None:
            raise NotThere
        await self.api.cancel_order(found["id"], str(market.symbol))

    async def cancel_all(self) -> None:
        """One request for each open order, under the venue's own ID: what nobody here sent has no other."""
        await asyncio.gather(*(self._cancel_one(order) for order in await self.open_orders()))

    async def _cancel_one(self, order: Order) -> None:
        try:
            await self.api.cancel_order(order["id"], order["symbol"])
        except Exception as error:
            if not says_not_found(error):  # what was open has ended meanwhile
                raise

    async def look(self, market: Market, wire_id: str) -> Order | None:
        """In the open ones, in those of the last day, and only then in all that could still be asked for."""
        symbol = str(market.symbol)
        for order in await self.client.read(lambda: self.api.fetch_open_orders(symbol)):
            if order.get("clientOrderId") == wire_id:
                return cast(Order, order)
        for span in SEARCHED:
            for name in self._ended:
                async for order in self._listed(name, symbol, datetime.now(UTC) - span):
                    if order.get("clientOrderId") == wire_id:
                        return order
        return None

    async def trades(self, market: Market, seen: Seen) -> Sequence[Trade]:
        placed = seen.raw.get("timestamp")
        since = (
            datetime.fromtimestamp(placed / 1000, UTC) if isinstance(placed, int) else datetime.now(UTC) - SEARCHED[0]
        )
        found = self._listed("fetchMyTrades", str(market.symbol), since)
        return [trade async for trade in found if trade.get("order") == seen.venue_order_id]

    async def _listed(self, name: str, symbol: str, begun: datetime) -> AsyncIterator[Mapping[str, Any]]:
        """A list, page by page: venues differ in which end of it a page is taken from, and in how long one may be.

        Raises `Unreadable` at its end where there may be more: what is not in it may be there all the same.
        """
        since = int(begun.timestamp() * 1000)
        seen: set[object] = set()
        was_full = False
        for _ in range(PAGES_MAX):
            page = await self.client.read(lambda since=since: getattr(self.api, name)(symbol, since, LIMIT))  # type: ignore[misc] # mypy and a default argument
            news = [item for item in page if item.get("id") not in seen]
            for item in news:
                yield item
            if not news and not was_full:
                return
            if not news:
                break
            seen.update(item.get("id") for item in news)
            was_full = len(page) >= LIMIT
            since = max(item.get("timestamp") or since for item in news)
        raise Unreadable("a list that may have no end")
