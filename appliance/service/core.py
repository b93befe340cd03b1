"""The core as one object: what a transport is given, and the life of the process from recovery to shutdown."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
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
from appliance.service.archive import Archive
from appliance.service.daily_notice import DailyNotice
from appliance.service.desk import Desk
from appliance.service.enquiries import Enquiries
from appliance.service.equity import EquitySeries
from appliance.service.funds import Funds
from appliance.service.halt import Halt
from appliance.service.history import History
from appliance.service.insights import Insights
from appliance.service.limit_book import LimitBook
from appliance.service.notice_watch import NoticeWatch, journal_failed
from appliance.service.notices import Notices
from appliance.service.operators import Operators
from appliance.service.orders import Orders
from appliance.service.outcomes import Placed
from appliance.service.portfolio import Portfolio
from appliance.service.reconciliation import Findings, Reconciliation
from appliance.service.recorder import Clock, Recorder
from appliance.service.reports import Reports
from appliance.service.sign_of_life import Life, Listening, SignFile
from appliance.service.stopping import Stopping
from appliance.service.venue_watch import VenueWatch
from appliance.service.watchdog import Watchdog
from appliance.store.journal import Journal, JournalUnavailable
from appliance.telemetry.telemetry import Telemetry

log = logging.getLogger(__name__)

EMPTIED_S_MAX = 2.0
"""How long a halt waits for the venues before it answers; they are emptied however long it takes."""
HEARTBEAT_S = 0.2
"""How often the halt file is looked at, proposals expire and the portfolio is valued."""
SIGN_EVERY_S = 1.0
"""How often the sign of life is given."""


class Identity(Struct, frozen=True, kw_only=True):
    """What this core is, as written into the journal at its start."""

    version: str
    mode: Mode
    configuration_digest: str


class SettingInForce(Struct, frozen=True, kw_only=True):
    """One setting as text, and where it comes from."""

    name: str
    value: str
    unit: str
    origin: str


class Core:
    """Everything that a listener may call, made by `bootstrap`."""

    def __init__(
        self,
        *,
        identity: Identity,
        settings: tuple[SettingInForce, ...],
        limit_book: LimitBook,
        state: State,
        journal: Journal,
        recorder: Recorder,
        desk: Desk,
        agents: Agents,
        operators: Operators,
        approvals: Approvals,
        orders: Orders,
        funds: Funds,
        halt: Halt,
        history: History,
        portfolio: Portfolio,
        series: EquitySeries,
        archive: Archive,
        insights: Insights,
        daily: DailyNotice,
        reports: Reports,
        enquiries: Enquiries,
        paper: Reconciliation | None,
        venues: tuple[VenueWatch, ...],
        stopping: Stopping,
        watchdog: Watchdog,
        notices: Notices,
        notice_watch: NoticeWatch,
        sign: SignFile,
        outside: Listening,
        bus: MarketDataBus,
        feeds: Feeds,
        plugins: PluginHost | None,
        advance_venue: Callable[[], None],
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self.identity = identity
        self.settings = settings
        self.limit_book = limit_book
        self.state = state
        self.journal = journal
        self.recorder = recorder
        self.desk = desk
        self.agents = agents
        self.operators = operators
        self.approvals = approvals
        self.orders = orders
        self.funds = funds
        self.halt = halt
        self.history = history
        self.portfolio = portfolio
        self.archive = archive
        self.insights = insights
        self._series = series
        self._daily = daily
        self.bus = bus
        self.clock = clock
        self.started_at: datetime | None = None
        self.findings = Findings()
        self.venues = venues
        """The live venues, each with who looks after it; none on paper."""
        self.enquiries = enquiries
        self.stopping = stopping
        self.reports = reports
        self._paper = paper
        self._watchdog = watchdog
        self.notices = notices
        self._notice_watch = notice_watch
        self._sign = sign
        self._signed_at = 0.0
        self.outside = outside
        """What is heard of the watchdog process."""
        self.feeds = feeds
        self.plugins = plugins
        self.telemetry = telemetry
        self._advance_venue = advance_venue
        self._lost: tuple[ExecutionReport, ...] = ()
        self._start_halted = False
        self._workers_halted: bool | None = None
        self._emptying = asyncio.Lock()
        self._cancelled_by_halt = 0
        self._heartbeat: asyncio.Task[None] | None = None

    def adopt(self, lost: tuple[ExecutionReport, ...], *, start_halted: bool) -> None:
        """Take over what loading found: reports on orders that could not be taken up again, and a configured halt."""
        self._lost = lost
        self._start_halted = start_halted

    async def start(self) -> None:
        """Recover, then open for business: nothing is taken before everything in doubt was asked for.

        Live, that is each venue's own affair: until it was reconciled it is not fit for orders, and gets cancels alone.
        """
        self._give_sign()
        for report in self._lost:
            self.take_report(report)
        if self._paper is not None:
            self.findings = await self._paper.run()
        before = self.state.life
        await self.recorder.record(
            *self.limit_book.opening(),
            CoreStarted(
                version=self.identity.version,
                mode=self.identity.mode,
                configuration_digest=self.identity.configuration_digest,
                limits=self.limits,
            ),
        )
        if self._start_halted:
            self.halt.engage("configuration", "TRADING_HALTED is true")
        if self.plugins is not None:
            self._tell_workers()
            await self.plugins.start()
        self._notice_watch.note_start(before, self.identity.configuration_digest)
        self.notices.start()
        for venue in self.venues:
            venue.start()
        if self.halt.notice() or self.halt.is_halted():
            await self.cancel_everything("halt in force at start")
        await self.feeds.start()
        self._heartbeat = asyncio.create_task(self._beat(), name="heartbeat")
        self.started_at = self.clock()

    async def aclose(self, reason: str = "stopped") -> None:
        """Let what is under way finish, write that we go, and give everything back. Resting orders stay."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        await self._daily.aclose()
        await self.feeds.aclose()
        await self.desk.settle()
        await self.stopping.aclose()
        await self.enquiries.aclose()
        await asyncio.gather(*(venue.aclose() for venue in self.venues))
        try:
            if self.recorder.failure is None and self.started_at is not None:
                await self.recorder.record(CoreStopped(reason=reason))
                self._give_sign(Life.STOPPED)
        finally:
            await self.notices.aclose()
            await self.journal.aclose()
            self.operators.close()

    async def stop_trading(self, by: str, reason: str) -> int:
        """Halt at once and cancel everything that is open; how many orders this halt has cancelled."""
        self.halt.engage(by, reason)
        self._tell_workers()
        return await self._empty_for_halt(f"{by}: {reason}")

    async def cancel_everything(self, by: str) -> int:
        """Ask for the cancellation of every live order of every agent; how many were cancelled at once.

        Live venues are asked until they say that nothing is open, those orders included that nobody here sent.
        """
        if not self.venues:
            outcomes = await self.orders.cancel_all(None, by)
            return sum(isinstance(one, Placed) and one.order.state is OrderState.CANCELLED for one in outcomes)
        before = set(self.state.live_orders)
        self.stopping.start(by)
        with suppress(TimeoutError):
            async with asyncio.timeout(EMPTIED_S_MAX):
                await self.stopping.emptied()
        return sum(self.state.orders[one].state is OrderState.CANCELLED for one in before if one in self.state.orders)

    async def _empty_for_halt(self, by: str) -> int:
        """One after the other: whoever noticed the halt first, by its file or by its verb, the count is the halt's."""
        async with self._emptying:
            self._cancelled_by_halt += await self.cancel_everything(by)
            return self._cancelled_by_halt

    @property
    def limits(self) -> Limits:
        """What holds now."""
        return self.limit_book.limits

    @property
    def places(self) -> frozenset[str] | None:
        """Where orders can go by name; None where the configuration names none, which only paper trading does."""
        live = frozenset(venue.line.venue_id for venue in self.venues)
        allowed, chains = live or self.limits.allow_exchanges, self.limits.allow_chains or frozenset()
        return None if allowed is None else frozenset(map(str, allowed | chains))

    def take_report(self, report: ExecutionReport) -> None:
        """A venue's later word on an order: a fill of a resting one, a trigger, an expiry."""
        try:
            self.reports.note(report, ReportSource.VENUE)
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
        self.notices.tell("journal.failed", journal_failed(self.recorder.failure or ""))
        await self.cancel_everything("core: the journal cannot be written")

    async def beat(self) -> None:
        """One look at the clock, the halt file, the proposals and the portfolio."""
        now = self.clock()
        self._give_sign()
        self._notice_watch.look(now)
        self._advance_venue()
        if self.halt.notice():
            self._tell_workers()
            await self._empty_for_halt("halt file")
        if not self.halt.is_halted():
            self._cancelled_by_halt = 0
        self._tell_workers()
        self.approvals.expire(now)
        self.limit_book.mature(now)
        self._watchdog.note_value(now)
        self._watchdog.note_quiet(now)
        marked = self.portfolio.mark(now)
        if marked is not None:
            await self.recorder.record(marked)
        point = self._series.due(now)
        if point is not None:
            await self.recorder.record(point)
        self._daily.look(now)

    def _give_sign(self, life: Life = Life.RUNNING) -> None:
        """Let the watchdog process know that we live, from time to time; it acts when it hears nothing."""
        now = time.monotonic()
        if life is Life.RUNNING and now - self._signed_at < SIGN_EVERY_S:
            return
        self._signed_at = now
        try:
            self._sign.write(life)
        except OSError as fault:
            log.error("the sign of life cannot be written: %s", fault.strerror)

    def _tell_workers(self) -> None:
        """Let every worker's gate know whether trading is halted; told again only when that has changed."""
        halted = self.halt.is_halted()
        if self.plugins is not None and halted is not self._workers_halted:
            self._workers_halted = halted
            self.plugins.set_halted(halted)
