"""Keeps the workers of one core alive, and is how everything else calls them.

A worker that ends, however, is started again after a pause; one that says that it cannot work as it is set up is not.
What was in flight when it ended fails then and there, and is never sent again by anything in here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from readytrader_sdk.errors import Misconfigured, Unavailable, Unsupported

from appliance.domain.decision import SignedPermit
from appliance.plugin_host.egress.control import EgressDown
from appliance.plugin_host.egress.wire import EgressCounts
from appliance.plugin_host.frames import PEER_GONE, LinkBroken
from appliance.plugin_host.gate import NotSent
from appliance.plugin_host.health import Patience, WorkerHealth, WorkerState
from appliance.plugin_host.hearsay import printable
from appliance.plugin_host.kinds import METHODS, Kind, Method
from appliance.plugin_host.launcher import NotLaunched, WorkerProcess
from appliance.plugin_host.link import Link, OnAnswer
from appliance.plugin_host.messages import Ready, Refused
from appliance.plugin_host.specs import Rights, WorkerSpec

CAGE_ON = "on"
CAGE_WORDS_MAX = 64
PAPER_ONLY_MAX = 64

_log = logging.getLogger(__name__)


class Egress(Protocol):
    """What is needed of the egress broker's handle."""

    async def channel(self, name: str, rights: Rights) -> socket.socket:
        """The worker's end of its own channel to the broker. Raises `EgressDown`."""

    def counts(self) -> Mapping[str, EgressCounts]:
        """By worker."""


class Launches(Protocol):
    """What is needed of a launcher."""

    async def launch(
        self, name: str, kind: Kind, channel: socket.socket, egress: socket.socket | None
    ) -> WorkerProcess:
        """Start a worker on its ends of two sockets. Raises `NotLaunched`."""


class _Ended(Exception):
    """A worker's life is over. The message says why."""


class _WillNotWork(Exception):
    """Starting it again would not help. The message says why."""


