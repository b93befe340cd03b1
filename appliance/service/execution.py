"""Carries out what was permitted, exactly once, and finds out what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from itertools import chain, repeat

from readytrader_sdk.errors import OutcomeUnknown, Unavailable, Unsupported
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, Fill, OrderState, Side
from readytrader_sdk.ports import TransferPort, TransferRequest

from appliance.domain.decision import Payload, Permitted
from appliance.domain.events import FundsMoved, OrderReported, ReportRefused, ReportSource, TradingStateSet
from appliance.domain.orders import ImpossibleReport, Order
from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, TradingState
from appliance.plugin_host.gate import PermitRefused, PermitSigner, Venue
from appliance.service.narrowing import narrowing
from appliance.service.portfolio import Portfolio
from appliance.service.recorder import Clock, Recorder
from appliance.store.journal import JournalUnavailable, Receipt

log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 10.0
"""After this long without an answer the outcome is unknown."""
ENQUIRY_DELAYS = tuple(timedelta(seconds=s) for s in (0.2, 1, 3, 10, 30, 60))
"""When to ask again about an order whose outcome is unknown; the last one repeats."""
UNSEEN_MIN = 3
"""How often in a row a venue must say that it never saw an order until that is proof: its word may lag behind."""
UNCERTAIN = frozenset({OrderState.PERMITTED, OrderState.UNKNOWN})
"""States in which nobody can say whether the venue has the order."""


class Execution:
    """Everything between a durable permit and a known end of the order."""

    def __init__(
        self, venue: Venue, signer: PermitSigner, state: State, recorder: Recorder, portfolio: Portfolio, clock: Clock
    ) -> None:
        self._venue = venue
        self._signer = signer
        self._state = state
        self._recorder = recorder
        self._portfolio = portfolio
        self._clock = clock
        self._enquiries: dict[ClientOrderId, asyncio.Task[None]] = {}
        self._carrying: dict[ClientOrderId, asyncio.Task[None]] = {}
        self.on_rejected: Callable[[Order], None] = lambda _order: None

    def carry_out(self, permitted: Permitted, durable: asyncio.Future[Receipt]) -> None:
        """Send what was permitted as soon as `durable`, the record of its permit, is done; in a task of its own, so
        that no caller who goes away can take the order with it."""
        client_order_id = permitted.payload.client_order_id
        task = asyncio.create_task(self._carry_out(permitted, durable), name=f"order-{client_order_id}")
        self._carrying[client_order_id] = task

        def over(done: asyncio.Task[None]) -> None:
            del self._carrying[client_order_id]
            _hear(done)

        task.add_done_callback(over)

    async def carried_out(self, client_order_id: ClientOrderId) -> None:
        """Wait until the order has been sent and has an answer; at once when none is on its way.

        Raises `JournalUnavailable` when it was not sent because its permit could not be written.
        """
        task = self._carrying.get(client_order_id)
        if task is not None:
            await asyncio.shield(task)

    async def settle(self) -> None:
        """Wait for everything that is on its way."""
        await asyncio.gather(*self._carrying.values(), return_exceptions=True)

    async def _carry_out(self, permitted: Permitted, durable: asyncio.Future[Receipt]) -> None:
        await durable
        try:
            await self._send(permitted)
        except JournalUnavailable as fault:
            log.critical("order %s was sent, its fate cannot be recorded: %s", permitted.payload.client_order_id, fault)

    async def _send(self, permitted: Permitted) -> None:
        """Make the permitted call and record what came of it.

        Never raises for what a venue does: a call that failed in doubt leaves the order UNKNOWN and an enquiry running.
        """
        client_order_id = permitted.payload.client_order_id
        signed = self._signer.sign(permitted.permit)
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                report = await self._venue.perform(signed, permitted.payload)
            if report.client_order_id != client_order_id:
                raise OutcomeUnknown(f"the answer is about another order, {report.client_order_id[:64]!r}")
        except (PermitRefused, Unavailable, Unsupported) as fault:
            log.warning("order %s was not sent: %s", client_order_id, fault)
            await self._own_word(client_order_id, OrderState.ABSENT, _reason(fault))
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, it may have sent the order first
            log.warning("order %s: outcome unknown: %s", client_order_id, type(fault).__name__)
            await self._lose_sight(client_order_id)
        else:
            await self.take(report, ReportSource.VENUE)
            if self._state.orders[client_order_id].state is OrderState.PERMITTED:  # the answer was not believed
                await self._lose_sight(client_order_id)

    async def take(self, report: ExecutionReport, source: ReportSource) -> None:
        """Record a report and wait until it is durable."""
        await self.note(report, source)

    def note(self, report: ExecutionReport, source: ReportSource) -> asyncio.Future[Receipt]:
        """Record a report; one that cannot be true changes nothing, is written down, and narrows trading.

        A fill beyond the permit's worst price is true all the same: it is booked, and only cancels are left.
        """
        order = self._state.orders.get(report.client_order_id)
        if order is None:
            return self._impossible(report, "no such order was ever permitted")
        events: list[OrderReported | FundsMoved] = [OrderReported(report=report, source=source)]
        if isinstance(order.payload, TransferRequest) and report.state is OrderState.FILLED and order.is_live:
            events.append(self._transferred(order, order.payload))
        try:
            durable = self._recorder.record(*events, *self._narrowed_by(order, report))
        except ImpossibleReport as fault:
            return self._impossible(report, str(fault))
        if report.state is OrderState.REJECTED and order.is_live:
            self.on_rejected(self._state.orders[report.client_order_id])
        return durable

    def enquire(self, client_order_id: ClientOrderId) -> None:
        """Keep asking the venue about an order until its outcome is known. It is never sent again."""
        if client_order_id not in self._enquiries:
            task = asyncio.create_task(self._enquire(client_order_id), name=f"enquiry-{client_order_id}")
            self._enquiries[client_order_id] = task

            def over(done: asyncio.Task[None]) -> None:
                del self._enquiries[client_order_id]
                _hear(done)

            task.add_done_callback(over)

    async def ask(self, order: Order) -> ExecutionReport | None:
        """What the venue knows of an order: its report, or ABSENT when it says that it never saw it.

        None when it could not be asked.
        """
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                found = await self._find(order)
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, it is no answer
            log.info("order %s could not be asked for: %s", order.client_order_id, type(fault).__name__)
            return None
        if found is not None:
            return found
        return ExecutionReport(
            client_order_id=order.client_order_id,
            state=OrderState.ABSENT,
            reported_at=self._clock(),
            reason="never_arrived",
        )

    async def aclose(self) -> None:
        """Stop asking. What is still unknown is asked for again at the next start."""
        enquiries = list(self._enquiries.values())
        for task in enquiries:
            task.cancel()
        await asyncio.gather(*enquiries, return_exceptions=True)

    async def _enquire(self, client_order_id: ClientOrderId) -> None:
        unseen = 0
        for delay in chain(ENQUIRY_DELAYS, repeat(ENQUIRY_DELAYS[-1])):
            await asyncio.sleep(delay.total_seconds())
            order = self._state.orders.get(client_order_id)
            if order is None or order.state not in UNCERTAIN:
                return
            report = await self.ask(order)
            if report is None:
                continue
            unseen = unseen + 1 if report.state is OrderState.ABSENT else 0
            if report.state is not OrderState.ABSENT or unseen >= UNSEEN_MIN:
                await self.take(report, ReportSource.RECONCILIATION)

    async def _find(self, order: Order) -> ExecutionReport | None:
        port = self._venue.reads
        if not isinstance(order.payload, TransferRequest):
            return await port.find_order(order.client_order_id, order.payload.symbol)
        if not isinstance(port, TransferPort):
            raise Unsupported("this venue makes no transfers")
        return await port.find_transfer(order.client_order_id)

    async def _lose_sight(self, client_order_id: ClientOrderId) -> None:
        await self._own_word(client_order_id, OrderState.UNKNOWN, "outcome_unknown")
        self.enquire(client_order_id)

    async def _own_word(self, client_order_id: ClientOrderId, state: OrderState, reason: str) -> None:
        report = ExecutionReport(client_order_id=client_order_id, state=state, reported_at=self._clock(), reason=reason)
        await self.take(report, ReportSource.CORE)

    def _transferred(self, order: Order, payload: TransferRequest) -> FundsMoved:
        moved = self._portfolio.move(
            payload.asset, -payload.amount, str(order.agent_id), f"transfer {order.client_order_id}", self._clock()
        )
        if moved is not None:
            return moved
        # The price went away between permit and report: the units leave at the value the permit was given for.
        nav = self._state.portfolio(self._portfolio.account).nav_peak
        return FundsMoved(
            account=self._portfolio.account,
            asset=payload.asset,
            amount=-payload.amount,
            value=-order.terms.notional,
            nav=nav if nav else order.terms.price_worst,
            by=str(order.agent_id),
            reason=f"transfer {order.client_order_id}",
        )

    def _narrowed_by(self, order: Order, report: ExecutionReport) -> tuple[TradingStateSet, ...]:
        beyond = next((fill for fill in report.fills if _is_beyond(order.payload, fill)), None)
        if beyond is None:
            return ()
        reason = f"order {order.client_order_id} filled at {beyond.price}, beyond its worst {order.terms.price_worst}"
        log.error("the venue did not keep the price: %s", reason)
        return narrowing(self._state, GLOBAL, TradingState.CANCEL_ONLY, reason, self._clock())

    def _impossible(self, report: ExecutionReport, reason: str) -> asyncio.Future[Receipt]:
        log.error("impossible report: %s", reason)
        narrowed = narrowing(
            self._state, GLOBAL, TradingState.CANCEL_ONLY, f"impossible report: {reason}", self._clock()
        )
        return self._recorder.record(ReportRefused(report=report, reason=reason), *narrowed)


def _is_beyond(payload: Payload, fill: Fill) -> bool:
    """Whether a venue gave a worse price than the permit allows."""
    if isinstance(payload, TransferRequest):
        return False
    return fill.price > payload.price_worst if payload.side is Side.BUY else fill.price < payload.price_worst


def _hear(task: asyncio.Task[None]) -> None:
    """Say how a task ended that nobody may be waiting for."""
    fault = None if task.cancelled() else task.exception()
    if fault is not None:
        log.error("%s: %s: %s", task.get_name(), type(fault).__name__, fault)


def _reason(fault: Exception) -> str:
    return {PermitRefused: "permit_refused", Unsupported: "unsupported"}.get(type(fault), "not_sent")
