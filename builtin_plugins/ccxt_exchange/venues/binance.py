"""Binance, spot and USD-M futures: developers.binance.com, Spot REST API and USD-M Futures, November 2026.

An order is asked for by `origClientOrderId`, then looked for among the open ones and among all recent ones. Executions
are asked for by order ID. A replacement is `cancelReplace` in the mode STOP_ON_FAILURE: nothing is placed unless it
cancelled.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from readytrader_sdk.errors import OutcomeUnknown
from readytrader_sdk.instruments import MarketType
from readytrader_sdk.orders import TimeInForce
from readytrader_sdk.ports import KeyRights

from builtin_plugins.ccxt_exchange.client import Client, NotThere, answer, listed
from builtin_plugins.ccxt_exchange.errors import says_not_found
from builtin_plugins.ccxt_exchange.orders import Outgoing, Refused
from builtin_plugins.ccxt_exchange.reports import Seen
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order, Trade

FILLS_PAGE = 1000
"""Executions in one answer; an order may have more."""
RECENT = 500
"""Orders of one symbol that are looked through; what is sent here was sent lately."""
_NOT_PLACED = re.compile(r'"newOrderResult"\s*:\s*"(NOT_ATTEMPTED|FAILURE)"')
_CANCELLED = re.compile(r'"cancelResult"\s*:\s*"SUCCESS"')
_UNCLEAR = re.compile(r"-100[0167]\b")


class Binance(Dialect):
    """`binance` of ccxt."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        api = self.api
        spot = client.market_type is MarketType.SPOT
        self._spot = spot
        self._post: Any = api.privatePostOrder if spot else api.fapiPrivatePostOrder
        self._get: Any = api.privateGetOrder if spot else api.fapiPrivateGetOrder
        self._delete: Any = api.privateDeleteOrder if spot else api.fapiPrivateDeleteOrder
        self._open: Any = api.privateGetOpenOrders if spot else api.fapiPrivateGetOpenOrders
        self._all: Any = api.privateGetAllOrders if spot else api.fapiPrivateGetAllOrders
        self._fills: Any = api.privateGetMyTrades if spot else api.fapiPrivateGetUserTrades
        self._delete_all: Any = api.privateDeleteOpenOrders if spot else api.fapiPrivateDeleteAllOpenOrders

    async def place(self, market: Market, out: Outgoing) -> Order:
        raw = await self._post(self._request(market, out))
        return self._parsed(raw, market)

    async def replace(self, market: Market, replaced: str, out: Outgoing) -> Order | None:
        if not self._spot:
            return None
        request = {**self._request(market, out), "cancelReplaceMode": "STOP_ON_FAILURE"}
        try:
            raw = await self.api.privatePostOrderCancelReplace({**request, "cancelOrigClientOrderId": replaced})
        except Exception as error:
            # -2021 and -2022 say in their body which half failed; ccxt has one class for all of it.
            text = str(error)
            if not _NOT_PLACED.search(text):
                raise
            if _UNCLEAR.search(text):
                raise OutcomeUnknown("no_answer_in_time") from None
            raise Refused("rejected_after_cancelling" if _CANCELLED.search(text) else "replaced_has_ended") from None
        return self._parsed(answer(raw, "newOrderResponse"), market)

    async def cancel(self, market: Market, wire_id: str) -> None:
        await self._delete({"symbol": market.venue_id, "origClientOrderId": wire_id})

    async def look(self, market: Market, wire_id: str) -> Order | None:
        symbol = {"symbol": market.venue_id}
        try:
            found = await self.client.read(lambda: self._get({**symbol, "origClientOrderId": wire_id}))
        except NotThere:
            lists = (lambda: self._open(symbol), lambda: self._all({**symbol, "limit": RECENT}))
            for orders in [listed(await self.client.read(one)) for one in lists]:
                for order in orders:
                    if isinstance(order, dict) and order.get("clientOrderId") == wire_id:
                        return self._parsed(order, market)
            return None
        return self._parsed(found, market)

    async def trades(self, market: Market, seen: Seen) -> Sequence[Trade]:
        """The FULL answer to a new order tells its executions itself; those of any other answer are asked for."""
        told = answer(seen.raw, "info")
        if isinstance(told, dict) and "fills" in told:
            # Whatever traded on arrival took; its time is the answer's (New order, response FULL).
            taken = {"orderId": seen.venue_order_id, "time": told.get("transactTime"), "isMaker": False}
            return [self.api.parse_trade({**fill, **taken}, market.raw) for fill in listed(told, "fills")]
        request: dict[str, Any] = {"symbol": market.venue_id, "orderId": seen.venue_order_id, "limit": FILLS_PAGE}
        found = page = listed(await self.client.read(lambda: self._fills(dict(request))))
        if len(page) == FILLS_PAGE:  # the newest: all of them are read from the first on
            found, request["fromId"] = [], 0
        while len(page) == FILLS_PAGE:
            page = listed(await self.client.read(lambda: self._fills(dict(request))))
            found += page
            request["fromId"] = 1 + max((int(trade["id"]) for trade in page), default=0)
        return [self.api.parse_trade(trade, market.raw) for trade in found]

    async def open_orders(self) -> Sequence[Order]:
        raw = listed(await self.client.read(self._open))
        return [self.api.parse_order(order) for order in raw]

    async def cancel_all(self) -> None:
        """One request for each symbol that has an open order, all at once."""
        raw = listed(await self.client.urgent(self._open))
        symbols = {order["symbol"] for order in raw}
        await asyncio.gather(*(self.client.urgent(lambda s=symbol: self._cancel_symbol(s)) for symbol in symbols))  # type: ignore[misc] # mypy and a default argument

    async def rights(self) -> KeyRights:
        told = await self.client.read(self.api.sapiGetAccountApiRestrictions)
        trading = "enableSpotAndMarginTrading" if self._spot else "enableFutures"
        expires = told.get("tradingAuthorityExpirationTime")
        return KeyRights(
            can_trade=answer(told, trading) is True,
            can_withdraw=answer(told, "enableWithdrawals") is not False,
            is_bound_to_addresses=answer(told, "ipRestrict") is True,
            expires_at=None if expires is None else _time(expires),
        )

    async def _cancel_symbol(self, symbol: str) -> None:
        try:
            await self._delete_all({"symbol": symbol})
        except Exception as error:
            if not says_not_found(error):  # what was open has ended meanwhile
                raise

    def _request(self, market: Market, out: Outgoing) -> dict[str, str]:
        """New order (TRADE): `type` LIMIT, LIMIT_MAKER or STOP_LOSS_LIMIT; on futures, post-only is GTX."""
        request = {"symbol": market.venue_id, "side": out.side.upper(), "quantity": out.quantity, "price": out.price}
        request |= {"newClientOrderId": out.wire_id, "newOrderRespType": "FULL" if self._spot else "RESULT"}
        wait = "GTX" if out.post_only else out.time_in_force.upper()
        if out.stop is not None:
            return {**request, "type": "STOP_LOSS_LIMIT", "stopPrice": out.stop, "timeInForce": TimeInForce.GTC.upper()}
        if out.post_only and self._spot:
            return {**request, "type": "LIMIT_MAKER"}
        return {**request, "type": "LIMIT", "timeInForce": wait}

    def _parsed(self, raw: Any, market: Market) -> Order:
        parsed: Order = self.api.parse_order(raw, market.raw)
        return parsed


def _time(milliseconds: object) -> Any:
    from builtin_plugins.ccxt_exchange.reports import time_of

    return time_of(int(str(milliseconds)), "the key's end")
