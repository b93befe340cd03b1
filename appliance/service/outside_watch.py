"""The watchdog process: empties every venue when the core is dead or hangs, with a key of its own that can only cancel.

It shares nothing with the core but the home's files: no journal, no socket, no worker. A core that stopped in good
order left its resting orders on purpose; one that fell silent for too long did not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Mapping
from datetime import timedelta
from itertools import chain, count, repeat

from readytrader_sdk.instruments import Symbol, VenueId
from readytrader_sdk.orders import ClientOrderId, OrderState
from readytrader_sdk.ports import CancelAllPort, Severity

from appliance.plugin_host.gate import Venue
from appliance.service.enquiries import hear_end
from appliance.service.notice_words import Words
from appliance.service.notices import Notices
from appliance.service.patience import Patience
from appliance.service.sign_of_life import Life, Listening, SignFile

log = logging.getLogger(__name__)


class OutsideWatch:
    """Listens for the core, and gives a sign of its own with what it lacks to do its work."""

    def __init__(
        self,
        core: Listening,
        own: SignFile,
        venues: Mapping[VenueId, Venue],
        symbols: Collection[Symbol],
        after: timedelta,
        notices: Notices,
        patience: Patience,
    ) -> None:
        """`after` is how long the core may be silent. `symbols` are the instruments that orders may be of.

        Every call to a venue ends by itself, as the calls of a worker do.
        """
        self._core = core
        self._own = own
        self._venues = venues
        self._symbols = symbols
        self._after_s = after.total_seconds()
        self._notices = notices
        self._patience = patience
        self._problems: dict[VenueId, str | None] = dict.fromkeys(venues, "it was not asked yet")
        self._emptying: list[asyncio.Task[None]] = []
        self._checking: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Watch until cancelled; the last sign says that nobody watches any more."""
        self._checking = [_begin(self._check(one), f"check-{one}") for one in self._venues]
        try:
            while True:
                await self.turn()
                await asyncio.sleep(self._patience.outside_look_every.total_seconds())
        finally:
            await _end(self._checking)
            await _end(self._emptying)
            self._own.write(Life.STOPPED)

    async def turn(self) -> None:
        """One look at the core's sign, and one sign of our own."""
        sign = self._core.look()
        rests = sign is not None and sign.life is Life.STOPPED
        is_silent = not rests and self._core.silent_s > self._after_s
        if is_silent and not self._emptying:
            self._alarm(f"no sign of life for {self._core.silent_s:.0f} s")
            self._emptying = [_begin(self._empty(one), f"empty-{one}") for one in self._venues]
        elif not is_silent and self._emptying:
            await _end(self._emptying)
            self._emptying = []
            self._tell(Severity.WARNING, "the core is back", "The watchdog cancels nothing any more.")
        problems = (f"{venue}: {problem}" for venue, problem in self._problems.items() if problem is not None)
        try:
            self._own.write(Life.RUNNING, tuple(problems))
        except OSError as fault:
            log.error("the sign of life cannot be written: %s", fault.strerror)

    # emptying

    async def _empty(self, venue_id: VenueId) -> None:
        """Cancel everything, until the venue says that nothing is open; then look again for what came late."""
        delays = [delay.total_seconds() for delay in self._patience.sweep_delays]
        again = self._patience.outside_check_every.total_seconds()
        was_empty = False
        for attempt, delay in zip(count(1), chain(delays, repeat(delays[-1])), strict=False):
            if await self._is_emptied(venue_id):
                if not was_empty:
                    text = f"It said so after {attempt} attempts. The core is silent still."
                    self._tell(Severity.CRITICAL, f"the watchdog has emptied {venue_id}", text)
                was_empty = True
                await asyncio.sleep(again)
            else:
                was_empty = False
                await asyncio.sleep(delay)

    async def _is_emptied(self, venue_id: VenueId) -> bool:
        """One attempt, and whether nothing is open any more."""
        port = self._venues[venue_id].reads
        try:
            if isinstance(port, CancelAllPort):
                await port.cancel_all_orders()
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, the orders are cancelled one by one
            log.warning("%s: not everything could be cancelled at once: %s", venue_id, type(fault).__name__)
        try:
            left = await self._open(venue_id)
            await asyncio.gather(*(self._cancel(venue_id, order) for order in left))
            left = await self._open(venue_id) if left else left
        except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, nobody knows what is open
            log.error("%s could not be emptied yet: %s", venue_id, type(fault).__name__)
            return False
        if left:
            log.error("%s has %d orders open still", venue_id, len(left))
        return not left

    async def _open(self, venue_id: VenueId) -> list[ClientOrderId]:
        return [report.client_order_id for report in await self._venues[venue_id].reads.open_orders()]

    async def _cancel(self, venue_id: VenueId, order: ClientOrderId) -> None:
        """The list names no instrument, and the journal is the core's: each is tried, until one has it."""
        for symbol in self._symbols:
            try:
                report = await self._venues[venue_id].reads.cancel_order(order, symbol)
            except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, it is tried again
                log.warning("%s: order %s was not cancelled: %s", venue_id, order[:64], type(fault).__name__)
                continue
            if report.state is not OrderState.ABSENT:
                return

    # whether it could

    async def _check(self, venue_id: VenueId) -> None:
        """Ask from time to time what is open: a key that does not work is found before it is needed."""
        while True:
            try:
                await self._open(venue_id)
                problem = None
            except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, it is not fit for its work
                problem = f"it cannot be asked: {type(fault).__name__}"
            if problem != self._problems[venue_id] and problem is not None:
                self._tell(Severity.CRITICAL, f"the watchdog could not empty {venue_id}", problem)
            self._problems[venue_id] = problem
            wait = self._patience.outside_check_every if problem is None else self._patience.sweep_delays[-1]
            await asyncio.sleep(wait.total_seconds())

    # telling

    def _alarm(self, why: str) -> None:
        log.critical("the core is dead or hangs: %s; everything is being cancelled", why)
        names = ", ".join(self._venues)
        self._tell(Severity.CRITICAL, "the core is dead or hangs", f"{why}. Everything is being cancelled at {names}.")

    def _tell(self, severity: Severity, subject: str, text: str) -> None:
        log.warning("%s: %s", subject, text)
        self._notices.tell("watchdog.changed", Words(severity=severity, subject=subject, text=text))


def _begin(work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(hear_end)
    return task


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
