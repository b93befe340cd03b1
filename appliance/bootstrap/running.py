"""A core's life as a process: plugins first, then recovery, then the doors; and back in reverse."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from appliance import __version__
from appliance.bootstrap.assembly import build, utc_now
from appliance.config import Configuration
from appliance.home import Home
from appliance.plugin_host import cage
from appliance.plugin_host.host import PluginHost
from appliance.service.agents import LOCAL
from appliance.service.core import Core
from appliance.telemetry.catalog import LOG_LINES
from appliance.telemetry.logs import Tally
from appliance.telemetry.telemetry import Telemetry
from appliance.transport.operator_socket import OperatorSocket

if TYPE_CHECKING:
    from appliance.transport.operator_http.listener import OperatorHttp


class Door(Protocol):
    """A listener."""

    async def start(self) -> None:
        """Listen."""

    async def aclose(self) -> None:
        """Stop listening and end the sessions."""


class Ports(Struct, frozen=True, kw_only=True):
    """Where the HTTP listeners are."""

    agents: int
    operators: int | None
    """None where the configuration opens none."""


async def run_daemon(home: Home, configuration: Configuration, on_ready: Callable[[Ports], None]) -> None:
    """Serve agents and operators until SIGTERM or SIGINT; then let what is under way finish.

    `on_ready` is told where the HTTP listeners are.
    """
    from appliance.transport.agent_socket import AgentSocket
    from appliance.transport.http import AgentHttp

    telemetry = telemetry_of(configuration)
    logging.getLogger().addHandler(Tally(lambda level: telemetry.meter.count(LOG_LINES, level)))
    async with open_plugins(configuration, telemetry) as plugins:
        core = build(home, configuration, plugins=plugins, telemetry=telemetry)
        listener = configuration.agent_listener
        agents = AgentHttp(core, listener.host, listener.port)
        operators = _operator_http(core, configuration)
        stopped = on_signal()
        doors: list[Door] = [AgentSocket(core, home.agent_socket), agents, *([operators] if operators else [])]
        async with _open(core, home, *doors):
            on_ready(Ports(agents=agents.port, operators=operators.port if operators else None))
            await stopped.wait()


def _operator_http(core: Core, configuration: Configuration) -> OperatorHttp | None:
    """The operators' listener, where there is to be one. Litestar is imported for it and for nothing else."""
    terms = configuration.operator_listener
    if not terms.enabled:
        return None
    from appliance.transport.operator_http.listener import OperatorHttp

    return OperatorHttp(core, terms.host, terms.port, terms.calls_per_min, metrics_open=terms.metrics_open)


async def run_child(home: Home, configuration: Configuration) -> None:
    """Serve the one agent that started this process over its standard input and output, and whoever joins by socket."""
    from appliance.transport.agent_socket import AgentSocket
    from appliance.transport.stdio_session import serve_stdio

    telemetry = telemetry_of(configuration)
    async with open_plugins(configuration, telemetry) as plugins:
        core = build(home, configuration, plugins=plugins, telemetry=telemetry)
        stopped = on_signal()
        async with _open(core, home, AgentSocket(core, home.agent_socket)):
            serving = asyncio.create_task(serve_stdio(core, LOCAL))
            stopping = asyncio.create_task(stopped.wait())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if serving.done():
                serving.result()
            else:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)


def telemetry_of(configuration: Configuration) -> Telemetry:
    """What measures, and makes traces where they are wanted."""
    terms = configuration.tracing
    if not terms.enabled:
        return Telemetry()
    from appliance.telemetry.tracing import Collector, open_tracer

    collector = Collector(endpoint=terms.endpoint, service_name=terms.service_name, version=__version__)
    tracer = open_tracer(collector)
    return Telemetry(tracer, tracer.close)


@asynccontextmanager
async def open_plugins(configuration: Configuration, telemetry: Telemetry | None = None) -> AsyncIterator[PluginHost]:
    """The plugins' side of the house: opened before the first secret is read, closed after the core.

    From here on nobody of the same user looks into the core's memory either.
    """
    cage.harden()
    telemetry = telemetry or Telemetry()
    plugins = PluginHost(utc_now, configuration.cage_required, telemetry.stages.worker_called)
    try:
        await plugins.open()
        yield plugins
    finally:
        await plugins.aclose()
        await asyncio.to_thread(telemetry.close)


def on_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, in place of ending the process where it stands."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


@asynccontextmanager
async def _open(core: Core, home: Home, *agents: Door) -> AsyncIterator[None]:
    """Recover first, then open the doors; on the way out close them before the core goes."""
    doors: list[Door] = [OperatorSocket(core, home.operator_socket), *agents]
    try:
        await core.start()
        for door in doors:
            await door.start()
        yield
    finally:
        for door in reversed(doors):
            await door.aclose()
        await core.aclose()


@contextmanager
def offline_core(home: Home, configuration: Configuration) -> Iterator[None]:
    """The operator's socket over a core that trades nothing: for what must be possible without a running daemon."""
    ready: Future[None] = Future()
    done = threading.Event()

    async def serve() -> None:
        core = build(home, configuration)
        door = OperatorSocket(core, home.operator_socket)
        try:
            await door.start()
            ready.set_result(None)
            await asyncio.to_thread(done.wait)
        finally:
            await door.aclose()
            await core.aclose()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as fault:  # noqa: BLE001 - handed over to whoever waits
            if not ready.done():
                ready.set_exception(fault)

    thread = threading.Thread(target=run, name="offline-core")
    thread.start()
    try:
        ready.result()
        yield
    finally:
        done.set()
        thread.join()
