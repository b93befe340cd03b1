"""Kraken's private REST calls: balances, orders, trades, the dead-man's switch, and what a key may do.

Source: docs.kraken.com, Account Data, Trading and Funding. Lists come newest first and fifty at a time, except the open
orders, which come all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

from readytrader_sdk.money import EXACT

from appliance.local_exchange.account import Account
from appliance.local_exchange.kraken_errors import KrakenError, KrakenRefusal
from appliance.local_exchange.kraken_keys import TOKEN_SECONDS, Caller, KrakenKeys
from appliance.local_exchange.kraken_names import asset_id, order_number, order_txid, trade_txid
from appliance.local_exchange.kraken_requests import Fields, client_order_id_of, integer_of, is_set, rest_order, text_of
from appliance.local_exchange.kraken_shapes import description, fixed, order_entry, trade_entry
from appliance.local_exchange.kraken_trading import KrakenTrading
from appliance.local_exchange.values import VenueFill, VenueOrder

PAGE = 50
_BATCH_MAX = 50
_SWITCH_SECONDS_MAX = 86_400
_BALANCE_DECIMALS = 10

T = TypeVar("T")
Answer = object
PrivateCall = Callable[[Caller, Fields], Answer]


class KrakenPrivate:
    """What the owner of a key may ask and do."""

    def __init__(self, trading: KrakenTrading, keys: KrakenKeys) -> None:
        self._trading = trading
        self._exchange = trading.exchange
        self._keys = keys
        self._amends = count(1)
        self.calls: dict[str, PrivateCall] = {
            "Balance": self.balance,
            "BalanceEx": self.balance_ex,
            "OpenOrders": self.open_orders,
            "ClosedOrders": self.closed_orders,
            "QueryOrders": self.query_orders,
            "TradesHistory": self.trades_history,
            "QueryTrades": self.query_trades,
            "GetApiKeyInfo": self.key_info,
            "GetWebSocketsToken": self.websockets_token,
            "WithdrawMethods": self.withdraw_methods,
            "AddOrder": self._trades(self.add_order),
            "AmendOrder": self._trades(self.amend_order),
            "CancelOrder": self._trades(self.cancel_order),
            "CancelAll": self._trades(self.cancel_all),
            "CancelAllOrdersAfter": self._trades(self.cancel_all_after),
        }

    def _trades(self, call: PrivateCall) -> PrivateCall:
        def checked(caller: Caller, fields: Fields) -> Answer:
            self._keys.require_trading(caller)
            return call(caller, fields)

        return checked

    # money

    def balance(self, caller: Caller, _fields: Fields) -> Answer:
        """What there is of each asset, locked parts included."""
        return {asset_id(item.asset): fixed(item.total, _BALANCE_DECIMALS) for item in caller.account.balances()}

    def balance_ex(self, caller: Caller, _fields: Fields) -> Answer:
        """The same, with what open orders hold."""
        return {
            asset_id(item.asset): {
                "balance": fixed(item.total, _BALANCE_DECIMALS),
                "hold_trade": fixed(EXACT.subtract(item.total, item.free), _BALANCE_DECIMALS),
            }
            for item in caller.account.balances()
        }

    def withdraw_methods(self, caller: Caller, _fields: Fields) -> Answer:
        """No way out, for a key that could take one; a refusal for any other."""
        self._keys.require_withdrawing(caller)
        return []

    # the key

    def key_info(self, caller: Caller, _fields: Fields) -> Answer:
        """What the key may do. Needs no permission."""
        now = str(self._exchange.now_ms() // 1000)
        return {
            "apiKeyName": "local",
            "apiKey": caller.key.name,
            "nonce": str(self._keys.nonce_of(caller.key)),
            "nonceWindow": 0,
            "permissions": self._keys.permissions(caller.key),
            "iban": "AA00 L0CA LEXC HANG",
            "validUntil": "0",
            "queryFrom": "0",
            "queryTo": "0",
            "createdTime": now,
            "modifiedTime": now,
            "ipAllowlist": [],
            "lastUsed": now,
        }

    def websockets_token(self, caller: Caller, _fields: Fields) -> Answer:
        """A token for the private websocket."""
        return {"token": self._keys.mint_token(caller), "expires": TOKEN_SECONDS}

    # orders

    def add_order(self, caller: Caller, fields: Fields) -> Answer:
        """Place an order; with `validate`, only read it."""
        request = rest_order(fields, self._trading.names, self._trading.now())
        told = {"descr": {"order": description(request, self._trading.names.by_symbol[request.symbol])}}
        if is_set(fields, "validate"):
            return told
        order = self._trading.place(caller.account, request, fields)
        return {**told, "txid": [order_txid(order.order_id)]}

    def amend_order(self, caller: Caller, fields: Fields) -> Answer:
        """Change an open order in place."""
        order = self._trading.open_one(caller.account, fields, "txid")
        self._trading.amend(caller.account, order, fields)
        return {"amend_id": trade_txid(next(self._amends))}

    def cancel_order(self, caller: Caller, fields: Fields) -> Answer:
        """Cancel by ID, by userref or by client order ID."""
        account, client_order_id = caller.account, client_order_id_of(fields)
        if client_order_id is not None:
            orders = [self._trading.open_by_client_id(account, client_order_id)]
        else:
            orders = self._trading.open_named(account, text_of(fields, "txid") or "")
        return {"count": len(self._trading.cancel(account, orders))}

    def cancel_all(self, caller: Caller, _fields: Fields) -> Answer:
        """Cancel every open order."""
        return {"count": len(self._exchange.cancel_all(caller.account))}

    def cancel_all_after(self, caller: Caller, fields: Fields) -> Answer:
        """The dead-man's switch: `timeout` in seconds, 0 disarms it."""
        timeout = integer_of(fields, "timeout")
        if timeout is None or not 0 <= timeout <= _SWITCH_SECONDS_MAX:
            raise KrakenRefusal(KrakenError.INVALID_ARGUMENTS)
        return switch_times(self._trading, caller.account, timeout)

    def open_orders(self, caller: Caller, fields: Fields) -> Answer:
        """All open orders, or those of one userref or client order ID."""
        orders = _narrowed(self._exchange.open_orders(caller.account), fields)
        return {"open": self._entries(orders, fields)}

    def closed_orders(self, caller: Caller, fields: Fields) -> Answer:
        """Ended orders by the time they ended, the last one first."""
        ended = [order for order in self._exchange.orders(caller.account) if not order.is_open]
        ended.sort(key=lambda order: (order.updated_ms, order.order_id), reverse=True)
        ended = _narrowed(ended, fields)
        ended = [order for order in ended if _is_within(order.updated_ms, fields)]
        return {"closed": self._entries(_page(ended, fields), fields), "count": len(ended)}

    def query_orders(self, caller: Caller, fields: Fields) -> Answer:
        """Orders by ID, open or not. One that was never minted fails the whole call."""
        txids = (text_of(fields, "txid") or "").split(",")
        client_order_id = client_order_id_of(fields)
        if txids == [""]:
            if client_order_id is None:
                raise KrakenRefusal(KrakenError.INVALID_ARGUMENTS)
            return self._entries(_narrowed(self._exchange.orders(caller.account), fields)[-_BATCH_MAX:], fields)
        found = [self._known(caller.account, txid) for txid in txids[:_BATCH_MAX]]
        return self._entries(_narrowed([order for order in found if order is not None], fields), fields)

    def _known(self, account: Account, txid: str) -> VenueOrder | None:
        number = order_number(txid)
        if number is None or number not in account.orders:
            raise KrakenRefusal(KrakenError.INVALID_ORDER)
        return self._exchange.find(account, number)

    def _entries(self, orders: Sequence[VenueOrder], fields: Fields) -> dict[str, object]:
        with_trades = is_set(fields, "trades")
        pair_of = self._trading.pair_of
        return {order_txid(one.order_id): order_entry(one, pair_of(one), with_trades=with_trades) for one in orders}

    # trades

    def trades_history(self, caller: Caller, fields: Fields) -> Answer:
        """The account's trades, the last one first."""
        fills = [fill for fill in self._fills(caller.account) if _is_within(fill.at_ms, fields)][::-1]
        return {"trades": self._trade_entries(caller.account, _page(fills, fields)), "count": len(fills)}

    def query_trades(self, caller: Caller, fields: Fields) -> Answer:
        """Trades by ID; those that are not there are left out."""
        wanted = set((text_of(fields, "txid") or "").split(","))
        fills = [fill for fill in self._fills(caller.account) if trade_txid(fill.trade_id) in wanted]
        return self._trade_entries(caller.account, fills)

    def _fills(self, account: Account) -> list[VenueFill]:
        return sorted(self._exchange.fills(account), key=lambda fill: fill.trade_id)

    def _trade_entries(self, account: Account, fills: Sequence[VenueFill]) -> dict[str, object]:
        entries: dict[str, object] = {}
        for fill in fills:
            order = account.orders[fill.order_id]
            entries[trade_txid(fill.trade_id)] = trade_entry(fill, order, self._trading.pair_of(order))
        return entries


def switch_times(trading: KrakenTrading, account: Account, timeout: int) -> dict[str, str]:
    """Set the switch; when it was set and when it goes off, "0" when it does not."""
    trading.exchange.cancel_all_after(account, timeout)
    now = trading.now()
    trigger = _whole_seconds(now + timedelta(seconds=timeout)) if timeout else "0"
    return {"currentTime": _whole_seconds(now), "triggerTime": trigger}


def _whole_seconds(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _narrowed(orders: list[VenueOrder], fields: Fields) -> list[VenueOrder]:
    client_order_id, userref = client_order_id_of(fields), integer_of(fields, "userref")
    if client_order_id is not None:
        orders = [order for order in orders if order.request.client_order_id == client_order_id]
    if userref is not None:
        orders = [order for order in orders if order.request.reference == userref]
    return orders


def _is_within(ms: int, fields: Fields) -> bool:
    """`start` is left out and `end` taken in, in whole seconds."""
    start, end = integer_of(fields, "start"), integer_of(fields, "end")
    return (start is None or ms > start * 1000) and (end is None or ms <= end * 1000)


def _page(items: list[T], fields: Fields) -> list[T]:
    first = integer_of(fields, "ofs") or 0
    return items[first : first + PAGE]
