"""Keeps a venue's dead-man's switch armed (R26): a core that dies, hangs or cannot write lets the venue cancel."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from readytrader_sdk.errors import PluginError
from readytrader_sdk.ports import CancelAllAfterPort

from appliance.service.enquiries import hear_end
from appliance.service.recorder import Recorder
from appliance.service.venue_health import Switch
from appliance.service.venues import VenueLine

log = logging.getLogger(__name__)

TURNS_IN_TIME = 4
"""How often it is armed again before the time would be up: three calls may fail."""


class DeadMan:
    """One venue's switch. Where the venue has none, there is nothing to do here, and `status` says so."""

    def __init__(self, line: VenueLine, after: timedelta | None, recorder: Recorder) -> None:
        self._line = line
        self._after = after
        self._recorder = recorder
        self._task: asyncio.Task[None] | None = None
        self._is_armed = False
        """Whether it may be armed at the venue."""
        self._failed = False
        """Whether the last request was not taken."""

    def start(self) -> None:
        """Begin, on the core's event loop."""
        if self._after is not None:
            self._task = asyncio.create_task(self._keep_armed(self._after), name=f"dead-man-{self._line.venue_id}")
            self._task.add_done_callback(hear_end)

    @property
    def switch(self) -> Switch:
        """How it is now."""
        if self._after is None:
            return Switch.OFF
        if not isinstance(self._line.venue.reads, CancelAllAfterPort):
            return Switch.NONE
        if self._failed or self._recorder.failure is not None:
            return Switch.FAILING
        return Switch.ARMED if self._is_armed else Switch.WAITING

    async def aclose(self) -> None:
        """A core that stops in good order leaves its resting orders: disarm, as far as the venue can be asked."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        port = self._line.venue.reads
        # A core whose journal has failed does not stop in good order: the venue shall cancel.
        if self._is_armed and self._recorder.failure is None and isinstance(port, CancelAllAfterPort):
            with suppress(PluginError, TimeoutError):
                async with asyncio.timeout(2):
                    await port.cancel_all_after(0)

    async def _keep_armed(self, after: timedelta) -> None:
        seconds = after / timedelta(seconds=1)
        while self._recorder.failure is None:
            port = self._line.venue.reads
            if isinstance(port, CancelAllAfterPort):
                try:
                    async with asyncio.timeout(seconds / TURNS_IN_TIME):
                        await port.cancel_all_after(int(seconds))
                    self._is_armed, self._failed = True, False
                except Exception as fault:  # noqa: BLE001 - whatever a plugin raises, it is tried again
                    self._failed = True
                    log.warning("venue %s: its dead-man's switch was not armed: %r", self._line.venue_id, fault)
            await asyncio.sleep(seconds / TURNS_IN_TIME)
