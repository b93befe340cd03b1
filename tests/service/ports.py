"""Ports behind the real gate: a venue that is watched, and venues that go wrong in one way each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from readytrader_sdk.errors import PluginError
from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest
from readytrader_sdk.ports import ExchangePort, TransferRequest


class Watched:
    """Passes every call on and counts those that move value; each may be preceded or replaced by something else."""

    def __init__(self, venue: ExchangePort) -> None:
        self.venue = venue
        self.sent: list[ClientOrderId] = []
        """Client order IDs in the order in which they reached the port."""
        self.cancelled: list[ClientOrderId] = []
        self.on_send: Callable[[ClientOrderId], None] = lambda _sent: None

    def _note(self, client_order_id: ClientOrderId) -> None:
        self.sent.append(client_order_id)
        self.on_send(client_order_id)

    async def instruments(self) -> Sequence[Instrument]:
        return await self.venue.instruments()

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        self._note(order.client_order_id)
        return await self.venue.place_order(order)

    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        self._note(order.client_order_id)
        return await self.venue.replace_order(replaced, order)  # type: ignore[attr-defined, no-any-return]

    async def transfer(self, request: TransferRequest) -> ExecutionReport:
        self._note(request.client_order_id)
        return await self.venue.transfer(request)  # type: ignore[attr-defined, no-any-return]

    async def find_transfer(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        return await self.venue.find_transfer(client_order_id)  # type: ignore[attr-defined, no-any-return]

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        self.cancelled.append(client_order_id)
        return await self.venue.cancel_order(client_order_id, symbol)

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        return await self.venue.find_order(client_order_id, symbol)

    async def open_orders(self) -> Sequence[ExecutionReport]:
        return await self.venue.open_orders()

    async def balances(self) -> Sequence[Balance]:
        return await self.venue.balances()


class Failing(Watched):
    """Raises instead of placing, without or after having let the order reach the venue."""

    def __init__(self, venue: ExchangePort, fault: BaseException, *, after_acceptance: bool) -> None:
        super().__init__(venue)
        self.fault = fault
        self.after_acceptance = after_acceptance

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        self._note(order.client_order_id)
        if self.after_acceptance:
            await self.venue.place_order(order)
        raise self.fault


class Answering(Watched):
    """Answers every placement with something else than what the venue said."""

    def __init__(self, venue: ExchangePort, twist: Callable[[ExecutionReport], ExecutionReport]) -> None:
        super().__init__(venue)
        self.twist = twist

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        return self.twist(await super().place_order(order))


class Slow(Watched):
    """Holds every placement until `go` is set, before or after the order reached the venue."""

    def __init__(self, venue: ExchangePort, *, after_acceptance: bool = False) -> None:
        super().__init__(venue)
        self.go = asyncio.Event()
        self.reached = asyncio.Event()
        self.after_acceptance = after_acceptance

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        self._note(order.client_order_id)
        self.reached.set()
        return await self._held(lambda: self.venue.place_order(order))

    async def _held(self, call: Callable[[], Awaitable[ExecutionReport]]) -> ExecutionReport:
        if self.after_acceptance:
            report = await call()
            await self.go.wait()
            return report
        await self.go.wait()
        return await call()


class Mute(Watched):
    """Cannot be asked: every enquiry fails."""

    def __init__(self, venue: ExchangePort, fault: PluginError) -> None:
        super().__init__(venue)
        self.fault = fault
        self.asked = 0

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        self.asked += 1
        raise self.fault
