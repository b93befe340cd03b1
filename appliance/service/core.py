"""The core as one object: what a transport is given, and the life of the process from recovery to shutdown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from readytrader_sdk.orders import ExecutionReport, OrderState

from appliance.domain.events import CoreStarted, CoreStopped, ReportSource
from appliance.domain.limits import Limits
from appliance.domain.snapshot import Mode
from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, TradingState
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.feed import Feeds
from appliance.plugin_host.host import PluginHost
from appliance.service.agents import Agents
from appliance.service.approvals import Approvals
from appliance.service.desk import Desk
from appliance.service.execution import Execution
from appliance.service.funds import Funds
from appliance.service.halt import Halt
from appliance.service.history import History
from appliance.service.orders import Orders
from appliance.service.outcomes import Placed
from appliance.service.portfolio import Portfolio
from appliance.service.reconciliation import Findings, Reconciliation
from appliance.service.recorder import Clock, Recorder
from appliance.service.watchdog import Watchdog
from appliance.store.journal import Journal, JournalUnavailable

log = logging.getLogger(__name__)

HEARTBEAT_S = 0.2
"""How often the halt file is looked at, proposals expire and the portfolio is valued."""


class Identity(Struct, frozen=True, kw_only=True):
    """What this core is, as written into the journal at its start."""

    version: str
    mode: Mode
    configuration_digest: str


class Core:
    """Everything that a listener may call, made by `bootstrap`."""

    def __init__(
        self,
        *,
        identity: Identity,
        limits: Limits,
        state: State,
        journal: Journal,
        recorder: Recorder,
        desk: Desk,
        agents: Agents,
        approvals: Approvals,
        orders: Orders,
        funds: Funds,
        halt: Halt,
        history: History,
        portfolio: Portfolio,
        execution: Execution,
        reconciliation: Reconciliation,
        watchdog: Watchdog,
        bus: MarketDataBus,
        feeds: Feeds,
        plugins: PluginHost | None,
        advance_venue: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.identity = identity
        self.limits = limits
        self.state = state
        self.journal = journal
        self.recorder = recorder
        self.desk = desk
        self.agents = agents
        self.approvals = approvals
        self.orders = orders
        self.funds = funds
        self.halt = halt
        self.history = history
        self.portfolio = portfolio
        self.bus = bus
        self.clock = clock
        self.started_at: datetime | None = None
        self.findings = Findings()
        self._execution = execution
        self._reconciliation = reconciliation
        self._watchdog = watchdog
        self.feeds = feeds
        self.plugins = plugins
        self._advance_venue = advance_venue
        self._lost: tuple[ExecutionReport, ...] = ()
        self._start_halted = False
        self._workers_halted: bool | None = None
        self._heartbeat: asyncio.Task[None] | None = None

    def adopt(self, lost: tuple[ExecutionReport, ...], *, start_halted: bool) -> None:
        """Take over what loading found: reports on orders that could not be taken up again, and a configured halt."""
        self._lost = lost
        self._start_halted = start_halted

    async def start(self) -> None:
        """Recover, then open for business: nothing is taken before everything in doubt was asked for."""
        for report in self._lost:
            self.take_report(report)
        self.findings = await self._reconciliation.run()
        await self.recorder.record(
            CoreStarted(
                version=self.identity.version,
                mode=self.identity.mode,
                configuration_digest=self.identity.configuration_digest,
                limits=self.limits,
            )
        )
        if self._start_halted:
            self.halt.engage("configuration", "TRADING_HALTED is true")
        if self.halt.notice() or self.halt.is_halted():
            await self.cancel_everything("halt in force at start")
        if self.plugins is not None:
            self._tell_workers()
            await self.plugins.start()
        await self.feeds.start()
        self._heartbeat = asyncio.create_task(self._beat(), name="heartbeat")
        self.started_at = self.clock()

    async def aclose(self, reason: str = "stopped") -> None:
        """Let what is under way finish, write that we go, and give everything back. Resting orders stay."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        await self.feeds.aclose()
        await self.desk.settle()
        await self._execution.aclose()
        try:
            if self.recorder.failure is None and self.started_at is not None:
                await self.recorder.record(CoreStopped(reason=reason))
        finally:
            await self.journal.aclose()

    async def stop_trading(self, by: str, reason: str) -> int:
        """Halt at once and cancel everything that is open; how many orders were cancelled."""
        self.halt.engage(by, reason)
        self._tell_workers()
        return await self.cancel_everything(f"{by}: {reason}")

    async def cancel_everything(self, by: str) -> int:
        """Ask for the cancellation of every live order of every agent; how many were cancelled at once."""
        outcomes = await self.orders.cancel_all(None, by)
        return sum(isinstance(one, Placed) and one.order.state is OrderState.CANCELLED for one in outcomes)

    def take_report(self, report: ExecutionReport) -> None:
        """A venue's later word on an order: a fill of a resting one, a trigger, an expiry."""
        try:
            self._execution.note(report, ReportSource.VENUE)
        except JournalUnavailable as fault:
            log.error("a report for %s could not be recorded: %s", report.client_order_id, fault)

    async def _beat(self) -> None:
        """Beat until nothing can be written any more; then close what is open, for nobody watches over it (R25)."""
        while self.recorder.failure is None:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await self.beat()
            except JournalUnavailable:
                break
            except Exception as fault:
                log.exception("the heartbeat failed")
                reason = f"the heartbeat failed: {type(fault).__name__}"
                self._watchdog.narrow(GLOBAL, TradingState.CANCEL_ONLY, reason)
        log.critical("the journal cannot be written, trading is stopped: %s", self.recorder.failure)
        await self.cancel_everything("core: the journal cannot be written")

    async def beat(self) -> None:
        """One look at the clock, the halt file, the proposals and the portfolio."""
        now = self.clock()
        self._advance_venue()
        if self.halt.notice():
            await self.cancel_everything("halt file")
        self._tell_workers()
        self.approvals.expire(now)
        self._watchdog.note_value(now)
        marked = self.portfolio.mark(now)
        if marked is not None:
            await self.recorder.record(marked)

    def _tell_workers(self) -> None:
        """Let every worker's gate know whether trading is halted; told again only when that has changed."""
        halted = self.halt.is_halted()
        if self.plugins is not None and halted is not self._workers_halted:
            self._workers_halted = halted
            self.plugins.set_halted(halted)
