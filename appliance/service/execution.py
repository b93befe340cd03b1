"""Carries out what was permitted, exactly once. What is not known afterwards is asked for, and never sent again."""

from __future__ import annotations

import asyncio
import logging

from readytrader_sdk.errors import OutcomeUnknown, Unavailable, Unsupported
from readytrader_sdk.orders import ClientOrderId, OrderState

from appliance.domain.decision import Permitted
from appliance.domain.events import ReportSource
from appliance.domain.state import State
from appliance.plugin_host.gate import NotSent, PermitRefused, PermitSigner, Venue
from appliance.service.enquiries import Enquiries, hear_end
from appliance.service.patience import Patience
from appliance.service.reports import Reports
from appliance.service.venues import Venues
from appliance.store.journal import JournalUnavailable, Receipt
from appliance.telemetry.catalog import Stage
from appliance.telemetry.stages import SILENT, Stages

log = logging.getLogger(__name__)


class Execution:
    """Everything between a durable permit and the venue's first word."""

    def __init__(
        self,
        venues: Venues,
        signer: PermitSigner,
        state: State,
        reports: Reports,
        enquiries: Enquiries,
        patience: Patience,
        stages: Stages = SILENT,
    ) -> None:
        self._venues = venues
        self._signer = signer
        self._state = state
        self._reports = reports
        self._enquiries = enquiries
        self._patience = patience
        self._stages = stages
        self._carrying: dict[ClientOrderId, asyncio.Task[None]] = {}

    def carry_out(self, permitted: Permitted, durable: asyncio.Future[Receipt]) -> None:
        """Send what was permitted as soon as `durable`, the record of its permit, is done; in a task of its own, so
        that no caller who goes away can take the order with it."""
        client_order_id = permitted.payload.client_order_id
        task = asyncio.create_task(self._carry_out(permitted, durable), name=f"order-{client_order_id}")
        self._carrying[client_order_id] = task

        def over(done: asyncio.Task[None]) -> None:
            del self._carrying[client_order_id]
            hear_end(done)

        task.add_done_callback(over)

    async def carried_out(self, client_order_id: ClientOrderId) -> None:
        """Wait until the order has been sent and has an answer; at once when none is on its way.

        Raises `JournalUnavailable` when it was not sent because its permit could not be written.
        """
        task = self._carrying.get(client_order_id)
        if task is not None:
            await asyncio.shield(task)

    def is_on_its_way(self, client_order_id: ClientOrderId) -> bool:
        """Whether it is being sent, and its answer waited for."""
        return client_order_id in self._carrying

    async def settle(self) -> None:
        """Wait for everything that is on its way."""
        await asyncio.gather(*self._carrying.values(), return_exceptions=True)

    async def _carry_out(self, permitted: Permitted, durable: asyncio.Future[Receipt]) -> None:
        with self._stages.timed(Stage.RECORD):
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
        try:
            venue = self._venues.of(permitted.payload)
        except Unsupported as fault:
            await self._was_not_sent(client_order_id, fault)
            return
        try:
            await self._call(venue, permitted)
        except NotSent as fault:
            await self._was_not_sent(client_order_id, fault)
        except (PermitRefused, Unavailable, Unsupported) as fault:
            if venue.is_ours:
                await self._was_not_sent(client_order_id, fault)
            else:
                await self._lose_sight(client_order_id, f"said_{_reason(fault)}", fault)
        except JournalUnavailable:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, it may have sent the order first
            await self._lose_sight(client_order_id, "outcome_unknown", fault)

    async def _call(self, venue: Venue, permitted: Permitted) -> None:
        client_order_id = permitted.payload.client_order_id
        signed = self._signer.sign(permitted.permit)
        with self._stages.timed(Stage.SEND, venue=permitted.permit.venue):
            async with asyncio.timeout(self._patience.call.total_seconds()):
                report = await venue.perform(signed, permitted.payload)
        if report.client_order_id != client_order_id:
            raise OutcomeUnknown(f"the answer is about another order, {report.client_order_id[:64]!r}")
        await self._reports.take(report, ReportSource.VENUE)
        if self._state.orders[client_order_id].state is OrderState.PERMITTED:
            raise OutcomeUnknown("the answer was not believed")

    async def _was_not_sent(self, client_order_id: ClientOrderId, fault: Exception) -> None:
        log.warning("order %s was not sent: %s", client_order_id, fault)
        await self._reports.own_word(client_order_id, OrderState.ABSENT, _reason(fault))

    async def _lose_sight(self, client_order_id: ClientOrderId, reason: str, fault: Exception) -> None:
        log.warning("order %s: outcome unknown: %s", client_order_id, type(fault).__name__)
        await self._reports.own_word(client_order_id, OrderState.UNKNOWN, reason)
        self._enquiries.enquire(client_order_id)


def _reason(fault: Exception) -> str:
    return {PermitRefused: "permit_refused", Unsupported: "unsupported"}.get(type(fault), "not_sent")
