"""Listens to a venue's own word on our orders, and opens the stream again whenever it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from readytrader_sdk.errors import Misconfigured, PluginError
from readytrader_sdk.ports import ReportStreamPort

from appliance.plugin_host.gate import Venue
from appliance.service.enquiries import Enquiries, hear_end
from appliance.service.patience import Patience
from appliance.store.journal import JournalUnavailable

log = logging.getLogger(__name__)


class OrderNews:
    """One venue's stream of reports. What it misses, reconciliation finds."""

    def __init__(
        self,
        venue: Venue,
        worker_up: Callable[[], Awaitable[None]],
        enquiries: Enquiries,
        patience: Patience,
        on_gap: Callable[[], None],
    ) -> None:
        """`on_gap` is called when something may have been missed: the stream has ended."""
        self._venue = venue
        self._worker_up = worker_up
        self._enquiries = enquiries
        self._pauses = [pause.total_seconds() for pause in patience.stream_pauses]
        self._on_gap = on_gap
        self._task: asyncio.Task[None] | None = None
        self._listening = False

    def start(self) -> None:
        """Begin, on the core's event loop."""
        self._task = asyncio.create_task(self._listen(), name="order-news")
        self._task.add_done_callback(hear_end)

    @property
    def is_streaming(self) -> bool | None:
        """Whether the stream is open; None where the venue has none."""
        return self._listening if isinstance(self._venue.reads, ReportStreamPort) else None

    async def aclose(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                await self._worker_up()
                port = self._venue.reads
                if not isinstance(port, ReportStreamPort):
                    return
                self._listening = True
                async for report in port.stream_reports():
                    failures = 0
                    self._enquiries.hear(report)
            except JournalUnavailable:
                return
            except Misconfigured as fault:
                log.warning("no stream of reports: %s", fault)
                return
            except PluginError as fault:
                log.info("the stream of reports ended: %s", fault)
            finally:
                self._listening = False
            self._on_gap()
            await asyncio.sleep(self._pauses[min(failures, len(self._pauses) - 1)])
            failures += 1
