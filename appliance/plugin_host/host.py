"""Everything that runs the plugins of one core: the zygote, the egress broker, the workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from appliance.plugin_host.egress.control import Egress, EgressDown
from appliance.plugin_host.health import WorkerHealth
from appliance.plugin_host.launcher import Launcher, NotLaunched
from appliance.plugin_host.link import OnAnswer
from appliance.plugin_host.specs import WorkerSpec
from appliance.plugin_host.supervisor import Worker, Workers

BROKER_PAUSE_S = 1.0
"""Between two starts of a broker that ends."""

_log = logging.getLogger(__name__)


class PluginHost:
    """Opened before the core reads its first secret, so that what is forked later never held one."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        cage_required: Collection[str],
        on_answer: OnAnswer = lambda _answered: None,
    ) -> None:
        """`cage_required` are the measures without which the broker does not start; workers bring their own.
        `on_answer` is told of every call that a worker answered."""
        self._launcher = Launcher()
        self._egress = Egress(cage_required=sorted(cage_required), on_death=self._broker_died)
        self._workers = Workers(self._launcher, self._egress, clock, on_answer=on_answer)
        self._specs: tuple[WorkerSpec, ...] = ()
        self._reviving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the zygote. Without one, workers start more slowly and work the same."""
        try:
            await self._launcher.open()
        except NotLaunched as fault:
            _log.warning("no zygote, every worker is executed: %s", fault)

    def add(self, specs: Iterable[WorkerSpec]) -> None:
        """The workers that are to be. Raises `ValueError` for a name twice."""
        self._specs = tuple(specs)
        self._workers.add(self._specs)

    async def start(self) -> None:
        """Start the broker, where anybody has hosts, and every worker, each in its own time."""
        if any(spec.rights.hosts or spec.rights.private_hosts for spec in self._specs):
            await self._start_broker()
        await self._workers.start()

    async def aclose(self) -> None:
        """End them all; no process is left."""
        if self._reviving is not None:
            self._reviving.cancel()
            await asyncio.wait({self._reviving})
        await self._workers.aclose()
        await self._egress.aclose()
        await self._launcher.aclose()

    def __getitem__(self, name: str) -> Worker:
        return self._workers[name]

    def set_halted(self, halted: bool) -> None:
        """Tell every worker's gate whether trading is halted."""
        self._workers.set_halted(halted)

    def health(self) -> tuple[WorkerHealth, ...]:
        """How each worker is now."""
        return self._workers.health()

    async def _start_broker(self) -> None:
        """A worker that finds none is started again later: its supervisor waits for the broker, not we."""
        try:
            await self._egress.start()
        except EgressDown as fault:
            _log.error("%s", fault)
            self._broker_died(str(fault))

    def _broker_died(self, reason: str) -> None:
        """Start another, and then those workers whose way out is gone."""
        self._reviving = asyncio.create_task(self._revive(reason), name="egress-broker")

    async def _revive(self, reason: str) -> None:
        while True:
            await asyncio.sleep(BROKER_PAUSE_S)
            try:
                await self._egress.start()
            except EgressDown as fault:
                _log.error("%s", fault)
                continue
            self._workers.restart_those_with_hosts(reason)
            return
