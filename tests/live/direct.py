"""The local exchange's model as an exchange's port, with the faults that a wire would show at the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from readytrader_sdk.errors import OutcomeUnknown, Unavailable
from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.orders import (
    Balance,
    ClientOrderId,
    ExecutionReport,
    Fill,
    Liquidity,
    OrderRequest,
    OrderState,
    OrderType,
    TimeInForce,
    VenueOrderId,
)
from readytrader_sdk.ports import KeyRights

from appliance.local_exchange.account import Account
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import Event, EventKind, Refused, Request, VenueFill, VenueOrder
from appliance.paper.reasons import Reason

T = TypeVar("T")
OPTIONAL = frozenset({"replace_order", "cancel_all_orders", "key_rights", "venue_time", "stream_reports"})
SILENCE_S = 60.0
BROKEN_S = 0.02
"""How long a worker that died is away."""
ORDER = "POST /api/v3/order"
USER = "user"


class DirectPort:
    """`ExchangePort` and its optional ports on the model, with the faults that a wire would show."""

    def __init__(self, exchange: LocalExchange, account: Account) -> None:
        self.exchange = exchange
        self._account = account

    # what moves value

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        """As `ExchangePort`."""
        return await self._order(order, lambda: self._place(order))

    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        """As `AmendPort`."""
        return await self._order(order, lambda: self._replace(replaced, order))

    async def _order(self, order: OrderRequest, act: Callable[[], ExecutionReport]) -> ExecutionReport:
        """Do it, with whatever goes wrong before and after."""
        await self._arrive(ORDER)
        faults = self.exchange.faults
        before = faults.take_ms(Fault.TIMEOUT_BEFORE_ACCEPTANCE, ORDER)
        if before is not None:
            await self._time_out(before)
        if faults.take(Fault.ERROR_5XX_BEFORE_ACCEPTANCE, ORDER):
            raise OutcomeUnknown("error_5xx")
        report = act()
        await asyncio.sleep(0)
        if self._account.answer_is_lost:
            self._account.answer_is_lost = False
            raise Unavailable("not_sent")  # a plugin that misjudges its error
        after = faults.take_ms(Fault.TIMEOUT_AFTER_ACCEPTANCE, ORDER)
        if after is not None:
            await self._time_out(after)
        if faults.take(Fault.ERROR_5XX_AFTER_ACCEPTANCE, ORDER):
            raise OutcomeUnknown("error_5xx")
        if order.client_order_id != report.client_order_id:
            raise AssertionError(order.client_order_id)
        return report

    async def _time_out(self, ms: int) -> None:
        await asyncio.sleep(ms / 1000 if ms else SILENCE_S)
        raise OutcomeUnknown("no_answer")

    def _place(self, order: OrderRequest) -> ExecutionReport:
        try:
            return report_of(self.exchange.place(self._account, request_of(order)), order.client_order_id)
        except Refused as refused:
            return _rejected(order, refused.reason.value)

    def _replace(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        old = self.exchange.find_by_client_id(self._account, replaced)
        if old is None:
            return _rejected(order, "replaced_unknown")
        try:
            self.exchange.cancel(self._account, old.order_id)
        except Refused as refused:
            return _rejected(order, f"replaced_{refused.reason.value}")
        return self._place(order)

    # what moves none

    async def instruments(self) -> Sequence[Instrument]:
        """As `ExchangePort`."""
        await self._arrive("GET /api/v3/exchangeInfo")
        return [display.instrument for display in self.exchange.displays.values()]

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        """As `ExchangePort`."""
        await self._arrive("DELETE /api/v3/order")
        order = self.exchange.find_by_client_id(self._account, client_order_id)
        if order is None:
            return ExecutionReport(
                client_order_id=client_order_id, state=OrderState.ABSENT, reported_at=datetime.now(UTC)
            )
        if order.is_open:
            try:
                order = self.exchange.cancel(self._account, order.order_id)
            except Refused as refused:
                if refused.reason is not Reason.NOT_OPEN:
                    raise Unavailable("cancel_refused") from None
        await asyncio.sleep(0)
        return report_of(order, client_order_id)

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        """As `ExchangePort`."""
        await self._arrive("GET /api/v3/order")
        order = self.exchange.find_by_client_id(self._account, client_order_id)
        found = None if order is None else report_of(order, client_order_id)
        await asyncio.sleep(0)
        return found

    async def open_orders(self) -> Sequence[ExecutionReport]:
        """As `ExchangePort`."""
        await self._arrive("GET /api/v3/openOrders")
        found = [report_of(order, name_of(order)) for order in self.exchange.open_orders(self._account)]
        await asyncio.sleep(0)
        return found

    async def balances(self) -> Sequence[Balance]:
        """As `ExchangePort`."""
        await self._arrive("GET /api/v3/account")
        found = self._account.balances()
        await asyncio.sleep(0)
        return found

    async def cancel_all_orders(self) -> None:
        """As `CancelAllPort`."""
        await self._arrive("DELETE /api/v3/openOrders")
        self.exchange.cancel_all(self._account)

    async def key_rights(self) -> KeyRights:
        """As `KeyRightsPort`."""
        await self._arrive("GET /sapi/v1/account/apiRestrictions")
        return KeyRights(can_trade=True, can_withdraw=self.exchange.faults.take(Fault.WITHDRAW_ENABLED_KEY))

    async def venue_time(self) -> datetime:
        """As `VenueClockPort`."""
        await self._arrive("GET /api/v3/time")
        self.exchange.faults.note_skew()
        return datetime.now(UTC) + timedelta(milliseconds=self.exchange.faults.skew_ms)

    async def stream_reports(self) -> AsyncGenerator[ExecutionReport, None]:
        """As `ReportStreamPort`."""
        events: asyncio.Queue[Event] = asyncio.Queue()
        stop, faults, loop = self.exchange.listen(self._account, events.put_nowait), self.exchange.faults, 0.0
        try:
            while True:
                event = await events.get()
                now = asyncio.get_running_loop().time()
                if faults.take(Fault.CONNECTION_DROPPED, USER):
                    raise Unavailable("stream_dropped")
                silent = faults.take_ms(Fault.SILENT_SOCKET, USER)
                if silent is not None:
                    loop = now + (silent / 1000 if silent else SILENCE_S)
                told = _told(event)
                if told is not None and now >= loop:
                    yield told
        finally:
            stop()

    async def _arrive(self, path: str) -> None:
        """The way to the venue, and what meets any call there."""
        await asyncio.sleep(0)
        faults = self.exchange.faults
        if faults.take(Fault.RATE_LIMIT, path):
            raise Unavailable("rate_limited")
        if faults.take(Fault.MAINTENANCE, path):
            raise Unavailable("maintenance")


def request_of(order: OrderRequest) -> Request:
    """An order as it goes over the wire: at market as immediate-or-cancel at its worst price."""
    at_market = order.order_type is OrderType.MARKET
    return Request(
        symbol=order.symbol,
        side=order.side,
        order_type=OrderType.LIMIT,
        quantity=order.quantity,
        limit_price=order.price_worst if at_market else order.limit_price,
        time_in_force=TimeInForce.IOC if at_market else order.time_in_force,
        post_only=order.post_only,
        client_order_id=order.client_order_id,
    )


def name_of(order: VenueOrder) -> ClientOrderId:
    """The client order ID, where it can be one of ours."""
    given = order.request.client_order_id
    return ClientOrderId(given if given is not None and given.startswith("rt") else f"venue:{order.order_id}")


def report_of(order: VenueOrder, client_order_id: ClientOrderId) -> ExecutionReport:
    """The order with all its fills."""
    return ExecutionReport(
        client_order_id=client_order_id,
        state=order.state,
        reported_at=datetime.now(UTC),
        venue_order_id=VenueOrderId(str(order.order_id)),
        fills=tuple(_fill(fill) for fill in order.fills),
    )


def _fill(fill: VenueFill) -> Fill:
    return Fill(
        fill_id=str(fill.trade_id),
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_asset=fill.fee_asset,  # type: ignore[arg-type] # text on the wire too
        liquidity=Liquidity.MAKER if fill.is_maker else Liquidity.TAKER,
        filled_at=datetime.fromtimestamp(fill.at_ms / 1000, UTC),
    )


def _rejected(order: OrderRequest, reason: str) -> ExecutionReport:
    return ExecutionReport(
        client_order_id=order.client_order_id,
        state=OrderState.REJECTED,
        reported_at=datetime.now(UTC),
        reason=reason,
    )


def _told(event: Event) -> ExecutionReport | None:
    """News as a stream tells it: the state after it, and the one fill."""
    order = event.order
    if order is None:
        return None
    return ExecutionReport(
        client_order_id=name_of(order),
        state=OrderState.OPEN if event.kind is EventKind.ACCEPTED else order.state,
        reported_at=datetime.now(UTC),
        venue_order_id=VenueOrderId(str(order.order_id)),
        fills=() if event.fill is None else (_fill(event.fill),),
    )
