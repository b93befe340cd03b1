"""Puts the appliance together. The only file that knows every class; it decides nothing.

The agents' doors are imported where they are opened: the MCP library takes a second, which verbs of the operator that
work without a daemon need not wait for.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from readytrader_sdk.orders import ExecutionReport, OrderRequest, OrderState

from appliance import __version__
from appliance.config import Configuration
from appliance.domain.orders import PAPER_ACCOUNT
from appliance.domain.snapshot import Mode
from appliance.domain.state import RECORD_TYPES, State, Touched
from appliance.home import Home, HomeRefused
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.feed import Feed, Feeds
from appliance.marketdata.values import BusSettings, Priority, SourceInfo
from appliance.paper.settings import PaperSettings
from appliance.paper.venue import OpenOrder, PaperVenue
from appliance.plugin_host import cage
from appliance.plugin_host.catalog import worker_specs
from appliance.plugin_host.gate import Gate, LocalVenue, PermitSigner
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.remote import RemoteSource
from appliance.service.agents import LOCAL, Agents
from appliance.service.approvals import Approvals
from appliance.service.core import Core, Identity
from appliance.service.desk import Desk
from appliance.service.execution import Execution
from appliance.service.funds import Funds
from appliance.service.halt import Halt, HaltFile
from appliance.service.history import History
from appliance.service.observe import Observer
from appliance.service.orders import Orders
from appliance.service.portfolio import Portfolio
from appliance.service.rate_limits import Budget, RateLimiter, RateSettings
from appliance.service.reconciliation import Reconciliation
from appliance.service.recorder import Clock, Recorder
from appliance.service.watchdog import Watchdog
from appliance.store.checkpoint import CheckpointKey
from appliance.store.journal import Journal
from appliance.transport.operator_socket import OperatorSocket

KEY_BYTES = 32


class Door(Protocol):
    """A listener."""

    async def start(self) -> None:
        """Listen."""

    async def aclose(self) -> None:
        """Stop listening and end the sessions."""


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


def build(home: Home, configuration: Configuration, clock: Clock = utc_now, plugins: PluginHost | None = None) -> Core:
    """A core that has loaded its state and is ready to `start`. Without `plugins` it has no sources and no workers.

    Raises `HomeRefused`, `JournalUnavailable`, `JournalCorrupt` and `CatalogError`.
    """
    home.prepare()
    journal = open_journal(home)
    try:
        return _assemble(home, configuration, journal, clock, plugins)
    except BaseException:
        journal.close()
        raise


def _assemble(
    home: Home, configuration: Configuration, journal: Journal, clock: Clock, plugins: PluginHost | None
) -> Core:
    limits = configuration.limits
    instruments = {instrument.symbol: instrument for instrument in configuration.instruments}
    state = State(instruments, limits.turnover_window)
    load_state(state, journal, clock())
    recorder = Recorder(journal, state, clock)
    bus = MarketDataBus(_bus_settings(configuration), instruments.values())
    portfolio = Portfolio(state, bus, PAPER_ACCOUNT, limits.accounting_asset)
    halt = Halt(HaltFile(home.halt_file), state, recorder, clock)
    paper = PaperVenue(
        instruments.values(), _paper_settings(configuration), clock, lambda report: core.take_report(report)
    )
    lost = restore_paper(paper, state)
    bus.subscribe(lambda _source, tick: paper.on_tick(tick))

    signer = _permits(home, configuration, plugins)
    venue = LocalVenue(paper, Gate(paper, signer.public_key, clock, halt.is_halted, venue=None))
    execution = Execution(venue, signer, state, recorder, portfolio, clock)
    watchdog = Watchdog(state, recorder, portfolio, limits, clock)
    execution.on_rejected = watchdog.note_rejection
    agents = Agents(state, recorder, clock)
    history = History(state, journal)
    mode = configuration.mode
    desk = Desk(
        state=state,
        recorder=recorder,
        observer=Observer(state, bus, portfolio, limits, mode, live_enabled=configuration.live_trading_enabled),
        execution=execution,
        agents=agents,
        limiter=RateLimiter(_rate_settings(configuration), recorder, clock),
        history=history,
        limits=limits,
        clock=clock,
    )
    core = Core(
        identity=Identity(version=__version__, mode=mode, configuration_digest=configuration.digest),
        limits=limits,
        state=state,
        journal=journal,
        recorder=recorder,
        desk=desk,
        agents=agents,
        approvals=Approvals(state, recorder, desk, agents, _key(home.approval_key), clock),
        orders=Orders(venue, state, recorder, execution, history),
        funds=Funds(state, recorder, portfolio, paper, mode, clock),
        halt=halt,
        history=history,
        portfolio=portfolio,
        bus=bus,
        execution=execution,
        reconciliation=Reconciliation(venue, state, recorder, execution, PAPER_ACCOUNT, clock),
        watchdog=watchdog,
        feeds=Feeds(_feeds(configuration, plugins, bus, clock)),
        plugins=plugins,
        advance_venue=paper.advance,
        clock=clock,
    )
    core.adopt(lost, start_halted=configuration.trading_halted)
    return core


def _permits(home: Home, configuration: Configuration, plugins: PluginHost | None) -> PermitSigner:
    """The key that signs permits. In live mode every worker that moves value is told its public half.

    In paper mode none is: a permit for paper money opens no real venue, whatever its name and wherever it gets to.
    """
    signer = PermitSigner(Ed25519PrivateKey.from_private_bytes(_key(home.permit_key)))
    if plugins is not None:
        known = signer.public_key.public_bytes_raw() if configuration.mode is Mode.LIVE else b""
        plugins.add(worker_specs(configuration, home, known))
    return signer


def _feeds(
    configuration: Configuration, plugins: PluginHost | None, bus: MarketDataBus, clock: Clock
) -> Iterator[Feed]:
    """From each configured source's worker into the bus."""
    if plugins is None:
        return
    for source in configuration.sources:
        info = SourceInfo(
            name=source.name,
            priority=Priority(source.priority),
            admissible=True,
            quote_age_max=configuration.market_data.source_age_max.get(source.name),
        )
        yield Feed(bus, info, RemoteSource(plugins[source.name]), clock)


