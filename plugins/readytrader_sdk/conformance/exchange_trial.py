"""Orders of one check: made under fresh IDs, waited for, and cancelled at the end whatever came of the check."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TypeVar

from readytrader_sdk.conformance.checks import NotTried, expect, note, shown, skip
from readytrader_sdk.conformance.subjects import ExchangeSubject
from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.orders import (
    TERMINAL_STATES,
    ClientOrderId,
    ExecutionReport,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
)

V = TypeVar("V")
SETTLING_S = 10
"""How long a venue may take to show what came of an order."""
ASKING_AGAIN_S = 0.2


def fresh_id() -> ClientOrderId:
    """A client order ID of the appliance's form, used nowhere before: 26 lower-case letters and digits."""
    return ClientOrderId("rt" + secrets.token_hex(12))


class Trial:
    """What one check sends. Buys alone: the worst that is left behind is `quantity` of the base asset."""

    def __init__(self, subject: ExchangeSubject) -> None:
        """Skips the check where the subject names no symbol, quantity or far price."""
        self.exchange = subject.exchange
        self.symbol: Symbol = _given(subject.symbol, "symbol")
        self.quantity: Decimal = _given(subject.quantity, "quantity")
        self.price_far: Decimal = _given(subject.price_far, "price_far")
        self._subject = subject
        self._sent: list[ClientOrderId] = []

    @property
    def price_crossing(self) -> Decimal:
        """Skips the check where the subject names none."""
        return _given(self._subject.price_crossing, "price_crossing")

    def limit(
        self,
        price: Decimal,
        *,
        quantity: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
    ) -> OrderRequest:
        """A limit order to buy."""
        return OrderRequest(
            client_order_id=fresh_id(),
            venue=self._subject.venue,
            symbol=self.symbol,
            side=Side.BUY,
            quantity=quantity or self.quantity,
            order_type=OrderType.LIMIT,
            price_worst=price,
            limit_price=price,
            time_in_force=time_in_force,
            post_only=post_only,
            market_type=self._subject.market_type,
        )

    def market(self, price_worst: Decimal) -> OrderRequest:
        """A market order to buy, at this price at worst."""
        return OrderRequest(
            client_order_id=fresh_id(),
            venue=self._subject.venue,
            symbol=self.symbol,
            side=Side.BUY,
            quantity=self.quantity,
            order_type=OrderType.MARKET,
            price_worst=price_worst,
            time_in_force=TimeInForce.IOC,
            market_type=self._subject.market_type,
        )

    def remember(self, order: OrderRequest) -> None:
        """Have an order cancelled at the end that does not go through `place`."""
        self._sent.append(order.client_order_id)

    async def place(self, order: OrderRequest) -> ExecutionReport:
        """Send an order, and expect the answer to be about it."""
        self.remember(order)
        report = await self.exchange.place_order(order)
        expect_about(report, order)
        return report

    async def cancel(self, order: OrderRequest) -> ExecutionReport:
        """Cancel an order, and expect the answer to be about it."""
        report = await self.exchange.cancel_order(order.client_order_id, self.symbol)
        expect_about(report, order)
        return report

    async def find(self, order: OrderRequest) -> ExecutionReport:
        """An order's report, waited for: a venue may take a moment before it finds what it has just taken."""
        deadline = asyncio.get_running_loop().time() + SETTLING_S
        while (report := await self.exchange.find_order(order.client_order_id, self.symbol)) is None:
            expect(asyncio.get_running_loop().time() < deadline, f"the order is not found within {SETTLING_S} s")
            await asyncio.sleep(ASKING_AGAIN_S)
        expect_about(report, order)
        return report

    async def settle(self, order: OrderRequest) -> ExecutionReport:
        """An order's report once it has ended, or the last one before the patience ends."""
        deadline = asyncio.get_running_loop().time() + SETTLING_S
        report = await self.find(order)
        while report.state not in TERMINAL_STATES and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(ASKING_AGAIN_S)
            report = await self.find(order)
        return report

    async def is_listed(self, order: OrderRequest) -> int:
        """How often the order is listed as open."""
        listed = await self.exchange.open_orders()
        return sum(report.client_order_id == order.client_order_id for report in listed)

    async def instrument(self) -> Instrument:
        """The rules of what is traded."""
        for instrument in await self.exchange.instruments():
            if instrument.symbol == self.symbol:
                return instrument
        raise NotTried(f"the venue does not list {self.symbol}")

    async def clean_up(self) -> None:
        """Cancel everything that was sent; what cannot be cancelled is told in the report."""
        for client_order_id in self._sent:
            try:
                report = await self.exchange.cancel_order(client_order_id, self.symbol)
            except Exception as fault:  # noqa: BLE001 - the check's own verdict stands; this is told beside it
                note(f"order {client_order_id} may be open: cancelling it raised {shown(f'{fault!r}')}")
            else:
                if report.state not in TERMINAL_STATES:
                    note(f"order {client_order_id} is left {shown(report.state)}")


@asynccontextmanager
async def trial(subject: ExchangeSubject) -> AsyncIterator[Trial]:
    """A trial that cleans up after itself."""
    begun = Trial(subject)
    try:
        yield begun
    finally:
        await begun.clean_up()


def expect_about(report: ExecutionReport, order: OrderRequest) -> None:
    """Expect a report on this very order."""
    expect(isinstance(report, ExecutionReport), f"expected an ExecutionReport, got {shown(report)}")
    expect(
        report.client_order_id == order.client_order_id,
        f"asked about {order.client_order_id}, the answer is about {shown(report.client_order_id)}",
    )


def _given(value: V | None, name: str) -> V:
    if value is None:
        skip(f"the subject names no {name}")
    return value
