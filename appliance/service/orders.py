"""Orders after they were placed: cancel, list, wait. A cancel passes in every trading state."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress

from readytrader_sdk.errors import Unsupported
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState
from readytrader_sdk.ports import TransferRequest

from appliance.domain.codes import Code
from appliance.domain.events import CancelRequested, Event, OrderReported, ReportSource
from appliance.domain.intents import AgentId
from appliance.domain.orders import ImpossibleReport, Order, apply_report
from appliance.domain.state import State
from appliance.service.enquiries import UNCERTAIN, Enquiries
from appliance.service.execution import Execution
from appliance.service.history import History
from appliance.service.outcomes import Placed, Refused, refuse
from appliance.service.patience import Patience
from appliance.service.recorder import Recorder
from appliance.service.reports import Reports
from appliance.service.venues import Venues
from appliance.store.journal import JournalUnavailable

log = logging.getLogger(__name__)

LISTED_MAX = 200
"""Orders that one listing returns at most."""
WAIT_MAX_S = 60.0
_NOBODY_KNOWS = (
    "order {} may be cancelled or not: its venue does not find it, and cannot say what became of it; asking again may "
    "never help, so an operator must look at the venue"
)


class Orders:
    """What agents and operators do with orders that exist. An agent sees and touches its own only."""

    def __init__(
        self,
        venues: Venues,
        state: State,
        recorder: Recorder,
        execution: Execution,
        reports: Reports,
        enquiries: Enquiries,
        history: History,
        patience: Patience,
    ) -> None:
        self._venues = venues
        self._state = state
        self._recorder = recorder
        self._execution = execution
        self._reports = reports
        self._enquiries = enquiries
        self._history = history
        self._patience = patience
        self._waiting: dict[ClientOrderId, list[asyncio.Future[None]]] = defaultdict(list)
        recorder.listen(self._wake)

    def find(self, client_order_id: ClientOrderId, agent_id: AgentId | None) -> Order | None:
        """An order by its ID; with an agent given, only if it is that agent's."""
        order = self._history.order(client_order_id)
        return order if order is not None and agent_id in (None, order.agent_id) else None

    def live(self, agent_id: AgentId | None, symbol: Symbol | None = None) -> tuple[Order, ...]:
        """Everything that may still happen, oldest first."""
        return tuple(order for order in self._state.live_orders.values() if _matches(order, agent_id, symbol))

    def recent(self, agent_id: AgentId | None, symbol: Symbol | None, limit: int) -> tuple[Order, ...]:
        """The newest orders first, ended ones included."""
        matching = (order for order in self._history.orders(10 * LISTED_MAX) if _matches(order, agent_id, symbol))
        return tuple(order for order, _ in zip(matching, range(min(limit, LISTED_MAX)), strict=False))

    async def cancel(self, client_order_id: ClientOrderId, agent_id: AgentId | None, by: str) -> Placed | Refused:
        """Ask the venue to cancel, and return the order as it is after that: a fill may have come first.

        An order on its way to the venue is waited for: a cancel must never get there before it.
        """
        with suppress(JournalUnavailable):
            await self._execution.carried_out(client_order_id)
        order = self.find(client_order_id, agent_id)
        if order is None:
            return refuse(Code.NOT_FOUND, f"no order {client_order_id[:64]!r}")
        if not order.is_live or isinstance(order.payload, TransferRequest):
            return refuse(Code.NOT_CANCELLABLE, f"order {client_order_id} is {order.state}", observed=order.state)
        # A cancel only ever lowers the risk: it goes out even when the journal cannot be written.
        with suppress(JournalUnavailable):
            self._recorder.record(CancelRequested(client_order_id=client_order_id, by=by))
        try:
            venue = self._venues.of(order.payload)
            async with asyncio.timeout(self._patience.call.total_seconds()):
                report = await venue.reads.cancel_order(client_order_id, order.payload.symbol)
        except Unsupported:
            log.warning("order %s: its venue cannot say what became of it after a cancel", client_order_id)
            return refuse(Code.NOT_CANCELLABLE, _NOBODY_KNOWS.format(client_order_id), observed=order.state)
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, the order may still be open
            log.warning("order %s could not be cancelled: %s", client_order_id, type(fault).__name__)
            return refuse(Code.NOT_CANCELLABLE, f"order {client_order_id} could not be cancelled yet; try again")
        return Placed(order=await self._after_cancel(order, report, believed=venue.is_ours))

    async def _after_cancel(self, order: Order, report: ExecutionReport, *, believed: bool) -> Order:
        """The order as the venue says it is now, recorded where that can be done."""
        if report.state is OrderState.ABSENT and order.state in UNCERTAIN:
            return order  # the order may still arrive: only an enquiry can settle that it never did
        try:
            if believed:
                await self._reports.take(report, ReportSource.VENUE)
            elif report.client_order_id == order.client_order_id:
                self._enquiries.hear(report)
                await self._recorder.written()
        except JournalUnavailable as fault:
            log.critical("order %s: a cancel that went out could not be recorded: %s", order.client_order_id, fault)
            with suppress(ImpossibleReport):
                return apply_report(order, report, self._state.fills.of(order.client_order_id))[0]
        return self._state.orders.get(order.client_order_id, order)

    async def cancel_all(
        self, agent_id: AgentId | None, by: str, symbol: Symbol | None = None
    ) -> tuple[Placed | Refused, ...]:
        """Cancel everything that is open and can be cancelled."""
        orders = [it for it in self.live(agent_id, symbol) if not isinstance(it.payload, TransferRequest)]
        return tuple(await asyncio.gather(*(self.cancel(it.client_order_id, agent_id, by) for it in orders)))

    async def wait(self, client_order_id: ClientOrderId, agent_id: AgentId | None, timeout_s: float) -> Order | None:
        """The order once its end is on disk, or as it is when the time is up. Blocks nobody else."""
        order = self.find(client_order_id, agent_id)
        if order is None:
            return None
        if not order.is_live:
            await self._recorder.written()
            return order
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[client_order_id].append(ended)
        try:
            async with asyncio.timeout(min(timeout_s, WAIT_MAX_S)):
                await ended
                await self._recorder.written()
        except TimeoutError:
            pass
        finally:
            waiting = self._waiting[client_order_id]
            waiting.remove(ended)
            if not waiting:
                del self._waiting[client_order_id]
        return self.find(client_order_id, agent_id)

    def _wake(self, event: Event) -> None:
        if not isinstance(event, OrderReported) or event.report.client_order_id not in self._waiting:
            return
        order = self._state.orders[event.report.client_order_id]
        for ended in self._waiting[order.client_order_id] if not order.is_live else ():
            if not ended.done():
                ended.set_result(None)


def _matches(order: Order, agent_id: AgentId | None, symbol: Symbol | None) -> bool:
    if agent_id is not None and order.agent_id != agent_id:
        return False
    return symbol is None or (not isinstance(order.payload, TransferRequest) and order.payload.symbol == symbol)
