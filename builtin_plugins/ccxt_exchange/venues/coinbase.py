"""Coinbase Advanced Trade: docs.cdp.coinbase.com, November 2026.

The API finds no order by our ID, so that its lists are searched: the open orders first, then all of the product
of the last months, newest first. Cancelling takes the venue's ID.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from readytrader_sdk.orders import Side, TimeInForce
from readytrader_sdk.ports import KeyRights

from builtin_plugins.ccxt_exchange.amounts import Unreadable
from builtin_plugins.ccxt_exchange.client import NotThere, answer, listed
from builtin_plugins.ccxt_exchange.orders import Outgoing, Refused
from builtin_plugins.ccxt_exchange.reports import Seen
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order, Trade

PAGE, PAGES_MAX = 250, 40
SEARCHED = timedelta(days=90)
"""How far back an order is looked for that is not open: it may have rested for long, or have been in doubt while the
core was down. Where that is more than `PAGES_MAX` pages, an order that is not in them is not called absent."""
CANCELLED_AT_ONCE = 100
_PAST = frozenset({"UNKNOWN_CANCEL_ORDER", "ORDER_IS_FULLY_FILLED", "DUPLICATE_CANCEL_REQUEST"})
"""Refused cancellations of what has ended, or is ending."""


class Coinbase(Dialect):
    """`coinbase` of ccxt."""

    async def place(self, market: Market, out: Outgoing) -> Order:
        told = await self.api.v3PrivatePostBrokerageOrders(_request(market, out))
        if told.get("success") is not True:
            self._refuse(told)
        identity = answer(told, "success_response", "order_id")
        return {"id": identity, "status": "open", "clientOrderId": out.wire_id, "amount": out.quantity, "filled": "0"}

    async def cancel(self, market: Market, wire_id: str) -> None:
        found = await self._search(market, wire_id, {"order_status": "OPEN"})
        if found is None:
            raise NotThere
        await self._cancel([found["order_id"]])

    async def look(self, market: Market, wire_id: str) -> Order | None:
        since = (datetime.now(UTC) - SEARCHED).strftime("%Y-%m-%dT%H:%M:%SZ")
        for asked in ({"order_status": "OPEN"}, {"start_date": since}):
            found = await self._search(market, wire_id, asked)
            if found is not None:
                parsed: Order = self.api.parse_order(found, market.raw)
                return {**parsed, "status": "FAILED"} if found.get("status") == "FAILED" else parsed
        return None

    async def trades(self, market: Market, seen: Seen) -> Sequence[Trade]:
        asked = {"order_ids": str(seen.venue_order_id)}
        pages = self._pages(self.api.v3PrivateGetBrokerageOrdersHistoricalFills, asked, "fills")
        return [self.api.parse_trade(fill, market.raw) async for fill in pages]

    async def open_orders(self) -> Sequence[Order]:
        pages = self._pages(self.api.v3PrivateGetBrokerageOrdersHistoricalBatch, {"order_status": "OPEN"}, "orders")
        return [self.api.parse_order(order) async for order in pages]

    async def cancel_all(self) -> None:
        pages = self._pages(self.api.v3PrivateGetBrokerageOrdersHistoricalBatch, {"order_status": "OPEN"}, "orders")
        names = [order["order_id"] async for order in pages]
        for first in range(0, len(names), CANCELLED_AT_ONCE):
            await self.client.urgent(lambda first=first: self._cancel(names[first : first + CANCELLED_AT_ONCE]))  # type: ignore[misc] # mypy and a default argument

    async def rights(self) -> KeyRights:
        told = await self.client.read(self.api.v3PrivateGetBrokerageKeyPermissions)
        return KeyRights(
            can_trade=answer(told, "can_trade") is True,
            can_withdraw=answer(told, "can_transfer") is not False,
        )

    async def _search(self, market: Market, wire_id: str, asked: dict[str, str]) -> dict[str, Any] | None:
        request = {"product_ids": market.venue_id, **asked}
        async for order in self._pages(self.api.v3PrivateGetBrokerageOrdersHistoricalBatch, request, "orders"):
            if order.get("client_order_id") == wire_id:
                return order
        return None

    async def _pages(self, ask: Any, asked: dict[str, str], name: str) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list that comes in pages. Raises `Unreadable` where it does not end."""
        cursor = ""
        for _ in range(PAGES_MAX):
            request = {**asked, "limit": PAGE, **({"cursor": cursor} if cursor else {})}
            told = await self.client.read(lambda request=request: ask(dict(request)))  # type: ignore[misc] # mypy and a default argument
            for item in listed(told, name):
                yield item
            following = str(told.get("cursor") or "")
            if told.get("has_next") is False or not following or following == cursor:
                return
            cursor = following
        raise Unreadable(f"{name} have too many pages")

    async def _cancel(self, names: list[str]) -> None:
        told = await self.api.v3PrivatePostBrokerageOrdersBatchCancel({"order_ids": names})
        for result in listed(told, "results"):
            if result.get("success") is not True and str(result.get("failure_reason")) not in _PAST:
                raise Unreadable("a cancellation was not taken")

    def _refuse(self, told: dict[str, Any]) -> None:
        """Raise ccxt's class for the venue's code; `Unreadable`, which is unknown, where it has none."""
        error = told.get("error_response") or {}
        for key in (error.get("error"), error.get("preview_failure_reason"), told.get("failure_reason")):
            self.api.throw_exactly_matched_exception(self.api.exceptions["exact"], key, str(key))
            self.api.throw_broadly_matched_exception(self.api.exceptions["broad"], str(key), str(key))
            if isinstance(key, str) and ("INSUFFICIENT_FUND" in key or "INVALID_" in key):
                raise Refused("insufficient_funds" if "FUND" in key else "invalid_order")
        raise Unreadable("an order was not taken, for a reason that is not known")


def _request(market: Market, out: Outgoing) -> dict[str, Any]:
    """Create order: one configuration for each kind of order."""
    base = {"base_size": out.quantity, "limit_price": out.price}
    name: str
    if out.stop is not None:
        up = out.side is Side.BUY
        base |= {"stop_price": out.stop, "stop_direction": f"STOP_DIRECTION_STOP_{'UP' if up else 'DOWN'}"}
        name, configured = "stop_limit_stop_limit_gtc", dict[str, Any](base)
    elif out.time_in_force is TimeInForce.IOC:
        name, configured = "sor_limit_ioc", dict[str, Any](base)
    elif out.time_in_force is TimeInForce.FOK:
        name, configured = "limit_limit_fok", dict[str, Any](base)
    elif out.time_in_force is TimeInForce.GTD and out.expires_at is not None:
        ends = out.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        name, configured = "limit_limit_gtd", {**base, "end_time": ends, "post_only": out.post_only}
    else:
        name, configured = "limit_limit_gtc", {**base, "post_only": out.post_only}
    return {
        "client_order_id": out.wire_id,
        "product_id": market.venue_id,
        "side": out.side.upper(),
        "order_configuration": {name: configured},
    }
