"""Kraken, spot: docs.kraken.com, Spot REST API, November 2026.

Our ID goes as `cl_ord_id` (a UUID) and is asked for among the open orders, then among the closed. Every order says
that its fee is taken in the quote (`fciq`): the API tells fees without their asset. AmendOrder keeps the old name of
an order, so that a replacement under a new one takes two steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from readytrader_sdk.orders import TimeInForce
from readytrader_sdk.ports import KeyRights

from builtin_plugins.ccxt_exchange.amounts import Unreadable
from builtin_plugins.ccxt_exchange.client import answer, listed
from builtin_plugins.ccxt_exchange.orders import Outgoing
from builtin_plugins.ccxt_exchange.reports import Seen
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order, Trade

TRADES_AT_ONCE = 20
"""IDs in one QueryTrades."""


class Kraken(Dialect):
    """`kraken` of ccxt."""

    async def place(self, market: Market, out: Outgoing) -> Order:
        told = await self.api.privatePostAddOrder(_request(market, out))
        names = listed(told, "result", "txid")
        if not names:
            raise Unreadable("no txid in the answer")
        return {"id": names[0], "status": "open", "clientOrderId": out.wire_id, "amount": out.quantity, "filled": "0"}

    async def cancel(self, market: Market, wire_id: str) -> None:
        del market
        await self.api.privatePostCancelOrder({"cl_ord_id": wire_id})

    async def look(self, market: Market, wire_id: str) -> Order | None:
        """Open first: an order that ends between the two is in the second list."""
        asked = {"trades": "true", "cl_ord_id": wire_id}
        lists = (("open", self.api.privatePostOpenOrders), ("closed", self.api.privatePostClosedOrders))
        for name, ask in lists:
            told = await self.client.read(lambda ask=ask: ask(dict(asked)))  # type: ignore[misc] # mypy and a default argument
            for identity, raw in answer(told, "result", name).items():
                if isinstance(raw, dict) and raw.get("cl_ord_id") == wire_id:
                    return self._parsed(identity, raw, market)
        return None

    async def trades(self, market: Market, seen: Seen) -> Sequence[Trade]:
        raw = seen.raw.get("info") or {}
        names = [name for name in raw.get("trades") or [] if isinstance(name, str)]
        found: list[Trade] = []
        for first in range(0, len(names), TRADES_AT_ONCE):
            asked = {"txid": ",".join(names[first : first + TRADES_AT_ONCE])}
            told = await self.client.read(lambda asked=asked: self.api.privatePostQueryTrades(dict(asked)))  # type: ignore[misc] # mypy and a default argument
            for name, trade in answer(told, "result").items():
                found.append(self.api.parse_trade({**trade, "id": name}, market.raw))
        return found

    async def open_orders(self) -> Sequence[Order]:
        told = await self.client.read(lambda: self.api.privatePostOpenOrders({"trades": "true"}))
        return [self._parsed(identity, raw, None) for identity, raw in answer(told, "result", "open").items()]

    async def cancel_all(self) -> None:
        await self.client.urgent(self.api.privatePostCancelAll)

    async def cancel_all_after(self, seconds: int) -> None:
        await self.client.urgent(lambda: self.api.privatePostCancelAllOrdersAfter({"timeout": seconds}))

    async def rights(self) -> KeyRights:
        told = answer(await self.client.read(self.api.privatePostGetApiKeyInfo), "result")
        may = {str(name) for name in listed(told, "permissions")}
        ends = str(told.get("valid_until") or "0")
        return KeyRights(
            can_trade="modify-trades" in may,
            can_withdraw=any(name.startswith("withdraw") for name in may),
            is_bound_to_addresses=bool(told.get("ip_allowlist")) if "ip_allowlist" in told else None,
            expires_at=datetime.fromtimestamp(int(ends), UTC) if ends.isdecimal() and int(ends) else None,
        )

    def _parsed(self, identity: str, raw: Any, market: Market | None) -> Order:
        parsed: Order = self.api.parse_order({"id": identity, **raw}, None if market is None else market.raw)
        return parsed


def _request(market: Market, out: Outgoing) -> dict[str, str]:
    """Add order: `price` is the stop's where there is one, and the limit then `price2`."""
    request = {
        "pair": market.venue_id,
        "type": str(out.side),
        "ordertype": "limit" if out.stop is None else "stop-loss-limit",
        "volume": out.quantity,
        "price": out.price if out.stop is None else out.stop,
        "cl_ord_id": out.wire_id,
        "oflags": "fciq,post" if out.post_only else "fciq",
        "timeinforce": out.time_in_force.upper(),
    }
    if out.stop is not None:
        request["price2"] = out.price
    if out.time_in_force is TimeInForce.GTD and out.expires_at is not None:
        request["expiretm"] = str(int(out.expires_at.timestamp()))
    return request
