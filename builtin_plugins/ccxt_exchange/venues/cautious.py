"""An exchange without a row in the table: ccxt's unified calls, and only what can be checked.

An order is sent only if the request is seen to carry its ID. It is found by searching the open orders, then those that
ended, for an order that says the same ID. Where ccxt has no list of those, an order is known again by the venue's ID
for it, once that was seen; an order that is found nowhere there may be there all the same, and is never called absent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from readytrader_sdk.errors import Misconfigured, Unsupported
from readytrader_sdk.orders import TimeInForce

from builtin_plugins.ccxt_exchange.amounts import Unreadable
from builtin_plugins.ccxt_exchange.client import Client, NotThere
from builtin_plugins.ccxt_exchange.errors import says_not_found
from builtin_plugins.ccxt_exchange.orders import Outgoing
from builtin_plugins.ccxt_exchange.reports import Seen
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venue_ids import VenueIds
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order, Trade

SEARCHED = (timedelta(days=1), timedelta(days=30))
"""How far back an order is looked for that is not open, the second where the first did not show it."""
LIMIT, PAGES_MAX = 100, 20
_ENDED = ("fetchClosedOrders", "fetchCanceledOrders")
_NEEDED = (
    (("createOrder",), "place an order"),
    (("cancelOrder",), "cancel an order"),
    (("fetchBalance",), "read balances"),
    (("fetchOpenOrders",), "list open orders"),
    (("fetchMyTrades",), "read fills"),
    (("fetchOrder", "fetchOrders", *_ENDED), "read an order that has ended"),
)
"""What nothing is traded without, by ccxt's calls for it, any of which will do."""
LISTS_BY_SYMBOL = frozenset(
    {
        "bigone", "bit2c", "bitbank", "bitbns", "bitflyer", "bitrue", "bitso", "bittrade", "coinbaseinternational",
        "coinone", "deepcoin", "latoken", "lbank", "lighter", "mercado", "p2b", "phemex", "tokocrypto", "zebpay",
    }
)  # fmt: skip
"""Where ccxt lists open orders of one symbol at a time: such an instance is told its symbols. ccxt 4.5.90."""


class Cautious(Dialect):
    """Any exchange of ccxt's."""

    def __init__(self, client: Client) -> None:
        """Raises `Misconfigured` for an exchange that lacks what nothing is traded without."""
        super().__init__(client)
        # ccxt would rather that one asks by symbol, and raises: all that is open is what has to be known.
        self.api.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
        if lacks := lacking(self.api.has):
            raise Misconfigured(f"{client.name}: exchange: ccxt has no way there to {lacks}")
        if self.api.id in LISTS_BY_SYMBOL and not client.only:
            raise Misconfigured(
                f"{client.name}: symbols: this exchange lists open orders of one symbol at a time: "
                "expected the symbols to trade, such as 'BTC/USDT, ETH/USDT'"
            )
        self._ended = ended_lists(self.api.has)
        self._venue_ids = None if self._ended else VenueIds(client.state_folder)

    @property
    def can_say_absent(self) -> bool:
        return self._venue_ids is None

    async def place(self, market: Market, out: Outgoing) -> Order:
        params = {"clientOrderId": out.wire_id}
        if out.time_in_force is not TimeInForce.GTC:
            params["timeInForce"] = out.time_in_force.upper()
        placed: Order = await self.api.create_order(
            str(market.symbol), "limit", str(out.side), out.quantity, out.price, params
        )
        self._learn(out.wire_id, placed.get("id"))
        return placed if placed.get("status") else {**placed, "status": "open"}

    async def open_orders(self) -> Sequence[Order]:
        """Of the account; where the instance names symbols, of those."""
        asked: Sequence[str | None] = sorted(self.client.only) or (None,)
        return [order for symbol in asked for order in await self._open(symbol)]

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
        for order in await self._open(symbol):
            if order.get("clientOrderId") == wire_id:
                self._learn(wire_id, order.get("id"))
                return order
        if self._venue_ids is not None:
            return await self._by_venue_id(self._venue_ids, symbol, wire_id)
        for span in SEARCHED:
            for name in self._ended:
                async for order in self._listed(name, symbol, datetime.now(UTC) - span):
                    if order.get("clientOrderId") == wire_id:
                        return order
        return None

    async def _by_venue_id(self, known: VenueIds, symbol: str, wire_id: str) -> Order:
        """By the venue's ID, learned from its answer, from a list, or from a fill that names ours.

        Raises `Unsupported` where that is not known: that an order was not found says nothing then.
        """
        if known.of(wire_id) is None:
            async for trade in self._listed("fetchMyTrades", symbol, datetime.now(UTC) - SEARCHED[0]):
                if wire_id in (trade.get("info") or {}).values():
                    self._learn(wire_id, trade.get("order"))
                    break
        name = known.of(wire_id)
        if name is None:
            raise Unsupported("this exchange cannot say that it has no such order")
        try:
            found: Order = await self.client.read(lambda: self.api.fetch_order(name, symbol))
        except NotThere:
            raise Unreadable("an order that was there is not found") from None
        if found.get("clientOrderId") not in (None, wire_id):
            raise Unreadable("another order is told in its place")
        return found

    def _learn(self, wire_id: str, venue_id: object) -> None:
        if self._venue_ids is not None and isinstance(venue_id, str) and venue_id:
            self._venue_ids.learn(wire_id, venue_id)

    async def _open(self, symbol: str | None) -> Sequence[Order]:
        found: Sequence[Order] = await self.client.read(lambda: self.api.fetch_open_orders(symbol))
        return found

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


def lacking(has: Mapping[str, Any]) -> str:
    """What is lacking that nothing is traded without; empty where it is all there."""
    return ", ".join(what for names, what in _NEEDED if not any(_offers(has, name) for name in names))


def ended_lists(has: Mapping[str, Any]) -> tuple[str, ...]:
    """ccxt's calls that together list every order that has ended; none where it has no such list."""
    if _offers(has, "fetchOrders"):
        return ("fetchOrders",)
    return tuple(name for name in _ENDED if _offers(has, name))


def _offers(has: Mapping[str, Any], name: str) -> bool:
    """Made of other calls, it will do."""
    return has.get(name) in (True, "emulated")