def open_journal(home: Home) -> Journal:
    """The journal of a home, made when there is none; its public key is put beside it for auditors."""
    key = checkpoint_key(home)
    journal = Journal.open(home.journal, key)
    home.vkey.write_text(f"{key.verifier(journal.origin).vkey}\n")
    return journal


def checkpoint_key(home: Home) -> CheckpointKey:
    """The key that signs the journal's checkpoints; made when there is none and no journal that would need it."""
    if home.checkpoint_key.exists():
        return CheckpointKey.load(home.checkpoint_key)
    if home.journal.exists():
        raise HomeRefused(f"{home.checkpoint_key}: missing, and {home.journal} was signed with it")
    return CheckpointKey.create(home.checkpoint_key)


def load_state(state: State, journal: Journal, now: datetime) -> None:
    """Everything live, and the orders of the turnover window, from the journal's records."""
    recent = now - state.recent.window
    for kind, value_type in RECORD_TYPES.items():
        decoder = msgspec.json.Decoder(value_type)
        records = {record.id: record for record in journal.load(kind)}
        if kind == "order":
            records |= {record.id: record for record in journal.load(kind, live_only=False, since=recent)}
        for record in records.values():
            state.put(Touched(kind, record.id, record.live, record.at, decoder.decode(record.body)))


def restore_paper(venue: PaperVenue, state: State) -> tuple[ExecutionReport, ...]:
    """Rebuild the paper venue from what the journal knows; reports on the orders that could not be taken up again."""
    resting = [
        OpenOrder(request=order.payload, filled=order.filled_quantity)
        for order in sorted(state.live_orders.values(), key=lambda order: order.created_at)
        if order.state in (OrderState.OPEN, OrderState.PARTLY_FILLED) and isinstance(order.payload, OrderRequest)
    ]
    return venue.restore(dict(state.held(PAPER_ACCOUNT)), resting)


def _key(path: Path) -> bytes:
    """32 random bytes that stay in one file, 0600; made when missing."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise HomeRefused(f"{path}: expected {KEY_BYTES} bytes, found {len(key)}") from None
        return key
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def _bus_settings(configuration: Configuration) -> BusSettings:
    return BusSettings(
        quote_age_max=configuration.limits.quote_age_max,
        clock_skew_max=configuration.limits.clock_skew_max,
        outlier_max_pct=configuration.market_data.outlier_max_pct,
        outlier_window=configuration.market_data.outlier_window,
        agree_max_pct=configuration.market_data.agree_max_pct,
        sentiment_source=configuration.sentiment_source,
    )


def _paper_settings(configuration: Configuration) -> PaperSettings:
    return PaperSettings(
        maker_fee_pct=configuration.paper.maker_fee_pct,
        taker_fee_pct=configuration.paper.taker_fee_pct,
        latency=configuration.paper.latency,
        fill_share_max_pct=configuration.paper.fill_share_max_pct,
    )


def _rate_settings(configuration: Configuration) -> RateSettings:
    rates = configuration.rate_limits
    return RateSettings(
        per_minute={
            Budget.READ: rates.default_per_min,
            Budget.ORDER: rates.execution_per_min,
            Budget.AMEND: rates.execution_per_min,
            Budget.CANCEL: rates.default_per_min,
        },
        per_tool=rates.tool_per_min,
    )


async def run_daemon(home: Home, configuration: Configuration, on_ready: Callable[[int], None]) -> None:
    """Serve agents and the operator until SIGTERM or SIGINT; then let what is under way finish.

    `on_ready` is told the HTTP listener's port.
    """
    from appliance.transport.agent_socket import AgentSocket
    from appliance.transport.http import AgentHttp

    async with _plugins(configuration) as plugins:
        core = build(home, configuration, plugins=plugins)
        listener = configuration.agent_listener
        http = AgentHttp(core, listener.host, listener.port)
        stopped = _on_signal()
        async with _open(core, home, AgentSocket(core, home.agent_socket), http):
            on_ready(http.port)
            await stopped.wait()


async def run_child(home: Home, configuration: Configuration) -> None:
    """Serve the one agent that started this process over its standard input and output, and whoever joins by socket."""
    from appliance.transport.agent_socket import AgentSocket
    from appliance.transport.stdio_session import serve_stdio

    async with _plugins(configuration) as plugins:
        core = build(home, configuration, plugins=plugins)
        stopped = _on_signal()
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


@asynccontextmanager
async def _plugins(configuration: Configuration) -> AsyncIterator[PluginHost]:
    """The plugins' side of the house: opened before the first secret is read, closed after the core.

    From here on nobody of the same user looks into the core's memory either.
    """
    cage.harden()
    plugins = PluginHost(utc_now, configuration.cage_required)
    try:
        await plugins.open()
        yield plugins
    finally:
        await plugins.aclose()


def _on_signal() -> asyncio.Event:
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
