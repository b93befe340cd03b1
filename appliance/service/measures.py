"""What is read for the metrics when somebody asks: figures of the core as it is now. Reads, and changes nothing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.money import ONE, ZERO
from readytrader_sdk.orders import TERMINAL_STATES, OrderState

from appliance.domain.agents import Agent
from appliance.domain.trading_state import TradingState
from appliance.plugin_host.health import WorkerHealth, WorkerState
from appliance.service.core import Core
from appliance.service.sign_of_life import Life
from appliance.telemetry import catalog
from appliance.telemetry.meter import Sample

ALIVE_S_MAX = 10.0
"""A watchdog process that was not heard for longer does not watch: it gives a sign every second."""
LIVE_STATES = frozenset(OrderState) - TERMINAL_STATES
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Measures:
    """Reads one core; `journal` is the journal's file."""

    def __init__(self, core: Core, journal: Path) -> None:
        self._core = core
        self._journal = journal

    def read(self) -> Iterator[Sample]:
        """Every figure, as of now."""
        now = self._core.clock()
        yield from self._trading(now)
        yield from self._worth(now)
        yield from self._limits()
        yield from self._written()
        yield from self._market(now)
        yield from self._workers()
        yield from self._notices()
        yield from self._venues(now)

    def _trading(self, now: datetime) -> Iterator[Sample]:
        core = self._core
        yield Sample(catalog.BUILD, 1, (core.identity.version, core.identity.mode))
        if core.started_at is not None:
            yield Sample(catalog.STARTED, core.started_at)
        yield Sample(catalog.HALTED, core.halt.is_halted())
        scopes = Counter(it.state for it in core.state.scopes.values())
        for state in TradingState:
            if state is not TradingState.ACTIVE:
                yield Sample(catalog.SCOPES, scopes[state], (state,))
        orders = Counter(order.state for order in core.state.live_orders.values())
        for live in sorted(LIVE_STATES | orders.keys()):
            yield Sample(catalog.ORDERS, orders[live], (live,))
        pending = core.approvals.pending()
        oldest = min((record.request.received_at for record in pending), default=now)
        yield Sample(catalog.PROPOSALS, len(pending))
        yield Sample(catalog.PROPOSAL_AGE, now - oldest)
        yield Sample(catalog.AGENTS, sum(_is_good(agent, now) for agent in core.state.agents.values()))

    def _worth(self, now: datetime) -> Iterator[Sample]:
        portfolio = self._core.portfolio
        equity = portfolio.equity(now).total
        if equity is not None:
            yield Sample(catalog.EQUITY, equity, (portfolio.accounting_asset,))
        marks = portfolio.performance(equity, now)
        if marks.nav is None:
            return
        yield Sample(catalog.NAV, marks.nav)
        for metric, reference in ((catalog.DRAWDOWN, marks.nav_peak), (catalog.DAY_LOSS, marks.nav_day_open)):
            if reference:
                yield Sample(metric, ONE - marks.nav / reference)

    def _limits(self) -> Iterator[Sample]:
        """The same gauges as operators are shown; agents and assets are not told apart, for there may be many."""
        fullest: dict[str, Decimal] = {}
        for usage in self._core.desk.gauges():
            level = usage.level
            if level.setting and level.limit > 0:
                fullest[level.setting] = max(fullest.get(level.setting, ZERO), level.used / level.limit)
        for name, ratio in sorted(fullest.items()):
            yield Sample(catalog.LIMIT_USED, ratio, (name,))

    def _written(self) -> Iterator[Sample]:
        journal = self._core.journal
        yield Sample(catalog.JOURNAL_ENTRIES, journal.size)
        yield Sample(catalog.JOURNAL_FAILED, self._core.recorder.failure is not None)
        yield Sample(catalog.JOURNAL_COMMITS, journal.counters.commits)
        files = (self._journal, self._journal.with_name(self._journal.name + "-wal"))
        yield Sample(catalog.JOURNAL_BYTES, sum(file.stat().st_size for file in files if file.exists()))
        disk = os.statvfs(self._journal.parent)
        yield Sample(catalog.DISK_FREE, disk.f_bavail * disk.f_frsize)

    def _market(self, now: datetime) -> Iterator[Sample]:
        bus = self._core.bus
        for symbol in self._core.state.instruments:
            view = bus.view(symbol, now, for_agent=None, execution=True)
            if view.age is not None:
                yield Sample(catalog.SYMBOL_QUOTE_AGE, view.age, (symbol,))
            yield Sample(catalog.SYMBOL_TRUSTED, view.problem is None and view.quote is not None, (symbol,))
        for status in bus.statuses():
            if status.info.supplier is not None:
                continue  # an agent's own: there can be any number of them
            name = (status.info.name,)
            if status.last_tick_at is not None:
                yield Sample(catalog.SOURCE_AGE, now - status.last_tick_at, name)
            yield Sample(catalog.SOURCE_TICKS, status.accepted, (*name, "accepted"))
            yield Sample(catalog.SOURCE_TICKS, status.refused, (*name, "refused"))

    def _workers(self) -> Iterator[Sample]:
        for health in () if self._core.plugins is None else self._core.plugins.health():
            name = (health.name,)
            yield Sample(catalog.WORKER_READY, health.state is WorkerState.READY, (*name, health.kind))
            for state in WorkerState:
                yield Sample(catalog.WORKER_STATE, health.state is state, (*name, state))
            yield Sample(catalog.WORKER_RESTARTS, health.restarts, name)
            yield from _of_process(health)
            if health.egress is not None:
                yield Sample(catalog.WORKER_CONNECTIONS, health.egress.opened, (*name, "opened"))
                yield Sample(catalog.WORKER_CONNECTIONS, health.egress.refused, (*name, "refused"))

    def _notices(self) -> Iterator[Sample]:
        for outbox in self._core.notices.outboxes:
            yield Sample(catalog.NOTICES_WAITING, len(outbox), (outbox.name,))

    def _venues(self, now: datetime) -> Iterator[Sample]:
        for watch in self._core.venues:
            health = watch.health()
            name = (health.venue,)
            yield Sample(catalog.VENUE_FIT, health.problem is None, name)
            yield Sample(catalog.VENUE_DRIFTS, len(health.drifts), name)
            yield Sample(catalog.VENUE_FOREIGN, len(health.foreign_orders), name)
            if health.clock_skew is not None:
                yield Sample(catalog.VENUE_SKEW, health.clock_skew, name)
            if health.agreed_at is not None:
                yield Sample(catalog.VENUE_AGREED_AGE, now - health.agreed_at, name)
        if self._core.venues:
            outside = self._core.outside
            sign = outside.look()
            hears = sign is not None and sign.life is Life.RUNNING and outside.has_heard
            yield Sample(catalog.WATCHDOG_ALIVE, hears and outside.silent_s <= ALIVE_S_MAX)


def _is_good(agent: Agent, now: datetime) -> bool:
    return agent.revoked_at is None and now < agent.expires_at


def _of_process(health: WorkerHealth) -> Iterator[Sample]:
    """CPU time and memory of a worker's process (proc_pid_stat(5): fields 14, 15 and 24); none where it is gone."""
    if health.pid is None:
        return
    try:
        text = Path(f"/proc/{health.pid}/stat").read_text()
    except OSError:
        return
    fields = text.rpartition(")")[2].split()  # from the third on: the second, its name, may hold anything
    yield Sample(catalog.WORKER_CPU, (int(fields[11]) + int(fields[12])) * _TICK_S, (health.name,))
    yield Sample(catalog.WORKER_MEMORY, int(fields[21]) * _PAGE_BYTES, (health.name,))
