"""Tools that look at the account, the limits and the appliance itself, and that put in paper money."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ONE

from appliance.domain.limits import Limits
from appliance.domain.trading_state import GLOBAL, Scope, TradingState, strictest
from appliance.pipeline.case import Level
from appliance.service.outcomes import Refused
from appliance.service.portfolio import Valued
from appliance.transport import tool_arguments as arguments
from appliance.transport.amounts import amount_from_text, amount_text, number_text
from appliance.transport.foreign_text import printable
from appliance.transport.tool import Caller
from appliance.transport.tool_results import Answer, View

_PERCENT_GRAIN = Decimal("0.0001")


class DepositAnswer(Answer, frozen=True, kw_only=True):
    total: str


class BalanceView(View, frozen=True, kw_only=True):
    total: str
    reserved: str | None = None
    price: str | None = None
    value: str | None = None


class BalanceAnswer(Answer, frozen=True, kw_only=True):
    """The shared account. What has no sane price now has no value, and then neither has the whole."""

    mode: str
    balances: tuple[BalanceView, ...]
    equity: str | None = None
    nav_per_unit: str | None = None
    profit_total_pct: str | None = None
    profit_today_pct: str | None = None
    below_peak_pct: str | None = None


class LimitView(View, frozen=True, kw_only=True):
    name: str
    max: str
    used: str | None = None


class PolicyAnswer(Answer, frozen=True, kw_only=True):
    """The limits in force for the caller."""

    mode: str
    trading_state: str
    trading_state_reason: str | None = None
    scopes: tuple[str, ...]
    symbols: tuple[str, ...]
    exchanges: tuple[str, ...] | None = None
    approval_mode: str
    limits: tuple[LimitView, ...]


class HealthAnswer(Answer, frozen=True, kw_only=True):
    version: str
    mode: str
    now: datetime
    started_at: datetime | None = None
    trading_state: str
    journal: str
    entries: int
    agent: str


async def deposit_paper_funds(caller: Caller, asked: arguments.DepositPaperFunds) -> Answer | Refused:
    amount = amount_from_text(asked.amount, asked.asset, "amount")
    total = await caller.core.funds.deposit(caller.principal, Asset(asked.asset), amount)
    return total if isinstance(total, Refused) else DepositAnswer(ok=True, total=amount_text(total, asked.asset))


async def get_cex_balance(caller: Caller, _asked: arguments.Arguments) -> Answer | Refused:
    core, now = caller.core, caller.core.clock()
    accounting = core.portfolio.accounting_asset
    equity = core.portfolio.equity(now).total
    performance = core.portfolio.performance(equity, now)
    reserved = _reserved(caller)
    return BalanceAnswer(
        ok=True,
        mode=core.identity.mode,
        balances=tuple(_balance(row, reserved.get(row.asset), accounting) for row in core.portfolio.holdings(now)),
        equity=None if equity is None else amount_text(equity, accounting),
        nav_per_unit=None if performance.nav is None else number_text(performance.nav),
        profit_total_pct=_change_pct(performance.nav, ONE),
        profit_today_pct=_change_pct(performance.nav, performance.nav_day_open),
        below_peak_pct=_change_pct(performance.nav, performance.nav_peak),
    )


def _reserved(caller: Caller) -> dict[Asset, Decimal]:
    totals: dict[Asset, Decimal] = {}
    for order in caller.core.state.live_orders.values():
        taken = order.reserved
        totals[taken.asset] = totals.get(taken.asset, Decimal(0)) + taken.value
    return totals


def _balance(row: Valued, reserved: Decimal | None, accounting: str) -> BalanceView:
    return BalanceView(
        total=amount_text(row.total, row.asset),
        reserved=None if reserved is None else amount_text(reserved, row.asset),
        price=None if row.price is None else amount_text(row.price, accounting),
        value=None if row.value is None else amount_text(row.value, accounting),
    )


async def get_policy(caller: Caller, _asked: arguments.Arguments) -> Answer | Refused:
    core, principal = caller.core, caller.principal
    limits = core.limits
    state, reason = _trading_state(caller)
    exchanges = limits.allow_exchanges
    tradable = limits.allow_symbols or core.state.instruments.keys()
    return PolicyAnswer(
        ok=True,
        mode=core.identity.mode,
        trading_state=state,
        trading_state_reason=reason,
        scopes=tuple(sorted(principal.scopes)),
        symbols=tuple(sorted(tradable if principal.symbols is None else principal.symbols & set(tradable))),
        exchanges=None if exchanges is None else tuple(sorted(exchanges)),
        approval_mode=limits.approval_mode,
        limits=tuple(_limit_rows(caller, limits)),
    )


def _limit_rows(caller: Caller, limits: Limits) -> list[LimitView]:
    """What is allowed, and what the rules count as used of it: the caller's own turnover, and no other agent's."""
    own = f"turnover {caller.principal.agent_id}"
    levels = [usage.level for usage in caller.core.desk.gauges()]
    used = {it.setting: it for it in levels if it.setting != "turnover_max_pct" or it.name == own}
    rows = [
        _percent_row("position_max_pct", limits.position_max_pct, "of equity, per position"),
        _share_row("exposure_max_pct", limits.exposure_max_pct, used),
        _percent_row("daily_loss_max_pct", limits.daily_loss_max_pct, "", _fall(used.get("daily_loss_max_pct"))),
        _percent_row("drawdown_max_pct", limits.drawdown_max_pct, "", _fall(used.get("drawdown_max_pct"))),
        _share_row("turnover_max_pct", limits.turnover_max_pct, used),
        _share_row("open_notional_max_pct", limits.open_notional_max_pct, used),
        LimitView(
            name="open_orders_max", max=str(limits.open_orders_max), used=number_text(used["open_orders_max"].used)
        ),
        _percent_row("price_collar_pct", limits.collar_hard_pct, "beyond the market"),
        _percent_row("spread_max_pct", limits.spread_max_pct, "of the mid price"),
        LimitView(name="quote_age_max", max=f"{limits.quote_age_max.total_seconds():g} s"),
    ]
    for name, cap in (("order", limits.notional_order_max), ("cex_order", limits.notional_cex_order_max)):
        if cap is not None:
            rows.append(LimitView(name=f"notional_{name}_max", max=amount_text(cap, limits.accounting_asset)))
    rows += [
        LimitView(name="quantity_order_max", max=amount_text(cap, asset))
        for asset, cap in sorted(limits.quantity_order_max.items())
    ]
    return rows


async def get_health(caller: Caller, _asked: arguments.Arguments) -> Answer | Refused:
    core = caller.core
    return HealthAnswer(
        ok=core.recorder.failure is None,
        version=core.identity.version,
        mode=core.identity.mode,
        now=core.clock(),
        started_at=core.started_at,
        trading_state=_trading_state(caller)[0],
        journal="writable" if core.recorder.failure is None else "cannot be written; nothing is sent",
        entries=core.journal.size,
        agent=caller.principal.agent_id,
    )


def _trading_state(caller: Caller) -> tuple[TradingState, str | None]:
    """The strictest state of those that always apply to the caller; a venue or symbol may be stricter still."""
    scopes = caller.core.state.scopes
    if caller.core.halt.is_halted():
        return TradingState.HALTED, "the operator's halt is in force"
    names = (GLOBAL, Scope(f"agent:{caller.principal.agent_id}"))
    worst = strictest(scopes[name] for name in names if name in scopes)
    if worst is None or worst.state is TradingState.ACTIVE:
        return TradingState.ACTIVE, None
    return worst.state, printable(worst.reason, 200)


def _percent_row(name: str, most: Decimal, of: str, used: Decimal | None = None) -> LimitView:
    return LimitView(
        name=name, max=f"{number_text(most)} % {of}".rstrip(), used=None if used is None else f"{number_text(used)} %"
    )


def _share_row(name: str, most: Decimal, used: Mapping[str, Level]) -> LimitView:
    """A limit that is a share of equity; how much is used is told as such a share, too."""
    level = used.get(name)
    share = None if level is None or level.limit <= 0 else (level.used / level.limit * most).quantize(_PERCENT_GRAIN)
    return _percent_row(name, most, "of equity", share)


def _fall(level: Level | None) -> Decimal | None:
    return None if level is None else max(Decimal(0), level.used).quantize(_PERCENT_GRAIN)


def _change_pct(nav: Decimal | None, reference: Decimal | None) -> str | None:
    return None if nav is None or not reference else number_text((100 * (nav / reference - 1)).quantize(_PERCENT_GRAIN))
