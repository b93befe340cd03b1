"""Acme as a ReadyTrader exchange: its orders, fills and balances in ReadyTrader's words.

The venue behind it is made up (`venue.py`): replace the calls of `self._venue` with those of the real one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from readytrader_sdk.hooks import ExchangeFactory, PluginContext, hookimpl
from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest

from .venue import Venue


class AcmeExchange:
    """Every order goes to the venue under its client order ID, which is how it is found again."""

    def __init__(self, context: PluginContext) -> None:
        self._log = context.logger
        self._venue = Venue()

    async def instruments(self) -> Sequence[Instrument]:
        """All instruments with their rules."""
        return self._venue.instruments()

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        """Send one order; a refusal of the venue is a report. Raise `OutcomeUnknown` when its answer does not come."""
        report = self._venue.place(order)
        self._log.info("order %s: %s", order.client_order_id, report.state)
        return report

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        """The order's state after asking for its cancellation."""
        return self._venue.cancel(client_order_id, symbol)

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        """The order with all its fills, or None when the venue has never seen it."""
        return self._venue.find(client_order_id, symbol)

    async def open_orders(self) -> Sequence[ExecutionReport]:
        """Every open order of the account."""
        return self._venue.open_orders()

    async def balances(self) -> Sequence[Balance]:
        """All non-zero balances."""
        return self._venue.balances()


@hookimpl
def register_exchanges() -> Mapping[str, ExchangeFactory]:
    """The name is the one of the entry point."""
    return {"acme-plugin": AcmeExchange}
