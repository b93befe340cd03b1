"""OKX, spot and linear contracts: www.okx.com/docs-v5, November 2026.

An order is asked for by `clOrdId`, a stop by `algoClOrdId` until it has triggered; then it is an order of its own.
Stops are `trigger` orders with a limit, in the trade mode `cash`. Margin is `cross` for contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from readytrader_sdk.errors import Unsupported
from readytrader_sdk.instruments import MarketType
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import TimeInForce
from readytrader_sdk.ports import KeyRights

from builtin_plugins.ccxt_exchange.client import Client, NotThere, answer, listed
from builtin_plugins.ccxt_exchange.errors import says_not_found
from builtin_plugins.ccxt_exchange.orders import Outgoing
from builtin_plugins.ccxt_exchange.reports import Seen, fills_of
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order, Trade

SWITCH_S_MIN, SWITCH_S_MAX = 10, 120
"""What its dead-man's switch takes; 0 disarms."""
CANCELLED_AT_ONCE, STOPS_CANCELLED_AT_ONCE = 20, 10
PAGE = 100
_TYPES = {MarketType.SPOT: "SPOT", MarketType.SWAP: "SWAP", MarketType.FUTURE: "FUTURES"}
_ENDED_STOPS = {"order_failed": "order_failed", "canceled": "canceled"}


