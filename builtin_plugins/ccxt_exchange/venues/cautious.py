"""An exchange without a row in the table: ccxt's unified calls, and only what can be checked.

An order is sent only if the request is seen to carry its ID. It is found by searching the open orders, then those that
ended, for an order that says the same ID; an exchange whose lists ccxt cannot read is not traded on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.orders import TimeInForce

from builtin_plugins.ccxt_exchange.client import Client, NotThere
from builtin_plugins.ccxt_exchange.errors import says_not_found
from builtin_plugins.ccxt_exchange.orders import Outgoing
from builtin_plugins.ccxt_exchange.reports import Seen
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order, Trade

SEARCHED = timedelta(days=1)
LIMIT = 100
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
        symbol = str(market.symbol)
        since = int((datetime.now(UTC) - SEARCHED).timestamp() * 1000)
        lists = [lambda: self.api.fetch_open_orders(symbol)]
        lists += [lambda name=name: getattr(self.api, name)(symbol, since, LIMIT) for name in self._ended]  # type: ignore[misc] # mypy and a default argument
        for ask in lists:
            for order in await self.client.read(ask):
                if order.get("clientOrderId") == wire_id:
                    found: Order = order
                    return found
        return None

    async def trades(self, market: Market, seen: Seen) -> Sequence[Trade]:
        since = int((datetime.now(UTC) - SEARCHED).timestamp() * 1000)
        found = await self.client.read(lambda: self.api.fetch_my_trades(str(market.symbol), since, LIMIT))
        return [trade for trade in found if trade.get("order") == seen.venue_order_id]
