"""One core, made of its parts: which object is given which."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.instruments import VenueId

from appliance import __version__
from appliance.bootstrap.on_disk import checkpoint_key, load_state, open_journal, restore_paper, secret_key
from appliance.bootstrap.settings_of import bus_settings, feeds, paper_settings, rate_settings, terms
from appliance.config import Configuration
from appliance.config.limit_settings import LimitSettings
from appliance.domain.orders import LIVE_PORTFOLIO, PAPER_ACCOUNT
from appliance.domain.snapshot import Mode
from appliance.domain.state import State
from appliance.home import Home
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.feed import Feeds
from appliance.paper.venue import PaperVenue
from appliance.plugin_host.catalog import worker_specs
from appliance.plugin_host.gate import Gate, LocalVenue, PermitSigner, Venue
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.remote import RemoteExchange, RemoteNotifier
from appliance.service.agents import Agents
from appliance.service.approvals import Approvals
from appliance.service.archive import Archive
from appliance.service.core import Core, Identity, SettingInForce
from appliance.service.daily_notice import DailyNotice
from appliance.service.desk import Desk
from appliance.service.enquiries import Enquiries
from appliance.service.equity import EquitySeries
from appliance.service.execution import Execution
from appliance.service.funds import Funds, assets_of
from appliance.service.halt import Halt, HaltFile
from appliance.service.history import History
from appliance.service.insights import Insights
from appliance.service.limit_book import LimitBook, LimitRefused
from appliance.service.measures import Measures
from appliance.service.notice_watch import NoticeWatch
from appliance.service.notices import Notices
from appliance.service.observe import Observer
from appliance.service.operators import Operators
from appliance.service.orders import Orders
from appliance.service.patience import AT_ONCE, Patience
from appliance.service.portfolio import Portfolio
from appliance.service.rate_limits import RateLimiter
from appliance.service.reconciliation import Reconciliation
from appliance.service.recorder import Clock, Recorder
from appliance.service.reports import Reports
from appliance.service.sign_of_life import Listening, SignFile
from appliance.service.stopping import Stopping
from appliance.service.venue_watch import VenueWatch
from appliance.service.venues import VenueLine, Venues
from appliance.service.watchdog import Watchdog
from appliance.store.credentials import Credentials
from appliance.store.journal import Journal
from appliance.store.seal import Sealer
from appliance.telemetry.catalog import JOURNAL_COMMIT
from appliance.telemetry.counting import Counting
from appliance.telemetry.telemetry import Telemetry


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


def build(
    home: Home,
    configuration: Configuration,
    clock: Clock = utc_now,
    plugins: PluginHost | None = None,
    patience: Patience | None = None,
    *,
    telemetry: Telemetry | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Core:
    """A core that has loaded its state and is ready to `start`. Without `plugins` it has no sources and no workers.

    Raises `HomeRefused`, `JournalUnavailable`, `JournalCorrupt`, `CredentialsUnavailable`, `CatalogError` and
    `Misconfigured`.
    """
    home.prepare()
    journal = open_journal(home)
    try:
        return Assembly(home, configuration, journal, clock, plugins, patience, telemetry, monotonic).core
    except BaseException:
        journal.close()
        raise


class Assembly:
    """The parts of one core, each made when it is first asked for and then the same for all."""

    def __init__(
        self,
        home: Home,
        configuration: Configuration,
        journal: Journal,
        clock: Clock,
        plugins: PluginHost | None,
        patience: Patience | None,
        telemetry: Telemetry | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.home = home
        self.configuration = configuration
        self.journal = journal
        self.clock = clock
        self.monotonic = monotonic
        self.plugins = plugins
        self.telemetry = telemetry or Telemetry()
        self.stages = self.telemetry.stages
        self.is_live = configuration.mode is Mode.LIVE
        self.patience = patience or (Patience() if self.is_live else AT_ONCE)
        if plugins is not None:
            self._add_workers(plugins)

    # what is true, and how it changes

    @cached_property
    def state(self) -> State:
        instruments = {instrument.symbol: instrument for instrument in self.configuration.instruments}
        state = State(instruments, self.configuration.limits.turnover_window)
        load_state(state, self.journal, self.clock())
        return state

    @cached_property
    def recorder(self) -> Recorder:
        return Recorder(self.journal, self.state, self.clock)

    @cached_property
    def limits(self) -> LimitBook:
        """Raises `Misconfigured` where what persons set does not go with the configuration."""
        settings = LimitSettings(self.configuration)
        try:
            return LimitBook(
                settings, self.configuration.mode, self.state, self.recorder, self.clock, self.monotonic,
                may_still_decide=lambda name, at: self.operators.may_still_decide(name, at),
            )  # fmt: skip
        except LimitRefused as fault:
            raise Misconfigured(str(fault)) from fault

    @cached_property
    def history(self) -> History:
        return History(self.state, self.journal)

    @cached_property
    def halt(self) -> Halt:
        return Halt(HaltFile(self.home.halt_file), self.state, self.recorder, self.clock)

    @cached_property
    def archive(self) -> Archive:
        sealer = Sealer(checkpoint_key(self.home), self.journal.origin)
        return Archive(self.journal, self.recorder, self.home.journal, sealer, self.portfolio.name)

    # the market, and what is held

    @cached_property
    def bus(self) -> MarketDataBus:
        return MarketDataBus(bus_settings(self.configuration), self.configuration.instruments)

    @cached_property
    def portfolio(self) -> Portfolio:
        """Paper money counts to the last coin; of a live account, what some instrument here can trade."""
        name, tracks = PAPER_ACCOUNT, None
        if self.is_live:
            name = LIVE_PORTFOLIO
            tracks = frozenset({self.configuration.limits.accounting_asset, *assets_of(self.configuration.instruments)})
        return Portfolio(self.state, self.bus, name, self.configuration.limits.accounting_asset, tracks)

    # where orders go

    @cached_property
    def signer(self) -> PermitSigner:
        return PermitSigner(Ed25519PrivateKey.from_private_bytes(secret_key(self.home.permit_key)))

    def _add_workers(self, plugins: PluginHost) -> None:
        """In live mode every worker that moves value is told the public half of the key that signs permits.

        In paper mode none is: a permit for paper money opens no real venue, whatever its name and wherever it gets to.
        """
        known = self.signer.public_key.public_bytes_raw() if self.is_live else b""
        plugins.add(worker_specs(self.configuration, self.home, known))

    @cached_property
    def paper(self) -> PaperVenue:
        settings = paper_settings(self.configuration)
        return PaperVenue(
            self.configuration.instruments, settings, self.clock, lambda report: self.core.take_report(report)
        )

    @cached_property
    def paper_gate(self) -> LocalVenue:
        gate = Gate(self.paper, self.signer.public_key, self.clock, self.halt.is_halted, venue=None)
        return LocalVenue(self.paper, gate)

    @cached_property
    def lines(self) -> Mapping[VenueId, VenueLine]:
        """The venues that take live orders, each at the end of its worker; none on paper, and none without plugins."""
        if self.plugins is None or not self.is_live:
            return {}
        return {
            VenueId(one.venue): VenueLine(VenueId(one.venue), RemoteExchange(self.plugins[one.name]))
            for one in self.configuration.live_exchanges
        }

    @cached_property
    def venues(self) -> Venues:
        return Venues(live=self.lines) if self.is_live else Venues(paper=self.paper_gate)

    # from a request to its end

    @cached_property
    def reports(self) -> Reports:
        return Reports(self.state, self.recorder, self.portfolio, self.clock, self.stages)

    @cached_property
    def enquiries(self) -> Enquiries:
        return Enquiries(self.venues, self.state, self.recorder, self.reports, self.patience, self.clock)

    @cached_property
    def execution(self) -> Execution:
        return Execution(self.venues, self.signer, self.state, self.reports, self.enquiries, self.patience, self.stages)

    @cached_property
    def orders(self) -> Orders:
        return Orders(
            self.venues, self.state, self.recorder, self.execution, self.reports, self.enquiries, self.history,
            self.patience,
        )  # fmt: skip

    @cached_property
    def agents(self) -> Agents:
        return Agents(self.state, self.recorder, self.clock)

    @cached_property
    def operators(self) -> Operators:
        return Operators(
            Credentials(self.home.credentials), self.recorder, secret_key(self.home.session_key),
            self.configuration.operator_listener.session_max, self.clock,
        )  # fmt: skip

    @cached_property
    def observer(self) -> Observer:
        return Observer(
            self.state, self.bus, self.portfolio, self.venues, self.limits, self.configuration.mode,
            live_enabled=self.configuration.live_trading_enabled,
        )  # fmt: skip

    @cached_property
    def desk(self) -> Desk:
        return Desk(
            state=self.state,
            recorder=self.recorder,
            observer=self.observer,
            execution=self.execution,
            agents=self.agents,
            limiter=RateLimiter(rate_settings(self.configuration), self.recorder, self.clock),
            history=self.history,
            limits=self.limits,
            clock=self.clock,
            stages=self.stages,
        )

    @cached_property
    def approvals(self) -> Approvals:
        key = secret_key(self.home.approval_key)
        return Approvals(
            self.state, self.recorder, self.desk, self.agents, self.limits, key, self.clock,
            lambda name, at: self.operators.may_still_decide(name, at),
        )  # fmt: skip

    # who watches

    def reconciliation(self, account: str, venue: Venue) -> Reconciliation:
        """Of one account."""
        return Reconciliation(
            account, venue, state=self.state, recorder=self.recorder, reports=self.reports, enquiries=self.enquiries,
            execution=self.execution, history=self.history, portfolio=self.portfolio, limits=self.limits,
            patience=self.patience, clock=self.clock, stages=self.stages,
        )  # fmt: skip

    def watches(self) -> Iterator[VenueWatch]:
        """One for each live venue."""
        for exchange in self.configuration.live_exchanges:
            line = self.lines.get(VenueId(exchange.venue))
            if line is not None and self.plugins is not None:
                yield VenueWatch(
                    line, terms(exchange), self.plugins[exchange.name].up,
                    self.reconciliation(exchange.venue, line.venue), state=self.state, recorder=self.recorder,
                    enquiries=self.enquiries, portfolio=self.portfolio, patience=self.patience, clock=self.clock,
                )  # fmt: skip

    @cached_property
    def stopping(self) -> Stopping:
        return Stopping(
            self.venues, self.state, self.orders, self.enquiries, self.recorder, self.patience,
            lambda: self.halt.is_halted() or bool(self.recorder.failure),
        )  # fmt: skip

    @cached_property
    def watchdog(self) -> Watchdog:
        return Watchdog(self.state, self.recorder, self.portfolio, self.limits, self.clock, self.bus.quiet_symbols)

    @cached_property
    def notices(self) -> Notices:
        notifiers = {}
        if self.plugins is not None:
            notifiers = {one.name: RemoteNotifier(self.plugins[one.name]) for one in self.configuration.notifiers}
        return Notices(
            notifiers, self.clock, self.patience, lambda: self.journal.checkpoint,
            routes={one.name: one.route for one in self.configuration.notifiers}, state=self.state,
            recorder=self.recorder,
        )  # fmt: skip

    @cached_property
    def outside(self) -> Listening:
        return Listening(SignFile(self.home.watchdog_sign, self.clock))

    @cached_property
    def notice_watch(self) -> NoticeWatch:
        plugins = self.plugins
        return NoticeWatch(
            self.notices, self.portfolio, lambda: self.limits.limits,
            lambda: () if plugins is None else plugins.health(), self.outside,
        )  # fmt: skip

    # the whole

    @cached_property
    def core(self) -> Core:
        """The core, with everything that hangs together by calls tied."""
        lost = () if self.is_live else restore_paper(self.paper, self.state)
        if not self.is_live:
            self.bus.subscribe(lambda _source, tick: self.paper.on_tick(tick))
        self.reports.on_rejected = self.watchdog.note_rejection
        core = Core(
            identity=Identity(
                version=__version__,
                mode=self.configuration.mode,
                configuration_digest=self.configuration.digest,
            ),
            settings=tuple(
                SettingInForce(name=it.setting, value=it.value, unit=it.unit, origin=str(it.origin))
                for it in self.configuration.effective
            ),
            limit_book=self.limits,
            state=self.state,
            journal=self.journal,
            recorder=self.recorder,
            desk=self.desk,
            agents=self.agents,
            operators=self.operators,
            approvals=self.approvals,
            orders=self.orders,
            funds=Funds(self.state, self.recorder, self.portfolio, self.paper, self.configuration.mode, self.clock),
            halt=self.halt,
            history=self.history,
            portfolio=self.portfolio,
            series=EquitySeries(self.state, self.portfolio, self.configuration.equity_every),
            archive=self.archive,
            insights=Insights(self.state, self.recorder, self.clock, offered=self.configuration.insight_tools),
            daily=DailyNotice(self.state, self.recorder, self.archive, wanted=self.configuration.daily_summary),
            bus=self.bus,
            reports=self.reports,
            enquiries=self.enquiries,
            paper=None if self.is_live else self.reconciliation(PAPER_ACCOUNT, self.paper_gate),
            venues=tuple(self.watches()),
            stopping=self.stopping,
            watchdog=self.watchdog,
            notices=self.notices,
            notice_watch=self.notice_watch,
            sign=SignFile(self.home.core_sign, self.clock),
            outside=self.outside,
            feeds=Feeds(feeds(self.configuration, self.plugins, self.bus, self.clock)),
            plugins=self.plugins,
            advance_venue=self.paper.advance,
            telemetry=self.telemetry,
            clock=self.clock,
        )
        self.recorder.accompany(self.notices.beside)
        self.recorder.listen(self.notices.hear)
        self._measure(core)
        core.adopt(lost, start_halted=self.configuration.trading_halted)
        return core

    def _measure(self, core: Core) -> None:
        """Let the meter hear of everything that is recorded, and read the rest when it is asked."""
        counting = Counting(self.telemetry.meter)
        counting.expect(one.name for one in self.configuration.notifiers)
        self.recorder.listen(lambda event: counting.hear(event, self.clock()))
        self.journal.on_commit = self.telemetry.meter.timer(JOURNAL_COMMIT)
        self.telemetry.meter.read_from(Measures(core, self.home.journal).read)
