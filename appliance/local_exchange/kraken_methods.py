"""Trading over Kraken's websocket: the methods that a token opens, and their results.

Source: docs.kraken.com, add_order, amend_order, cancel_order, cancel_all, cancel_all_orders_after and batch_cancel of
the Spot Websocket API v2. One request may be answered more than once: a cancellation is, for each order that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from appliance.local_exchange.account import Account
from appliance.local_exchange.kraken_errors import KrakenError, KrakenRefusal
from appliance.local_exchange.kraken_keys import Caller, KrakenKeys
from appliance.local_exchange.kraken_names import order_txid, trade_txid
from appliance.local_exchange.kraken_private import switch_times
from appliance.local_exchange.kraken_requests import Fields, integer_of, is_set, stream_order
from appliance.local_exchange.kraken_trading import KrakenTrading
from appliance.local_exchange.values import VenueOrder

Result = dict[str, object]
Method = Callable[[Caller, Fields], list[Result]]


class KrakenMethods:
    """What can be done over a websocket. Every method raises `KrakenRefusal`."""

    def __init__(self, trading: KrakenTrading, keys: KrakenKeys) -> None:
        self._trading = trading
        self._keys = keys
        self._amends = count(1 << 40)
        self._methods: dict[str, Method] = {
            "add_order": self._add_order,
            "amend_order": self._amend_order,
            "cancel_order": self._cancel_order,
            "batch_cancel": self._batch_cancel,
            "cancel_all": self._cancel_all,
            "cancel_all_orders_after": self._cancel_all_after,
        }

    def serves(self, method: str) -> bool:
        """Whether there is such a method."""
        return method in self._methods

    def caller(self, params: Fields) -> Caller:
        """Whose token it is."""
        caller = self._keys.admit_token(str(params.get("token", "")))
        self._keys.require_trading(caller)
        return caller

    def call(self, method: str, caller: Caller, params: Fields) -> list[Result]:
        """The results of one request, in order."""
        return self._methods[method](caller, params)

    def _add_order(self, caller: Caller, params: Fields) -> list[Result]:
        request = stream_order(params, self._trading.names)
        if is_set(params, "validate"):
            return [{}]
        return [_ids(self._trading.place(caller.account, request, params))]

    def _amend_order(self, caller: Caller, params: Fields) -> list[Result]:
        order = self._trading.open_one(caller.account, params, "order_id")
        amended = self._trading.amend(caller.account, order, params)
        return [{"amend_id": trade_txid(next(self._amends)), **_ids(amended)}]

    def _cancel_order(self, caller: Caller, params: Fields) -> list[Result]:
        orders = self._named(caller.account, params)
        return [_ids(order) for order in self._trading.cancel(caller.account, orders)]

    def _batch_cancel(self, caller: Caller, params: Fields) -> list[Result]:
        account = caller.account
        orders = [order for name in _texts(params, "orders") for order in self._trading.open_named(account, name)]
        orders += [self._trading.open_by_client_id(account, name) for name in _texts(params, "cl_ord_id")]
        return [{"orders_cancelled": len(self._trading.cancel(account, orders))}]

    def _cancel_all(self, caller: Caller, _params: Fields) -> list[Result]:
        return [{"count": len(self._trading.exchange.cancel_all(caller.account))}]

    def _cancel_all_after(self, caller: Caller, params: Fields) -> list[Result]:
        timeout = integer_of(params, "timeout")
        if timeout is None or not 0 <= timeout <= 86_400:
            raise KrakenRefusal(KrakenError.INVALID_ARGUMENTS)
        return [dict(switch_times(self._trading, caller.account, timeout))]

    def _named(self, account: Account, params: Fields) -> list[VenueOrder]:
        orders = [
            order
            for name in (*_texts(params, "order_id"), *_texts(params, "order_userref"))
            for order in self._trading.open_named(account, name)
        ]
        orders += [self._trading.open_by_client_id(account, name) for name in _texts(params, "cl_ord_id")]
        if not orders:
            raise KrakenRefusal(KrakenError.INVALID_ARGUMENTS)
        return orders


def _texts(params: Fields, name: str) -> list[str]:
    value = params.get(name)
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _ids(order: VenueOrder) -> Result:
    ids: Result = {"order_id": order_txid(order.order_id)}
    if order.request.client_order_id is not None:
        ids["cl_ord_id"] = order.request.client_order_id
    if order.request.reference is not None:
        ids["order_userref"] = order.request.reference
    return ids
