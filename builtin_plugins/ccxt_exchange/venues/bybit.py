"""Bybit V5 with a unified account, spot and linear contracts: bybit-exchange.github.io/docs/v5, November 2026.

An order is asked for by `orderLinkId` among the current ones (which hold the last ended, too), then in the history.
Stops are conditional orders with a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from readytrader_sdk.instruments import MarketType
from readytrader_sdk.orders import Side
from readytrader_sdk.ports import KeyRights

from builtin_plugins.ccxt_exchange.amounts import Unreadable
from builtin_plugins.ccxt_exchange.client import Client, answer, listed
from builtin_plugins.ccxt_exchange.orders import Outgoing
from builtin_plugins.ccxt_exchange.reports import Seen
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order, Trade

PAGE, PAGES_MAX = 50, 40
RISES, FALLS = 1, 2
"""`triggerDirection`: the order triggers when the price rises, or falls, to its trigger."""


class Bybit(Dialect):
    """`bybit` of ccxt."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._category = "spot" if client.market_type is MarketType.SPOT else "linear"
        # ccxt's name in every request's Referer, unless it is told another.
        self.api.options["brokerId"] = "ReadyTrader"

    async def place(self, market: Market, out: Outgoing) -> Order:
        told = await self.api.privatePostV5OrderCreate(self._request(market, out))
        identity = answer(told, "result", "orderId")
        return {"id": identity, "status": "open", "clientOrderId": out.wire_id, "amount": out.quantity, "filled": "0"}

    async def cancel(self, market: Market, wire_id: str) -> None:
        await self.api.privatePostV5OrderCancel(
            {"category": self._category, "symbol": market.venue_id, "orderLinkId": wire_id}
        )

    async def look(self, market: Market, wire_id: str) -> Order | None:
        asked = {"category": self._category, "symbol": market.venue_id, "orderLinkId": wire_id}
        for ask in (self.api.privateGetV5OrderRealtime, self.api.privateGetV5OrderHistory):
            for order in await self._listed(ask, asked):
                if order.get("orderLinkId") == wire_id:
                    parsed: Order = self.api.parse_order(order, market.raw)
                    return parsed
        return None

    async def trades(self, market: Market, seen: Seen) -> Sequence[Trade]:
        asked = {"category": self._category, "symbol": market.venue_id, "orderId": str(seen.venue_order_id)}
        fills = await self._listed(self.api.privateGetV5ExecutionList, asked, "100")
        return [self.api.parse_trade(fill, market.raw) for fill in fills if fill.get("execType") in (None, "Trade")]

    async def open_orders(self) -> Sequence[Order]:
        found = []
        for settled in self._settlements():
            orders = await self._listed(self.api.privateGetV5OrderRealtime, {"category": self._category, **settled})
            found += [self.api.parse_order(order) for order in orders]
        return found

    async def cancel_all(self) -> None:
        for settled in self._settlements():
            asked = {"category": self._category, **settled}
            await self.client.urgent(lambda asked=asked: self.api.privatePostV5OrderCancelAll(dict(asked)))  # type: ignore[misc] # mypy and a default argument

    async def rights(self) -> KeyRights:
        told = answer(await self.client.read(self.api.privateGetV5UserQueryApi), "result")
        may = answer(told, "permissions")
        writes = str(answer(told, "readOnly")) == "0"
        trades = may.get("Spot") if self._category == "spot" else may.get("ContractTrade") or may.get("Derivatives")
        ips = told.get("ips")
        return KeyRights(
            can_trade=writes and bool(trades),
            can_withdraw=writes and "Withdraw" in (may.get("Wallet") or ()),
            is_bound_to_addresses=None if not isinstance(ips, list) else bool(ips) and "*" not in ips,
        )

    def _settlements(self) -> tuple[dict[str, str], ...]:
        """Lists of linear contracts are by the coin that they are settled in."""
        return ({},) if self._category == "spot" else ({"settleCoin": "USDT"}, {"settleCoin": "USDC"})

    async def _listed(self, ask: Any, asked: dict[str, str], limit: str = str(PAGE)) -> list[dict[str, Any]]:
        """A list in pages. Raises `Unreadable` where it does not end."""
        found: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(PAGES_MAX):
            request = {**asked, "limit": limit, **({"cursor": cursor} if cursor else {})}
            told = await self.client.read(lambda request=request: ask(dict(request)))  # type: ignore[misc] # mypy and a default argument
            page = listed(told, "result", "list")
            found += page
            cursor = str(told["result"].get("nextPageCursor") or "")
            if not cursor or len(page) < int(limit):
                return found
        raise Unreadable("a list has too many pages")

    def _request(self, market: Market, out: Outgoing) -> dict[str, Any]:
        """Place order. A unified account is in one-way mode unless its owner changed that."""
        request: dict[str, Any] = {
            "category": self._category,
            "symbol": market.venue_id,
            "side": out.side.capitalize(),
            "orderType": "Limit",
            "qty": out.quantity,
            "price": out.price,
            "timeInForce": "PostOnly" if out.post_only else out.time_in_force.upper(),
            "orderLinkId": out.wire_id,
        }
        if out.stop is not None and self._category == "spot":
            return {**request, "triggerPrice": out.stop, "orderFilter": "StopOrder"}
        if out.stop is not None:
            direction = RISES if out.side is Side.BUY else FALLS
            return {**request, "triggerPrice": out.stop, "triggerDirection": direction}
        return request
