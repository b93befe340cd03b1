"""How much of each limit on the whole portfolio is used (R08 to R13). What the rules refuse by is what a gauge shows.

A level that cannot be known is None: the rules that need it refuse for themselves.
"""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ONE, ZERO

from appliance.domain.codes import Code
from appliance.domain.intents import AgentId
from appliance.domain.limits import Limits
from appliance.domain.snapshot import AccountFacts, PerformanceFacts
from appliance.pipeline.case import Level
from appliance.pipeline.terms import PERCENT


def position(asset: Asset, account: AccountFacts, limits: Limits) -> Level | None:
    """Held anywhere, or on its way in by open orders, at the present price."""
    limit = _share(account, limits.position_max_pct)
    if limit is None:
        return None
    held = account.holding.get(asset, ZERO) + account.held_elsewhere.get(asset, ZERO)
    units = held + account.incoming.get(asset, ZERO)
    worth = units * account.accounting_price.get(asset, ZERO)
    name = f"position {asset}"
    return Level(Code.POSITION_ABOVE_MAX, name, "position_max_pct", worth, limit, limits.accounting_asset)


def exposure(account: AccountFacts, limits: Limits) -> Level | None:
    """Everything outside cash together."""
    limit = _share(account, limits.exposure_max_pct)
    if limit is None or account.exposure is None:
        return None
    return Level(
        Code.EXPOSURE_ABOVE_MAX, "exposure", "exposure_max_pct", account.exposure, limit, limits.accounting_asset
    )


def open_orders(account: AccountFacts, limits: Limits) -> Level:
    """How many orders are open."""
    count, limit = Decimal(account.open_orders), Decimal(limits.open_orders_max)
    return Level(Code.OPEN_ORDERS_ABOVE_MAX, "open orders", "open_orders_max", count, limit, "orders")


def open_notional(account: AccountFacts, limits: Limits) -> Level | None:
    """Everything sent and not yet executed."""
    limit = _share(account, limits.open_notional_max_pct)
    if limit is None:
        return None
    return Level(
        Code.OPEN_NOTIONAL_ABOVE_MAX,
        "value of open orders",
        "open_notional_max_pct",
        account.open_notional,
        limit,
        limits.accounting_asset,
    )


def turnover(agent_id: AgentId, traded: Decimal, account: AccountFacts, limits: Limits) -> Level | None:
    """What an agent has traded in the window."""
    limit = _share(account, limits.turnover_max_pct)
    if limit is None:
        return None
    return Level(
        Code.TURNOVER_ABOVE_MAX, f"turnover {agent_id}", "turnover_max_pct", traded, limit, limits.accounting_asset
    )


def daily_loss(performance: PerformanceFacts, limits: Limits) -> Level | None:
    """The fall since 00:00 UTC; below zero where it is a gain. Reaching the limit stops entries."""
    fall = _fall_pct(performance.nav, performance.nav_day_open)
    if fall is None:
        return None
    return Level(Code.DAILY_LOSS, "daily loss", "daily_loss_max_pct", fall, limits.daily_loss_max_pct, "%")


def drawdown(performance: PerformanceFacts, limits: Limits) -> Level | None:
    """The fall from the highest net asset value. Reaching the limit stops entries."""
    fall = _fall_pct(performance.nav, performance.nav_peak)
    if fall is None:
        return None
    return Level(Code.DRAWDOWN, "drawdown", "drawdown_max_pct", fall, limits.drawdown_max_pct, "%")


def _share(account: AccountFacts, percent: Decimal) -> Decimal | None:
    """A percentage of equity in the accounting asset, or None when equity is unknown."""
    return None if account.equity is None else max(account.equity, ZERO) * percent * PERCENT


def _fall_pct(nav: Decimal | None, reference: Decimal | None) -> Decimal | None:
    if nav is None or reference is None or reference <= 0:
        return None
    return (ONE - nav / reference) * 100
