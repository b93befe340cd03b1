"""Values of the core as an operator sees them."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from appliance.domain.agents import Agent
from appliance.domain.orders import Order
from appliance.plugin_host.egress.wire import EgressCounts
from appliance.plugin_host.health import WorkerHealth
from appliance.service.core import Core
from appliance.service.journal_words import reason_words
from appliance.transport import operator_results as results
from appliance.transport.amounts import amount_text, number_text
from appliance.transport.foreign_text import printable
from appliance.transport.notice_acts import notices_status
from appliance.transport.tool_results import order_view
from appliance.transport.venue_views import venue_views, watchdog_view


def status_view(core: Core) -> results.StatusView:
    """How everything is, in one value."""
    now = core.clock()
    equity = core.portfolio.equity(now).total
    return results.StatusView(
        version=core.identity.version,
        mode=core.identity.mode,
        now=now,
        started_at=core.started_at,
        halted=core.halt.is_halted(),
        states=tuple(
            results.ScopeView(
                scope=it.scope,
                state=it.state,
                by=printable(it.by, 100),
                reason=printable(it.reason, 200),
                since=it.since,
            )
            for it in core.state.scopes.values()
        ),
        journal_failure=core.recorder.failure,
        journal_entries=core.journal.size,
        checkpoint=core.journal.checkpoint,
        approvals_pending=len(core.approvals.pending()),
        orders_live=len(core.state.live_orders),
        agents=sum(agent.revoked_at is None and now < agent.expires_at for agent in core.state.agents.values()),
        equity=None if equity is None else amount_text(equity, core.portfolio.accounting_asset),
        sources=tuple(
            results.SourceHealth(
                name=it.info.name,
                admissible=it.info.admissible,
                accepted=it.accepted,
                refused=it.refused,
                last_tick_at=it.last_tick_at,
            )
            for it in core.bus.statuses()
        ),
        workers=() if core.plugins is None else tuple(map(worker_view, core.plugins.health())),
        venues=venue_views(core),
        watchdog=watchdog_view(core.outside),
        notices=notices_status(core),
        configuration_digest=core.identity.configuration_digest,
    )


def worker_view(health: WorkerHealth) -> results.WorkerView:
    """A worker as it is, and what it tried to reach."""
    egress = health.egress or EgressCounts()
    return results.WorkerView(
        name=health.name,
        plugin=health.plugin,
        kind=health.kind,
        state=health.state,
        pid=health.pid,
        restarts=health.restarts,
        last_error=None if health.last_error is None else printable(health.last_error, 300),
        cage_missing=health.cage_missing,
        connections=egress.opened,
        connections_refused=egress.refused,
        refused_last=printable(egress.last_refusal, 200) or None,
    )


def operator_order(order: Order) -> results.OperatorOrder:
    """An order with whose it is, and why it stands so in words."""
    view = order_view(order)
    if view.reason is not None:
        view = msgspec.structs.replace(view, reason=reason_words(view.reason))
    return results.OperatorOrder(agent=order.agent_id, approved_by=order.approved_by, order=view)


def agent_view(agent: Agent, core: Core) -> results.AgentView:
    """An agent without its token, of which only a hash is kept anyway."""
    return results.AgentView(
        name=agent.agent_id,
        scopes=tuple(sorted(agent.scopes)),
        symbols=None if agent.symbols is None else tuple(sorted(agent.symbols)),
        created_at=agent.created_at,
        expires_at=agent.expires_at,
        revoked_at=agent.revoked_at,
        good=agent.revoked_at is None and core.clock() < agent.expires_at,
    )


def portfolio_view(core: Core) -> results.PortfolioView:
    """The account with its worth and the reference points of the loss limits."""
    now, accounting = core.clock(), core.portfolio.accounting_asset
    equity = core.portfolio.equity(now)
    marks = core.portfolio.performance(equity.total, now)
    return results.PortfolioView(
        account=core.portfolio.name,
        holdings=tuple(
            results.HoldingView(
                total=amount_text(row.total, row.asset),
                price=None if row.price is None else amount_text(row.price, accounting),
                value=None if row.value is None else amount_text(row.value, accounting),
            )
            for row in core.portfolio.holdings(now)
        ),
        equity=None if equity.total is None else amount_text(equity.total, accounting),
        unpriced=equity.unpriced,
        nav=_plain(marks.nav),
        nav_day_open=_plain(marks.nav_day_open),
        nav_peak=_plain(marks.nav_peak),
    )


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else number_text(value)
