"""Tells of each day, soon after its end: once, whatever restarts come between."""

from __future__ import annotations

import asyncio
import logging
from datetime import date, datetime, time, timedelta

from appliance.domain.state import State
from appliance.domain.told import DayTold
from appliance.service.archive import Archive
from appliance.service.daily import day_in_short
from appliance.service.recorder import Recorder
from appliance.service.tax import CurrencyChanged

log = logging.getLogger(__name__)

NOT_BEFORE = time(0, 5)
"""UTC. Five minutes for what was still on its way at midnight."""


class DailyNotice:
    """Records that a day is told; the notice of it is made with that entry, so neither is there without the other."""

    def __init__(self, state: State, recorder: Recorder, archive: Archive, *, wanted: bool) -> None:
        self._state = state
        self._recorder = recorder
        self._archive = archive
        self._wanted = wanted
        self._running: asyncio.Task[None] | None = None
        self._tried: date | None = None

    def look(self, now: datetime) -> None:
        """Begin with yesterday's summary where it is time. Returns at once; the reading is done in a thread."""
        if not self._wanted or now.time() < NOT_BEFORE or self._running is not None:
            return
        yesterday = now.date() - timedelta(days=1)
        told = self._state.kept.day_told
        if (told is None or told < yesterday) and self._tried != yesterday:
            self._tried = yesterday
            self._running = asyncio.create_task(self._tell(yesterday), name="daily-summary")
            self._running.add_done_callback(self._done)

    async def aclose(self) -> None:
        """Let a summary go that is being made; the next life makes it again."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _tell(self, day: date) -> None:
        try:
            summary = await self._archive.day_summary(day)
            text = day_in_short(summary) if summary.last_entry >= summary.first_entry else ""
        except CurrencyChanged as fault:
            text = f"It cannot be summed up: {fault}"
        await self._recorder.record(DayTold(day=day, text=text))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running = None
        if task.cancelled():
            return
        fault = task.exception()
        if fault is not None and self._recorder.failure is None:
            log.error("the summary of the day could not be made; the next attempt is tomorrow's", exc_info=fault)
