"""A made-up venue in memory: one instrument at a fixed price, as much of it as anybody wants, one account."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from readytrader_sdk.errors import Unsupported
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.money import is_multiple
from readytrader_sdk.orders import (
    Balance,
    ClientOrderId,
    ExecutionReport,
    Fill,
    Liquidity,
    OrderRequest,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    VenueOrderId,
)

BASE, QUOTE = Asset("BTC"), Asset("USD")
BID, ASK = Decimal(49995), Decimal(50005)
FEE_RATE = Decimal("0.001")
INSTRUMENT = Instrument(
    symbol=Symbol("BTC/USD"),
    base=BASE,
    quote=QUOTE,
    price_increment=Decimal("0.01"),
    quantity_increment=Decimal("0.0001"),
    quantity_min=Decimal("0.0001"),
    notional_min=Decimal(5),
)


class Venue:
    """What a real venue keeps on its own side."""

    def __init__(self) -> None:
        self._totals = {BASE: Decimal(1), QUOTE: Decimal(100_000)}
        self._orders: dict[ClientOrderId, OrderRequest] = {}
        self._reports: dict[ClientOrderId, ExecutionReport] = {}

    def instruments(self) -> list[Instrument]:
        """What is traded here."""
        return [INSTRUMENT]

    def place(self, order: OrderRequest) -> ExecutionReport:
        """Take one order: fill it, let it rest, or reject it."""
        if order.client_order_id in self._orders:
            raise Unsupported(f"the client order ID {order.client_order_id} is in use")
        self._orders[order.client_order_id] = order
        refusal = self._refusal(order)
        if refusal is not None:
            return self._report(order, OrderState.REJECTED, reason=refusal)
        if _crosses(order):
            return self._fill(order)
        rests = order.order_type is OrderType.LIMIT and order.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
        if rests:
            return self._report(order, OrderState.OPEN)
        return self._report(order, OrderState.CANCELLED, reason="no_liquidity")

    def cancel(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        """End an order that is open; one that has ended stays as it is."""
        report = self.find(client_order_id, symbol)
        if report is None:
            now = datetime.now(UTC)
            return ExecutionReport(client_order_id=client_order_id, state=OrderState.ABSENT, reported_at=now)
        if report.state is OrderState.OPEN:
            return self._report(self._orders[client_order_id], OrderState.CANCELLED)
        return report

    def find(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        """An order as it stands, with all its fills; orders are found by instrument, as on most venues."""
        order = self._orders.get(client_order_id)
        return self._reports[client_order_id] if order is not None and order.symbol == symbol else None

    def open_orders(self) -> list[ExecutionReport]:
        """Every order that rests."""
        return [report for report in self._reports.values() if report.state is OrderState.OPEN]

    def balances(self) -> list[Balance]:
        """What the account holds; resting orders have their share locked."""
        return [
            Balance(asset=asset, total=total, free=total - self._locked(asset))
            for asset, total in self._totals.items()
            if total != 0
        ]

    def _refusal(self, order: OrderRequest) -> str | None:
        if order.symbol != INSTRUMENT.symbol:
            return "unknown_symbol"
        if order.order_type not in (OrderType.LIMIT, OrderType.MARKET):
            return "order_type"
        if not is_multiple(order.quantity, INSTRUMENT.quantity_increment) or order.quantity < INSTRUMENT.quantity_min:
            return "quantity"
        if not is_multiple(order.price_worst, INSTRUMENT.price_increment):
            return "price"
        if order.post_only and _crosses(order):
            return "post_only"
        asset, amount = _needed(order)
        free = self._totals[asset] - self._locked(asset)
        return "insufficient_funds" if amount > free else None

    def _locked(self, asset: Asset) -> Decimal:
        needs = (_needed(self._orders[report.client_order_id]) for report in self.open_orders())
        return sum((amount for needed, amount in needs if needed == asset), Decimal(0))

    def _fill(self, order: OrderRequest) -> ExecutionReport:
        price, sign = (ASK, 1) if order.side is Side.BUY else (BID, -1)
        fee = order.quantity * price * FEE_RATE
        self._totals[BASE] += sign * order.quantity
        self._totals[QUOTE] -= sign * order.quantity * price + fee
        fill = Fill(
            fill_id=f"fill-{order.client_order_id}",
            price=price,
            quantity=order.quantity,
            fee=fee,
            fee_asset=QUOTE,
            liquidity=Liquidity.TAKER,
            filled_at=datetime.now(UTC),
        )
        return self._report(order, OrderState.FILLED, fills=(fill,))

    def _report(
        self, order: OrderRequest, state: OrderState, *, fills: tuple[Fill, ...] = (), reason: str | None = None
    ) -> ExecutionReport:
        report = ExecutionReport(
            client_order_id=order.client_order_id,
            state=state,
            reported_at=datetime.now(UTC),
            venue_order_id=VenueOrderId(f"acme-{order.client_order_id}"),
            fills=fills,
            reason=reason,
        )
        self._reports[order.client_order_id] = report
        return report


def _crosses(order: OrderRequest) -> bool:
    """Whether the market sells, or buys, within the order's worst price."""
    return order.price_worst >= ASK if order.side is Side.BUY else order.price_worst <= BID


def _needed(order: OrderRequest) -> tuple[Asset, Decimal]:
    """What the order takes at worst, fee included."""
    if order.side is Side.SELL:
        return BASE, order.quantity
    return QUOTE, order.quantity * order.price_worst * (1 + FEE_RATE)
