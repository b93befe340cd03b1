"""Empties the venues: asks for the cancellation of everything, until each venue says that nothing is open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, count, repeat

from readytrader_sdk.instruments import VenueId
from readytrader_sdk.ports import CancelAllPort, TransferRequest

from appliance.domain.events import AllCancelled, AllCancelRequested
from appliance.domain.orders import Order, account_of
from appliance.domain.state import State
from appliance.plugin_host.gate import Venue
from appliance.service.enquiries import UNCERTAIN, Enquiries, hear_end
from appliance.service.orders import Orders
from appliance.service.patience import Patience
from appliance.service.recorder import Recorder
from appliance.service.venues import Venues
from appliance.store.journal import JournalUnavailable

log = logging.getLogger(__name__)


class Stopping:
    """One sweep of each venue at a time; a second request joins the first."""

    def __init__(
        self,
        venues: Venues,
        state: State,
        orders: Orders,
        enquiries: Enquiries,
        recorder: Recorder,
        patience: Patience,
        goes_on: Callable[[], bool],
    ) -> None:
        """`goes_on` says whether there is still a reason to cancel: a sweep must not outlive the halt it is for."""
        self._venues = venues
        self._state = state
        self._orders = orders
        self._enquiries = enquiries
        self._recorder = recorder
        self._patience = patience
        self._goes_on = goes_on
        self._sweeps: dict[str, asyncio.Task[None]] = {}

    def start(self, by: str) -> None:
        """Begin to empty every venue."""
        for account, venue in self._venues:
            if account not in self._sweeps:
                task = asyncio.create_task(self._sweep(account, venue, by), name=f"sweep-{account}")
                self._sweeps[account] = task
                task.add_done_callback(partial(self._over, account))

    @property
    def under_way(self) -> tuple[str, ...]:
        """The accounts that may still have something open."""
        return tuple(self._sweeps)

    async def emptied(self) -> None:
        """Wait until every venue that is being emptied has said so."""
        while self._sweeps:
            await asyncio.wait(set(self._sweeps.values()))

    async def aclose(self) -> None:
        """Stop asking."""
        tasks = list(self._sweeps.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _over(self, account: str, done: asyncio.Task[None]) -> None:
        del self._sweeps[account]
        hear_end(done)

    async def _sweep(self, account: str, venue: Venue, by: str) -> None:
        self._record(AllCancelRequested(venue=VenueId(account), by=by[:200]))
        delays = [delay.total_seconds() for delay in self._patience.sweep_delays]
        for attempt, delay in zip(count(1), chain(delays, repeat(delays[-1])), strict=False):
            if not self._goes_on():
                return
            at_once = await self._cancel_all(venue)
            if attempt > 1 or not at_once:
                await asyncio.gather(*(self._cancel(order, by) for order in self._own(account)))
            if await self._is_empty(account, venue):
                self._record(AllCancelled(venue=VenueId(account), attempts=attempt))
                return
            await asyncio.sleep(delay)

    async def _is_empty(self, account: str, venue: Venue) -> bool:
        """Whether nothing is open any more, by the venue's own list and by ours."""
        try:
            listed = await venue.reads.open_orders()
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, nobody knows what is open
            log.warning("%s could not say what is open: %s", account, type(fault).__name__)
            return False
        if listed:
            log.warning("%s has %d orders open still", account, len(listed))
        for order in self._own(account):
            if order.state not in UNCERTAIN and order.client_order_id not in {one.client_order_id for one in listed}:
                self._enquiries.refresh(order.client_order_id)
        return not listed and not self._own(account)

    def _own(self, account: str) -> Sequence[Order]:
        return [
            order
            for order in self._state.live_orders.values()
            if account_of(order) == account and not isinstance(order.payload, TransferRequest)
        ]

    async def _cancel_all(self, venue: Venue) -> bool:
        """Whether the venue took one request for everything."""
        port = venue.reads
        if not isinstance(port, CancelAllPort):
            return False
        try:
            await port.cancel_all_orders()
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, it is tried again
            log.warning("not everything could be cancelled: %s", type(fault).__name__)
            return False
        return True

    async def _cancel(self, order: Order, by: str) -> None:
        await self._orders.cancel(order.client_order_id, None, by)

    def _record(self, event: AllCancelRequested | AllCancelled) -> None:
        with suppress(JournalUnavailable):  # cancelling goes on without a journal
            self._recorder.record(event)
