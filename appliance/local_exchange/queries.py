"""What can be asked of an account; nothing here changes anything. Orders that a fault hides are not there."""

from __future__ import annotations

from readytrader_sdk.instruments import Symbol

from appliance.local_exchange.account import Account
from appliance.local_exchange.values import VenueFill, VenueOrder


class Queries:
    """The part of the exchange that only looks."""

    @staticmethod
    def find(account: Account, order_id: int) -> VenueOrder | None:
        """The order of that number, or None when the venue does not know it (yet)."""
        order = account.orders.get(order_id)
        return order if order is not None and account.is_visible(order_id) else None

    @staticmethod
    def find_by_client_id(account: Account, client_order_id: str) -> VenueOrder | None:
        """The newest order under that client order ID, or None."""
        number = account.by_client_id.get(client_order_id)
        return None if number is None else Queries.find(account, number)

    @staticmethod
    def open_orders(account: Account, symbol: Symbol | None = None) -> list[VenueOrder]:
        """Open orders in the order accepted."""
        return [
            order
            for order in account.open.values()
            if (symbol is None or order.request.symbol == symbol) and account.is_visible(order.order_id)
        ]

    @staticmethod
    def orders(account: Account, symbol: Symbol | None = None) -> list[VenueOrder]:
        """All orders, open or ended, in the order accepted."""
        numbers = account.orders if symbol is None else account.order_ids.get(symbol, ())
        return [account.orders[number] for number in numbers if account.is_visible(number)]

    @staticmethod
    def fills(account: Account, symbol: Symbol | None = None) -> list[VenueFill]:
        """All trades by number."""
        lists = account.fills.values() if symbol is None else (account.fills.get(symbol, []),)
        found = [fill for fills in lists for fill in fills if account.is_visible(fill.order_id)]
        return sorted(found, key=lambda fill: fill.trade_id) if symbol is None else found
