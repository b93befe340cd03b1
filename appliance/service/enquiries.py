"""Finds out what became of orders: by asking the venue, again and again, and never by sending anything again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from itertools import chain, repeat

from readytrader_sdk.errors import PluginError, Unsupported
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState
from readytrader_sdk.ports import TransferPort, TransferRequest

from appliance.domain.events import Event, FillMissed, OrderReported, OutcomeUnresolved, ReportSource
from appliance.domain.fills import FILLS_PER_REPORT_MAX, news_of
from appliance.domain.orders import NEVER_WORKED, ImpossibleReport, Order, apply_report
from appliance.domain.snapshot import Mode
from appliance.domain.state import State
from appliance.domain.trading_state import TradingState
from appliance.service.narrowing import narrowing
from appliance.service.patience import Patience
from appliance.service.recorder import Clock, Recorder
from appliance.service.reports import Reports, scope_of
from appliance.service.venues import Venues

log = logging.getLogger(__name__)

UNCERTAIN = frozenset({OrderState.PERMITTED, OrderState.UNKNOWN})
"""States in which nobody can say whether the venue has the order."""
SAID_NOT_SENT = frozenset({"said_not_sent", "said_permit_refused", "said_unsupported"})
"""Reasons of an unknown outcome that a plugin gave with its word that nothing was sent. The venue is asked all the
same: a plugin is not believed about what it did."""
_REFRESH = "refresh-"
SHORT_ENDS = frozenset({OrderState.CANCELLED, OrderState.EXPIRED})


class Enquiries:
    """Every question that is open about an order. One of a kind for each order at a time."""

    def __init__(
        self, venues: Venues, state: State, recorder: Recorder, reports: Reports, patience: Patience, clock: Clock
    ) -> None:
        self._venues = venues
        self._state = state
        self._recorder = recorder
        self._reports = reports
        self._patience = patience
        self._clock = clock
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._told: set[ClientOrderId] = set()
        """Orders that a person was told of."""
        self._unanswerable: set[ClientOrderId] = set()
        """Orders in doubt whose venue did not find them, and cannot say that it has none such."""
        recorder.listen(self._confirm_short_end)

    def enquire(self, client_order_id: ClientOrderId) -> None:
        """Keep asking about an order until its outcome is known. It is never sent again."""
        self._ask_in_a_task(f"enquiry-{client_order_id}", lambda: self._enquire(client_order_id))

    def refresh(self, client_order_id: ClientOrderId, *, told: bool = True) -> None:
        """Ask for an order whose reports do not fit together; `told` is False where a stream should have told more."""
        self._ask_in_a_task(f"{_REFRESH}{client_order_id}", lambda: self._refresh(client_order_id, told=told))

    def hear(self, report: ExecutionReport) -> None:
        """Take a word from a venue's stream: a hint, which may come late, twice, out of order, or of foreign orders."""
        order = self._state.orders.get(report.client_order_id)
        if order is None:
            return
        if order.state in NEVER_WORKED and report.state not in NEVER_WORKED:
            self.refresh(order.client_order_id)  # no hint alone makes an order rise again
            return
        try:
            apply_report(order, report, self._state.fills.of(order.client_order_id))
        except ImpossibleReport as fault:
            log.info("asked for, because the stream does not fit: %s", fault)
            self.refresh(order.client_order_id)
        else:
            self._reports.note(report, ReportSource.VENUE)

    async def ask(self, order: Order) -> ExecutionReport | None:
        """What the venue knows of an order: its report, or ABSENT when it says that it never saw it.

        None when it could not be asked.
        """
        try:
            async with asyncio.timeout(self._patience.call.total_seconds()):
                found = await self._find(order)
        except Unsupported as fault:
            log.info("order %s: the venue cannot say whether it has it: %s", order.client_order_id, fault)
            self._unanswerable.add(order.client_order_id)
            return None
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, it is no answer
            why = f": {fault}" if isinstance(fault, PluginError) else ""
            log.info("order %s could not be asked for: %s%s", order.client_order_id, type(fault).__name__, why[:300])
            return None
        if found is not None and found.client_order_id == order.client_order_id:
            return found
        if found is not None:
            log.error("order %s was asked for, and the answer is about another", order.client_order_id)
            return None
        return ExecutionReport(
            client_order_id=order.client_order_id,
            state=OrderState.ABSENT,
            reported_at=self._clock(),
            reason="never_arrived",
        )

    async def refreshed(self) -> None:
        """Wait until no question about an order that is not in doubt is open."""
        while waiting := {task for name, task in self._asking.items() if name.startswith(_REFRESH)}:
            await asyncio.wait(waiting)

    async def aclose(self) -> None:
        """Stop asking. What is still unknown is asked for again at the next start."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask_in_a_task(self, name: str, question: Callable[[], Coroutine[None, None, None]]) -> None:
        if name in self._asking:
            return
        task = asyncio.create_task(question(), name=name)
        self._asking[name] = task

        def over(done: asyncio.Task[None]) -> None:
            del self._asking[name]
            hear_end(done)

        task.add_done_callback(over)

    async def _enquire(self, client_order_id: ClientOrderId) -> None:
        unseen, delays = 0, self._patience.enquiry_delays
        for asked, delay in enumerate(chain(delays, repeat(delays[-1]))):
            await asyncio.sleep(delay.total_seconds())
            order = self._state.orders.get(client_order_id)
            if order is None or order.state not in UNCERTAIN:
                self._unanswerable.discard(client_order_id)
                return
            report = await self.ask(order)
            if report is not None and report.state is not OrderState.ABSENT:
                await self._reports.take(report, ReportSource.RECONCILIATION)
            elif report is not None:
                unseen += 1
                if unseen >= self._patience.unseen_min and self._cannot_arrive_any_more(order):
                    await self._reports.take(report, ReportSource.RECONCILIATION)
            self._tell_a_person(order, asked + 1)

    def _cannot_arrive_any_more(self, order: Order) -> bool:
        if order.reason in SAID_NOT_SENT:
            return True
        return self._clock() - order.created_at >= self._patience.absent_after

    def _tell_a_person(self, order: Order, asked: int) -> None:
        """Once in the life of this process: when the time is up, or after a few questions where asking is of no use.

        It is asked for still: that it turns up is believed.
        """
        client_order_id, now = order.client_order_id, self._state.orders.get(order.client_order_id)
        if now is None or now.state not in UNCERTAIN or client_order_id in self._told:
            return
        is_no_use = client_order_id in self._unanswerable and asked >= self._patience.unseen_min
        if is_no_use or self._clock() - order.created_at >= self._patience.unresolved_after:
            self._told.add(client_order_id)
            self._recorder.record(OutcomeUnresolved(client_order_id=client_order_id, asked=asked))

    async def _refresh(self, client_order_id: ClientOrderId, *, told: bool) -> None:
        for delay in self._patience.refresh_delays:
            await asyncio.sleep(delay.total_seconds())
            order = self._state.orders.get(client_order_id)
            if order is None:
                return
            report = await self.ask(order)
            if report is None or report.state is OrderState.ABSENT:
                continue
            await self._take_refreshed(order, report, told=told)
            return
        order = self._state.orders.get(client_order_id)
        if order is not None and order.is_live and order.state not in UNCERTAIN:
            self._lost(order)

    async def _take_refreshed(self, order: Order, report: ExecutionReport, *, told: bool) -> None:
        missed = [fill.fill_id for fill in news_of(report, self._state.fills.of(order.client_order_id)).fills]
        if not missed and report.state is order.state:
            return
        await self._reports.take(report, ReportSource.RECONCILIATION)
        if missed and not told:
            await self._tell_missed(order.client_order_id, missed)
        risen = self._state.orders.get(order.client_order_id)
        if order.state in NEVER_WORKED and risen is not None and risen.is_live:
            await self._cancel_risen(risen)

    async def _tell_missed(self, client_order_id: ClientOrderId, missed: Sequence[str]) -> None:
        """What was found and is booked by now; a report that was refused has booked nothing."""
        known = self._state.fills.of(client_order_id)
        booked = tuple(fill_id for fill_id in missed if fill_id in known)
        for start in range(0, len(booked), FILLS_PER_REPORT_MAX):
            some = booked[start : start + FILLS_PER_REPORT_MAX]
            await self._recorder.record(FillMissed(client_order_id=client_order_id, fill_ids=some))

    async def _cancel_risen(self, order: Order) -> None:
        """Everybody was told that it never worked, so nobody wants it any more."""
        if isinstance(order.payload, TransferRequest):
            return  # what was sent to an address cannot be called back
        try:
            async with asyncio.timeout(self._patience.call.total_seconds()):
                port = self._venues.of(order.payload).reads
                self.hear(await port.cancel_order(order.client_order_id, order.payload.symbol))
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, a person was called already
            log.error("order %s turned up and could not be cancelled: %s", order.client_order_id, type(fault).__name__)

    def _lost(self, order: Order) -> None:
        """The venue had it and cannot show it any more: nothing new there until a person has looked."""
        reason = f"order {order.client_order_id} is {order.state}, and the venue cannot show it"
        log.error("%s", reason)
        narrowed = narrowing(self._state, scope_of(order), TradingState.CANCEL_ONLY, reason, self._clock())
        if narrowed:
            self._recorder.record(*narrowed)

    def _confirm_short_end(self, event: Event) -> None:
        """An order that a real venue ended short is looked at once more, for fills that raced its end."""
        if not isinstance(event, OrderReported) or event.source is not ReportSource.VENUE:
            return
        order = self._state.orders.get(event.report.client_order_id)
        if order is None or order.mode is Mode.PAPER or order.state not in SHORT_ENDS:
            return
        self._ask_in_a_task(f"confirm-{order.client_order_id}", lambda: self._confirm(order.client_order_id))

    async def _confirm(self, client_order_id: ClientOrderId) -> None:
        for delay in (self._patience.confirm_delay, *self._patience.enquiry_delays):
            await asyncio.sleep(delay.total_seconds())
            order = self._state.orders.get(client_order_id)
            report = None if order is None else await self.ask(order)
            if report is not None and report.state is not OrderState.ABSENT:
                await self._reports.take(report, ReportSource.RECONCILIATION)
                return

    async def _find(self, order: Order) -> ExecutionReport | None:
        port = self._venues.of(order.payload).reads
        if not isinstance(order.payload, TransferRequest):
            return await port.find_order(order.client_order_id, order.payload.symbol)
        if not isinstance(port, TransferPort):
            raise Unsupported("this venue makes no transfers")
        return await port.find_transfer(order.client_order_id)


def hear_end(task: asyncio.Task[None]) -> None:
    """Say how a task ended that nobody may be waiting for."""
    fault = None if task.cancelled() else task.exception()
    if fault is not None:
        log.error("%s: %s: %s", task.get_name(), type(fault).__name__, fault)
