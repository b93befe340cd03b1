"""A plugin host without processes: `DirectPort` behind the real gate, as a worker that can be killed.

The same core code runs on it as on caged workers (`RemoteExchange`, `VenueWatch`). It is what lets a simulation make
many thousand steps and die at any await.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from readytrader_sdk.errors import OutcomeUnknown, Unavailable
from readytrader_sdk.instruments import VenueId

from appliance.domain.decision import SignedPermit
from appliance.home import Home
from appliance.local_exchange.account import Account
from appliance.local_exchange.model import LocalExchange
from appliance.plugin_host.gate import Gate, Movable, NotSent
from appliance.plugin_host.health import WorkerHealth
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.specs import WorkerSpec
from appliance.plugin_host.supervisor import Worker
from tests.live.direct import DirectPort
from tests.live.rig import BRISK, CATALOG, EXCHANGE

OPTIONAL = frozenset({"replace_order", "cancel_all_orders", "key_rights", "venue_time", "stream_reports"})
BROKEN_S = 0.02
"""How long a worker that died is away."""


class DirectWorker:
    """One worker's handle: what a call in flight comes to when it dies is what a real one's link says."""

    def __init__(self, spec: WorkerSpec, port: DirectPort, host: DirectHost) -> None:
        self.spec = spec
        self.optional_methods = OPTIONAL
        self.paper_only = ""
        self._port = port
        self._host = host
        self._alive = asyncio.Event()
        self._dead: asyncio.Future[object]
        self._calls: set[asyncio.Task[object]] = set()

    def begin(self) -> None:
        """A new life, with a gate that knows no permit."""
        key = Ed25519PublicKey.from_public_bytes(self.spec.permit_key)
        self._gate = Gate(
            self._port, key, lambda: datetime.now(UTC), lambda: self._host.halted, VenueId(self.spec.venue)
        )
        self._dead = asyncio.get_running_loop().create_future()
        self._alive.set()

    def kill(self) -> None:
        """Its process is killed: whatever was asked of it is never answered. It comes back by itself."""
        if self._alive.is_set():
            self.die()
            asyncio.get_running_loop().call_later(BROKEN_S, self.begin)

    def die(self) -> None:
        """The same, for good."""
        self._alive.clear()
        if not self._dead.done():
            self._dead.set_result(None)

    async def up(self) -> None:
        """As `Worker`."""
        await self._alive.wait()

    async def call(
        self, method: str, *args: object, permit: SignedPermit | None = None, timeout_s: float | None = None
    ) -> object:
        """As `Worker`."""
        if not self._alive.is_set():
            raise NotSent(f"{self.spec.name} is down")
        if permit is not None:
            called: Awaitable[object] = self._gate.perform(permit, cast(Movable, args[-1]))
        else:
            called = getattr(self._port, method)(*args)
        call, dead = asyncio.ensure_future(called), self._dead
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.wait({call, dead}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not call.done():
                call.cancel()
        if call.done() and not call.cancelled():
            return call.result()
        if permit is not None:
            raise OutcomeUnknown("the worker died")
        raise Unavailable("the worker died")

    async def stream(self, method: str, *args: object) -> AsyncGenerator[Sequence[object], None]:
        """As `Worker`."""
        if not self._alive.is_set():
            raise NotSent(f"{self.spec.name} is down")
        source = getattr(self._port, method)(*args)
        assert inspect.isasyncgen(source)
        dead = self._dead
        try:
            while True:
                item = asyncio.ensure_future(anext(source))
                try:
                    await asyncio.wait({item, dead}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not item.done():
                        item.cancel()
                        await asyncio.wait({item})
                if item.cancelled() or not item.done():
                    raise Unavailable("the worker died")
                yield (item.result(),)
        finally:
            await source.aclose()


class DirectHost:
    """As `PluginHost`, for exchanges alone."""

    def __init__(self, exchange: LocalExchange, account: Account) -> None:
        self.halted = False
        self._port = DirectPort(exchange, account)
        self._workers: dict[str, DirectWorker] = {}

    def add(self, specs: Iterable[WorkerSpec]) -> None:
        """As `PluginHost`."""
        self._workers = {
            spec.name: DirectWorker(spec, self._port, self) for spec in specs if spec.kind is Kind.EXCHANGE
        }

    async def open(self) -> None:
        """As `PluginHost`."""

    async def start(self) -> None:
        """As `PluginHost`."""
        for worker in self._workers.values():
            worker.begin()

    async def aclose(self) -> None:
        """As `PluginHost`."""
        self.kill()

    def kill(self) -> None:
        """End every worker at once, for good."""
        for worker in self._workers.values():
            worker.die()

    def kill_worker(self) -> None:
        """Kill every worker; each comes back."""
        for worker in self._workers.values():
            worker.kill()

    def __getitem__(self, name: str) -> Worker:
        return cast(Worker, self._workers[name])

    def set_halted(self, halted: bool) -> None:
        """As `PluginHost`."""
        self.halted = halted

    def health(self) -> tuple[WorkerHealth, ...]:
        """As `PluginHost`."""
        return ()


class DirectLane:
    """A core whose venue is the model in this very loop."""

    patience = BRISK
    is_fed = False

    def __init__(self, exchange: LocalExchange, account: Account) -> None:
        self._exchange = exchange
        self._account = account

    def configuration(self) -> str:
        return EXCHANGE.format(plugin="direct", source="direct", more="", feed="") + CATALOG

    def prepare(self, home: Home) -> None:
        """Nothing: there are no secrets."""

    def host(self) -> PluginHost:
        return cast(PluginHost, DirectHost(self._exchange, self._account))

    def kill(self, host: PluginHost) -> None:
        cast(DirectHost, host).kill()

    def kill_worker(self, host: PluginHost) -> None:
        cast(DirectHost, host).kill_worker()

    def at_venue(self, act: Callable[[], object]) -> None:
        act()
