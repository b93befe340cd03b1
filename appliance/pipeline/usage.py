"""How much of every limit is used now, and how much would be after a request: what people see is what the rules use.

Pure, and no rule of its own: the ceilings and levels are those that `decide` refuses by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, localcontext

from msgspec import Struct
from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ONE, ZERO

from appliance.domain.intents import AgentId, OrderIntent, Request
from appliance.domain.limits import Limits
from appliance.domain.snapshot import AccountFacts, PerformanceFacts, Snapshot
from appliance.pipeline import levels
from appliance.pipeline.case import EXACT, Case, Ceiling, Level, Limit
from appliance.pipeline.checks import CEILINGS, ENTRY_CEILINGS

_WHOLE = Decimal(100)


class Usage(Struct, frozen=True, kw_only=True):
    """One limit before and after a request; the same twice where nothing is asked."""

    level: Level
    after: Decimal

    @property
    def before(self) -> Decimal:
        return self.level.used

    @property
    def before_pct(self) -> Decimal | None:
        return share_pct(self.before, self.level.limit)

    @property
    def after_pct(self) -> Decimal | None:
        return share_pct(self.after, self.level.limit)


def share_pct(used: Decimal, limit: Decimal) -> Decimal | None:
    """How much of a limit is used, in percent, never below 0; of a limit of 0, all or nothing."""
    if used <= 0:
        return ZERO
    return used / limit * _WHOLE if limit > 0 else None


def usage_of(request: Request, snapshot: Snapshot, limits: Limits) -> tuple[Usage, ...]:
    """Every limit that the request draws on, at its worst; of an exit, those that hold for exits."""
    with localcontext(EXACT):
        return tuple(_usage_of(Case(request, snapshot, limits)))


def _usage_of(case: Case) -> Iterator[Usage]:
    if case.sizing is not None:
        for check in CEILINGS if case.is_exit else CEILINGS + ENTRY_CEILINGS:
            ceiling = _asked(check, case)
            if ceiling is not None:
                yield Usage(level=ceiling.level, after=ceiling.used + case.sizing.quantity * ceiling.per_unit)
    if case.is_exit:
        return
    if isinstance(case.intent, OrderIntent):
        count = levels.open_orders(case.snapshot.account, case.limits)
        yield Usage(level=count, after=count.used + ONE)
    yield from map(_unmoved, _falls(case.snapshot.performance, case.limits))


def _asked(check: Limit, case: Case) -> Ceiling | None:
    try:
        return check(case)
    except Exception:  # noqa: BLE001 - a rule that cannot be asked refuses in `decide`, and has nothing to show
        return None


def gauges(
    account: AccountFacts,
    performance: PerformanceFacts,
    positions: Sequence[Asset],
    turnovers: Mapping[AgentId, Decimal],
    limits: Limits,
) -> tuple[Usage, ...]:
    """Every limit on the whole portfolio as it stands; one that cannot be known is left out."""
    with localcontext(EXACT):
        known: list[Level | None] = [
            levels.exposure(account, limits),
            *(levels.position(asset, account, limits) for asset in positions),
            levels.open_orders(account, limits),
            levels.open_notional(account, limits),
            *(levels.turnover(agent_id, traded, account, limits) for agent_id, traded in turnovers.items()),
            *_falls(performance, limits),
        ]
        return tuple(_unmoved(level) for level in known if level is not None)


def _falls(performance: PerformanceFacts, limits: Limits) -> list[Level]:
    both = levels.daily_loss(performance, limits), levels.drawdown(performance, limits)
    return [level for level in both if level is not None]


def _unmoved(level: Level) -> Usage:
    return Usage(level=level, after=level.used)