class Okx(Dialect):
    """`okx` of ccxt."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._type = _TYPES[client.market_type]

    async def place(self, market: Market, out: Outgoing) -> Order:
        request = self._request(market, out)
        stop = out.stop is not None
        told = await (self.api.privatePostTradeOrderAlgo if stop else self.api.privatePostTradeOrder)(request)
        first = answer({"first": listed(told, "data")[0]}, "first")
        identity = answer(first, "algoId" if stop else "ordId")
        return {"id": identity, "status": "open", "clientOrderId": out.wire_id, "amount": out.quantity, "filled": "0"}

    async def cancel(self, market: Market, wire_id: str) -> None:
        try:
            await self.api.privatePostTradeCancelOrder({"instId": market.venue_id, "clOrdId": wire_id})
        except Exception as error:
            if self._type != "SPOT" or not says_not_found(error):
                raise
            await self.api.privatePostTradeCancelAlgos([{"instId": market.venue_id, "algoClOrdId": wire_id}])

    async def look(self, market: Market, wire_id: str) -> Order | None:
        asked = {"instId": market.venue_id, "clOrdId": wire_id}
        found = await self._first(self.api.privateGetTradeOrder, asked)
        if found is None and self._type == "SPOT":
            found = await self._stop(market, wire_id)
        if found is not None:
            return self._parsed(found, market)
        for ask in (
            self.api.privateGetTradeOrdersPending,
            self.api.privateGetTradeOrdersHistory,  # of seven days
            self.api.privateGetTradeOrdersHistoryArchive,  # of three months
        ):
            request = {"instType": self._type, "instId": market.venue_id, "limit": str(PAGE)}
            told = await self.client.read(lambda ask=ask, request=request: ask(dict(request)))  # type: ignore[misc] # mypy and default arguments
            for order in listed(told, "data"):
                if order.get("clOrdId") == wire_id:
                    return self._parsed(order, market)
        return None

    async def trades(self, market: Market, seen: Seen) -> Sequence[Trade]:
        """Of an order that took longer, the list of three days has the last fills alone: all are in both together."""
        identity = str(seen.venue_order_id)
        asked, found = {"instType": self._type, "ordId": identity}, list[Trade]()
        for ask in (self.api.privateGetTradeFills, self.api.privateGetTradeFillsHistory):
            found += [self.api.parse_trade(fill, market.raw) for fill in await self._pages(ask, asked, "billId")]
            if sum((fill.quantity for fill in fills_of(found, market, identity)), start=ZERO) == seen.filled:
                break
        return found

    async def open_orders(self) -> Sequence[Order]:
        orders = await self._pages(self.api.privateGetTradeOrdersPending, {"instType": self._type}, "ordId")
        if self._type == "SPOT":
            asked = {"instType": "SPOT", "ordType": "trigger"}
            orders += await self._pages(self.api.privateGetTradeOrdersAlgoPending, asked, "algoId")
        return [self._parsed(order, None) for order in orders]

    async def cancel_all(self) -> None:
        orders = await self._pages(self.api.privateGetTradeOrdersPending, {"instType": self._type}, "ordId")
        for some in _chunks(orders, CANCELLED_AT_ONCE):
            names = [{"instId": order["instId"], "ordId": order["ordId"]} for order in some]
            await self.client.urgent(lambda names=names: self.api.privatePostTradeCancelBatchOrders(names))  # type: ignore[misc] # mypy and a default argument
        asked = {"instType": self._type, "ordType": "trigger"}
        stops = await self._pages(self.api.privateGetTradeOrdersAlgoPending, asked, "algoId")
        for some in _chunks(stops, STOPS_CANCELLED_AT_ONCE):
            names = [{"instId": order["instId"], "algoId": order["algoId"]} for order in some]
            await self.client.urgent(lambda names=names: self.api.privatePostTradeCancelAlgos(names))  # type: ignore[misc] # mypy and a default argument

    async def cancel_all_after(self, seconds: int) -> None:
        if seconds and not SWITCH_S_MIN <= seconds <= SWITCH_S_MAX:
            raise Unsupported(f"expected 0 or {SWITCH_S_MIN} to {SWITCH_S_MAX} seconds, got {seconds}")
        await self.client.urgent(lambda: self.api.privatePostTradeCancelAllAfter({"timeOut": str(seconds)}))

    async def rights(self) -> KeyRights:
        told = listed(await self.client.read(self.api.privateGetAccountConfig), "data")
        first = answer({"first": told[0] if told else None}, "first")
        may = str(answer(first, "perm")).split(",")
        return KeyRights(
            can_trade="trade" in may, can_withdraw="withdraw" in may, is_bound_to_addresses=bool(first.get("ip"))
        )

    async def _stop(self, market: Market, wire_id: str) -> dict[str, Any] | None:
        """The stop of our ID; once it has triggered, the order that it became."""
        found = await self._first(self.api.privateGetTradeOrderAlgo, {"algoClOrdId": wire_id})
        if found is None:
            return None
        named = {**found, "clOrdId": wire_id}
        became = str(found.get("ordId") or "")
        if not became:
            return {**named, "accFillSz": "0"}
        order = await self._first(self.api.privateGetTradeOrder, {"instId": market.venue_id, "ordId": became})
        return None if order is None else {**order, "clOrdId": wire_id}

    async def _first(self, ask: Any, asked: dict[str, str]) -> dict[str, Any] | None:
        try:
            told = listed(await self.client.read(lambda: ask(dict(asked))), "data")
        except NotThere:
            return None
        return told[0] if told else None

    async def _pages(self, ask: Any, asked: dict[str, str], cursor: str) -> list[dict[str, Any]]:
        """A list in pages, newest first."""
        found: list[dict[str, Any]] = []
        while True:
            request = {**asked, "limit": str(PAGE), **({"after": found[-1][cursor]} if found else {})}
            page = listed(await self.client.read(lambda request=request: ask(dict(request))), "data")  # type: ignore[misc] # mypy and a default argument
            found += page
            if len(page) < PAGE:
                return found

    def _request(self, market: Market, out: Outgoing) -> dict[str, str]:
        """Place order, or place algo order of the type `trigger`."""
        mode = "cash" if self._type == "SPOT" else "cross"
        request = {"instId": market.venue_id, "tdMode": mode, "side": str(out.side), "sz": out.quantity}
        if out.stop is not None:
            named = {"algoClOrdId": out.wire_id, "clOrdId": out.wire_id}
            return {**request, **named, "ordType": "trigger", "triggerPx": out.stop, "orderPx": out.price}
        kind = {TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"}.get(out.time_in_force, "limit")
        return {**request, "clOrdId": out.wire_id, "ordType": "post_only" if out.post_only else kind, "px": out.price}

    def _parsed(self, raw: dict[str, Any], market: Market | None) -> Order:
        parsed: Order = self.api.parse_order(raw, None if market is None else market.raw)
        named = parsed.get("clientOrderId") or raw.get("algoClOrdId") or None
        return {**parsed, "clientOrderId": named, "status": _ENDED_STOPS.get(str(raw.get("state")), parsed["status"])}


def _chunks(items: list[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    return [items[first : first + size] for first in range(0, len(items), size)]