class Worker:
    """One worker through all its lives."""

    def __init__(
        self,
        spec: WorkerSpec,
        launcher: Launches,
        egress: Egress | None,
        patience: Patience,
        clock: Callable[[], datetime],
        is_halted: Callable[[], bool],
        on_answer: OnAnswer = lambda _answered: None,
    ) -> None:
        self._on_answer = on_answer
        self.spec = spec
        self.optional_methods: frozenset[str] = frozenset()
        """Which optional methods of its kind it had when it was last ready."""
        self.cage: Mapping[str, str] = {}
        """Measure by measure: `on`, or why not."""
        self.paper_only = ""
        """For a data source: what to call its prices where they are no market's of now."""
        self._launcher = launcher
        self._egress = egress
        self._patience = patience
        self._clock = clock
        self._is_halted = is_halted
        self._task: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._process: WorkerProcess | None = None
        self._state = WorkerState.STARTING
        self._known = asyncio.Event()
        """Set while it is ready, failed or stopped: nothing will change by itself soon."""
        self._restarts = 0
        self._last_error: str | None = None
        self._started_at: datetime | None = None

    # what callers need

    @property
    def state(self) -> WorkerState:
        """Where it is in its life."""
        return self._state

    async def up(self) -> None:
        """Wait until it is ready. Raises `Misconfigured` when it never will be, `Unavailable` when it is stopped."""
        while self._state is not WorkerState.READY:
            if self._state is WorkerState.FAILED:
                raise Misconfigured(f"{self.spec.name}: {self._last_error}")
            if self._state is WorkerState.STOPPED:
                raise Unavailable(f"{self.spec.name} is stopped")
            await self._known.wait()

    async def call(
        self,
        method: str,
        *args: object,
        permit: SignedPermit | None = None,
        timeout_s: float | None = None,
    ) -> object:
        """Call a method of the port, once; the result has the type that `kinds.METHODS` names.

        Raises `NotSent` where it never left; `Unavailable` where it may be made again; `OutcomeUnknown` where it may
        have moved value and no answer came; otherwise what the plugin raised, and `PermitRefused`.
        """
        known = self._method(method, len(args))
        if known.streams or (known.action is None) != (permit is None):
            raise TypeError(
                f"{method}: a stream is not called, and a permit goes with what moves value, and only with it"
            )
        return await self._open_link().call(known, args, permit, known.timeout_s if timeout_s is None else timeout_s)

    def stream(self, method: str, *args: object) -> AsyncGenerator[Sequence[object], None]:
        """A stream of the port, some items at a time; closing the generator cancels it. Raises as `call` does."""
        known = self._method(method, len(args))
        if not known.streams:
            raise TypeError(f"{method} is no stream")
        return self._open_link().stream(known, args)

    def tell_halted(self) -> None:
        """Tell the worker's gate whether trading is halted."""
        if self._link is not None and self._state is WorkerState.READY:
            self._link.tell_halted(halted=self._is_halted())

    def restart(self, reason: str) -> None:
        """End its process, as a fault would: what is in flight fails, and it is started again."""
        if self._link is not None:
            self._link.close(reason)

    def health(self) -> WorkerHealth:
        """How it is now."""
        spec, live = self.spec, self._process is not None
        return WorkerHealth(
            name=spec.name,
            plugin=spec.plugin,
            kind=spec.kind,
            state=self._state,
            pid=self._process.pid if self._process is not None else None,
            restarts=self._restarts,
            last_error=self._last_error,
            cage_missing=tuple(f"{name}: {word}" for name, word in self.cage.items() if word != CAGE_ON),
            started_at=self._started_at,
            in_flight=self._link.in_flight if self._link is not None and live else 0,
            egress=self._egress.counts().get(spec.name) if self._egress is not None and self._has_hosts else None,
        )

    def _method(self, name: str, args: int) -> Method:
        method = METHODS.get((self.spec.kind, name))
        if method is None or len(method.takes) != args:
            raise TypeError(f"{self.spec.kind} has no {name} of {args} arguments")
        if method.optional and self._state is WorkerState.READY and name not in self.optional_methods:
            raise Unsupported(f"{self.spec.name} has no {name}")
        return method

    def _open_link(self) -> Link:
        if self._state is not WorkerState.READY or self._link is None:
            told = f": {self._last_error}" if self._last_error else ""
            raise NotSent(f"{self.spec.name} is {self._state}{told}")
        return self._link

    @property
    def _has_hosts(self) -> bool:
        return bool(self.spec.rights.hosts or self.spec.rights.private_hosts)

    # its lives

    @property
    def is_started(self) -> bool:
        """Whether its first life has begun."""
        return self._task is not None

    def start(self) -> None:
        """Begin its first life. Once, on the core's event loop."""
        self._task = asyncio.create_task(self._live(), name=f"worker-{self.spec.name}")

    async def stop(self) -> None:
        """End it for good; its process is gone when this returns."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._enter(WorkerState.STOPPED)

    async def _live(self) -> None:
        pause, loop = self._patience.pause_first, asyncio.get_running_loop()
        while True:
            self._enter(WorkerState.STARTING)
            ready_at = None
            try:
                async with self._life() as (link, process):
                    ready_at = loop.time()
                    reason = await self._until_its_end(link, process)
            except _WillNotWork as error:
                self._enter(WorkerState.FAILED, str(error))
                return
            except _Ended as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - a bug of ours in one life must not leave the worker without another
                _log.exception("worker %s: a fault of its supervisor", self.spec.name)
                reason = f"a fault of its supervisor: {type(error).__name__}"
            if ready_at is not None and loop.time() - ready_at >= self._patience.settled:
                pause = self._patience.pause_first
            self._enter(WorkerState.WAITING, reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._patience.pause_longest)
            self._restarts += 1

    @contextlib.asynccontextmanager
    async def _life(self) -> AsyncGenerator[tuple[Link, WorkerProcess], None]:
        """One process, ready; ended on the way out. Raises `_Ended` and `_WillNotWork`."""
        self._link = link = Link(self.spec.name, self._on_answer)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                await link.connect(ours)
                self._process = process = await self._launch(theirs)
            self._become(await self._ready(link, process))
            yield link, process
        finally:
            await link.aclose()
            await self._end_process()

    async def _launch(self, channel: socket.socket) -> WorkerProcess:
        spec = self.spec
        try:
            if not self._has_hosts:
                return await self._launcher.launch(spec.name, spec.kind, channel, None)
            if self._egress is None:
                raise _WillNotWork("it has hosts, and there is no egress broker")
            with await self._egress.channel(spec.name, spec.rights) as egress:
                return await self._launcher.launch(spec.name, spec.kind, channel, egress)
        except (NotLaunched, EgressDown) as error:
            raise _Ended(f"it could not be started: {error}") from error

    async def _ready(self, link: Link, process: WorkerProcess) -> Ready:
        """Its word that it is ready. A process that ends before it is noticed by the end of its link."""
        try:
            async with asyncio.timeout(self._patience.start):
                word = await link.start(self.spec)
        except TimeoutError as error:
            raise _Ended(f"it was not ready within {self._patience.start:g} s") from error
        except LinkBroken as error:
            raise _Ended(f"it ended before it was ready: {error} ({await self._manner(process, error)})") from error
        if isinstance(word, Refused):
            raise _WillNotWork(printable(word.reason))
        return word

    def _become(self, ready: Ready) -> None:
        """Take over what it says of itself, where that can be so; then it may be called."""
        spec, optional = self.spec, frozenset(ready.optional_methods)
        known = {name for (kind, name), method in METHODS.items() if kind is spec.kind and method.optional}
        if not optional <= known or len(ready.cage) > CAGE_WORDS_MAX:
            raise _Ended("it described itself in impossible words")
        lacking = [name for name in spec.cage_required if ready.cage.get(name) != CAGE_ON]
        if lacking:
            raise _WillNotWork(f"its cage lacks {', '.join(lacking)}")
        self.optional_methods = optional
        self.cage = {printable(name): printable(word) for name, word in ready.cage.items()}
        self.paper_only = printable(ready.paper_only, PAPER_ONLY_MAX)
        self._started_at = self._clock()
        self._enter(WorkerState.READY)
        self.tell_halted()

    async def _until_its_end(self, link: Link, process: WorkerProcess) -> str:
        """Why it ended."""
        asking = asyncio.create_task(link.keep_asking(self._patience.ping_every, self._patience.ping_answer))
        closed = asyncio.create_task(link.closed())
        gone = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({closed, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not closed.done():
                # Its last answers may still be on their way; a descriptor that it gave away keeps the link open.
                await asyncio.wait({closed}, timeout=self._patience.end)
                return f"its process ended ({_manner(gone.result())})"
            return f"{closed.result()} ({await self._manner(process, closed.result())})"
        finally:
            for task in (asking, closed, gone):
                task.cancel()
            await asyncio.wait({asking, closed, gone})

    async def _manner(self, process: WorkerProcess, reason: object) -> str:
        """How a process ends whose link is closed: by itself where it closed the link, else by us, at once."""
        if str(reason) == PEER_GONE:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience.end):
                    return _manner(await process.wait())
        process.kill()
        return _manner(await process.wait())

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()

    def _enter(self, state: WorkerState, error: str | None = None) -> None:
        if error is not None:
            self._last_error = error
            _log.warning("worker %s is %s: %s", self.spec.name, state, error)
        elif state is WorkerState.READY:
            _log.log(logging.INFO if self._restarts else logging.DEBUG, "worker %s is ready", self.spec.name)
        self._state = state
        if state in (WorkerState.READY, WorkerState.FAILED, WorkerState.STOPPED):
            self._known.set()
        else:
            self._known.clear()


def _manner(code: int | None) -> str:
    if code is None:
        return "exit code unknown"
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


class Workers:
    """All workers of one core."""

    def __init__(
        self,
        launcher: Launches,
        egress: Egress | None,
        clock: Callable[[], datetime],
        patience: Patience | None = None,
        on_answer: OnAnswer = lambda _answered: None,
    ) -> None:
        self._on_answer = on_answer
        self._launcher = launcher
        self._egress = egress
        self._clock = clock
        self._patience = patience or Patience()
        self._workers: dict[str, Worker] = {}
        self._halted = False

    def add(self, specs: Iterable[WorkerSpec]) -> None:
        """Make their workers known, not yet started. Raises `ValueError` for a name twice."""
        for spec in specs:
            if spec.name in self._workers:
                raise ValueError(f"two workers are called {spec.name}")
            self._workers[spec.name] = Worker(
                spec, self._launcher, self._egress, self._patience, self._clock, lambda: self._halted, self._on_answer
            )

    async def start(self, specs: Iterable[WorkerSpec] = ()) -> None:
        """Add these, and start all that are not, each in its own time: `Worker.up` waits for one."""
        self.add(specs)
        for worker in self._workers.values():
            if not worker.is_started:
                worker.start()

    async def aclose(self) -> None:
        """Stop them all; no process is left."""
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))

    def __getitem__(self, name: str) -> Worker:
        return self._workers[name]

    def set_halted(self, halted: bool) -> None:
        """Tell every worker, now and at each of its starts, whether trading is halted."""
        self._halted = halted
        for worker in self._workers.values():
            worker.tell_halted()

    def restart_those_with_hosts(self, reason: str) -> None:
        """Start those again that have a way out: the egress broker died, and their channels with it."""
        for worker in self._workers.values():
            if worker.spec.rights.hosts or worker.spec.rights.private_hosts:
                worker.restart(reason)

    def health(self) -> tuple[WorkerHealth, ...]:
        """How each is now."""
        return tuple(worker.health() for worker in self._workers.values())
