"""What both of Kraken's private APIs do with orders: place, amend, cancel, and find them by any of their names.

An order is named by its ID, by the client order ID of an open order, or by the userref that several may share.
A cancellation that finds an ended order is answered `EOrder:Unknown order`, as of one that was never there under its
client order ID; an order ID that was never minted is an `EOrder:Invalid order`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from readytrader_sdk.orders import Side

from appliance.local_exchange.account import Account
from appliance.local_exchange.kraken_errors import KrakenError, KrakenRefusal, refusal_of
from appliance.local_exchange.kraken_names import KrakenNames, Pair, order_number
from appliance.local_exchange.kraken_requests import Fields, client_order_id_of, number_of, refuse_if_late, text_of
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import Refused, Request, VenueOrder


class KrakenTrading:
    """Orders of an account, in Kraken's terms. Every method raises `KrakenRefusal`."""

    def __init__(self, exchange: LocalExchange, names: KrakenNames) -> None:
        self.exchange = exchange
        self.names = names

    def now(self) -> datetime:
        """The venue's clock."""
        return datetime.fromtimestamp(self.exchange.now_ms() / 1000, UTC)

    def pair_of(self, order: VenueOrder) -> Pair:
        """The order's pair."""
        return self.names.by_symbol[order.request.symbol]

    def place(self, account: Account, request: Request, fields: Fields) -> VenueOrder:
        """Take an order, unless its deadline has passed."""
        refuse_if_late(fields, self.now())
        try:
            return self.exchange.place(account, request)
        except Refused as refused:
            raise refusal_of(refused) from refused

    def amend(self, account: Account, order: VenueOrder, fields: Fields) -> VenueOrder:
        """Change quantity, limit price or trigger price of an open order, which keeps its IDs."""
        refuse_if_late(fields, self.now())
        limit_price = number_of(fields, "limit_price")
        if limit_price is not None and text_of(fields, "post_only") in ("true", "True", "1"):
            self._refuse_taking(order, limit_price)
        try:
            return self.exchange.amend(
                account,
                order.order_id,
                quantity=number_of(fields, "order_qty"),
                limit_price=limit_price,
                stop_price=number_of(fields, "trigger_price"),
            )
        except Refused as refused:
            raise refusal_of(refused) from refused

    def cancel(self, account: Account, orders: Iterable[VenueOrder]) -> list[VenueOrder]:
        """Cancel these open orders, or the ones before the first that will not be."""
        try:
            return [self.exchange.cancel(account, order.order_id) for order in orders]
        except Refused as refused:
            raise refusal_of(refused) from refused

    def open_named(self, account: Account, name: str) -> list[VenueOrder]:
        """The open order of that ID, or the open orders of that userref."""
        if name.isascii() and name.isdigit():
            found = self.by_userref(account, int(name))
        else:
            number = order_number(name)
            if number is None or number not in account.orders:
                raise KrakenRefusal(KrakenError.INVALID_ORDER)
            order = self.exchange.find(account, number)
            found = [order] if order is not None and order.is_open else []
        if not found:
            raise KrakenRefusal(KrakenError.UNKNOWN_ORDER)
        return found

    def open_by_client_id(self, account: Account, client_order_id: str) -> VenueOrder:
        """The open order under that client order ID."""
        order = self.exchange.find_by_client_id(account, client_order_id)
        if order is None or not order.is_open:
            raise KrakenRefusal(KrakenError.UNKNOWN_ORDER)
        return order

    def open_one(self, account: Account, fields: Fields, id_field: str) -> VenueOrder:
        """The open order that a request names, by `id_field` or by `cl_ord_id`."""
        client_order_id = client_order_id_of(fields)
        if client_order_id is not None:
            return self.open_by_client_id(account, client_order_id)
        return self.open_named(account, text_of(fields, id_field) or "")[0]

    def by_userref(self, account: Account, userref: int) -> list[VenueOrder]:
        """The open orders that a client gave this number."""
        return [order for order in self.exchange.open_orders(account) if order.request.reference == userref]

    def _refuse_taking(self, order: VenueOrder, limit_price: Decimal) -> None:
        is_buy = order.request.side is Side.BUY
        offered = self.exchange.displays[order.request.symbol].offered_to(order.request.side)
        if offered and (limit_price >= offered[0].price if is_buy else limit_price <= offered[0].price):
            raise KrakenRefusal(KrakenError.POST_ONLY)
