"""Limits on the whole portfolio, everything in flight included (R08 to R15). None of them stops an exit."""

from __future__ import annotations

from datetime import timedelta

from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import Side

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import OrderIntent
from appliance.pipeline import levels
from appliance.pipeline.case import Case, Ceiling, Level, deny


def equity_known(case: Case) -> Denial | None:
    """Limits are shares of equity: unless all that is held can be priced, there is nothing to measure by."""
    account = case.snapshot.account
    if account.equity is not None and account.exposure is not None:
        return None
    missing = ", ".join(account.unpriced) or "unknown"
    return deny(Code.EQUITY_UNKNOWN, f"no sane price for what is held: {missing}", observed=missing)


def position_known(case: Case) -> Denial | None:
    """What is held of the asset that is entered, and what that is worth, must be known: neither is taken for 0."""
    asset, account = _entered(case), case.snapshot.account
    if asset is None or (asset in account.holding and account.accounting_price.get(asset, ZERO) > 0):
        return None
    return deny(Code.EQUITY_UNKNOWN, f"the present position in {asset} cannot be valued", observed=asset)


def performance_known(case: Case) -> Denial | None:
    """While anything is held, the loss limits need their reference points. An empty account has nothing to lose."""
    performance = case.snapshot.performance
    if not case.snapshot.account.equity:
        return None
    for name, value in (
        ("net asset value", performance.nav),
        ("net asset value at 00:00 UTC", performance.nav_day_open),
        ("highest net asset value", performance.nav_peak),
    ):
        if value is None or value <= 0:
            seen = "none" if value is None else value
            return deny(Code.EQUITY_UNKNOWN, f"the {name} is not known, so no loss can be measured", seen, 0)
    return None


def position(case: Case) -> Ceiling | None:
    """The position *after* the trade: held, on its way in by open orders, and this one at its worst price."""
    asset = _entered(case)
    if asset is None or case.sizing is None:
        return None
    level = levels.position(asset, case.snapshot.account, case.limits)  # nothing is ever missing: see position_known
    percent = case.limits.position_max_pct
    return _ceiling(case, level, f"the position in {asset} after the trade (limit {percent} % of equity)")


def exposure(case: Case) -> Ceiling | None:
    """Everything outside cash together, this one included."""
    if _entered(case) is None:
        return None
    level = levels.exposure(case.snapshot.account, case.limits)
    return _ceiling(case, level, f"the value of all positions (limit {case.limits.exposure_max_pct} % of equity)")


def _entered(case: Case) -> Asset | None:
    """The asset whose position the request builds up, or None when it brings in cash or nothing."""
    if case.sizing is None or case.sizing.receive_asset in case.limits.cash_assets:
        return None
    return case.sizing.receive_asset


def open_orders(case: Case) -> Denial | None:
    """One more open order must still be within the count."""
    level = levels.open_orders(case.snapshot.account, case.limits)
    if not isinstance(case.intent, OrderIntent) or level.used + 1 <= level.limit:
        return None
    return deny(level.code, "too many open orders", level.used + 1, level.limit, level.unit)


def open_notional(case: Case) -> Ceiling | None:
    """Everything sent and not yet executed, this one included."""
    level = levels.open_notional(case.snapshot.account, case.limits)
    return _ceiling(
        case, level, f"the value of all open orders (limit {case.limits.open_notional_max_pct} % of equity)"
    )


def turnover(case: Case) -> Ceiling | None:
    """What the agent has traded in the window, this one included: twenty small trades are one large one."""
    traded = case.snapshot.agent.turnover
    level = levels.turnover(case.request.agent_id, traded, case.snapshot.account, case.limits)
    window, percent = case.limits.turnover_window, case.limits.turnover_max_pct
    return _ceiling(case, level, f"the agent's turnover in {window} (limit {percent} % of equity)")


def _ceiling(case: Case, level: Level | None, what: str) -> Ceiling | None:
    """A level that the request's worst value adds to; None where either is unknown, which others refuse."""
    return None if level is None or case.sizing is None else Ceiling(level, case.sizing.value_per_unit, what)


def daily_loss(case: Case) -> Denial | None:
    """Realised, unrealised and fees since 00:00 UTC; money put in or taken out does not count."""
    return _fall(levels.daily_loss(case.snapshot.performance, case.limits), "since 00:00 UTC")


def drawdown(case: Case) -> Denial | None:
    """The fall from the highest net asset value ever."""
    return _fall(levels.drawdown(case.snapshot.performance, case.limits), "below the peak")


def _fall(level: Level | None, since: str) -> Denial | None:
    """Reaching the limit stops entries. What is missing is `performance_known`'s to refuse."""
    if level is None or level.used < level.limit:
        return None
    text = f"net asset value is {since} by {round(level.used, 4)} %"
    return deny(level.code, text, level.used, level.limit, level.unit)


def falling_knife(case: Case) -> Denial | None:
    """No buying while sentiment is below the floor. The score comes from a data source, never from the agent."""
    floor, score = case.limits.sentiment_min, case.snapshot.sentiment
    if floor is None or score is None or not _buys(case) or score >= floor:
        return None
    return deny(Code.FALLING_KNIFE, "sentiment is too low to buy", score, floor, "score")


def sentiment_known(case: Case) -> Denial | None:
    """Where the rule is on, a missing or old score refuses: it is never read as neutral."""
    snapshot, limits = case.snapshot, case.limits
    if limits.sentiment_min is None or not _buys(case):
        return None
    if snapshot.sentiment is None or snapshot.sentiment_at is None:
        return deny(Code.SENTIMENT_MISSING, "the sentiment source has given no score", observed="none")
    age = snapshot.now - snapshot.sentiment_at
    if -limits.clock_skew_max <= age <= limits.sentiment_age_max:
        return None
    return deny(
        Code.SENTIMENT_MISSING,
        "the sentiment score is too old" if age > timedelta(0) else "the sentiment score is dated ahead of our clock",
        age.total_seconds(),
        limits.sentiment_age_max.total_seconds(),
        "s",
    )


def _buys(case: Case) -> bool:
    return case.sizing is not None and case.sizing.side is Side.BUY
