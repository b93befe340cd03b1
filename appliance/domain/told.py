"""What people and agents leave here for others to read: market insights and strategies. Data, and never a fact.

No rule reads them and no snapshot holds them: whatever stands here, every decision comes out the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Symbol

INSIGHTS_EACH_MAX = 200
"""Insights of one author that are kept in memory; their oldest go first. All of them stay in the journal."""
INSIGHT_LIFE_MAX = timedelta(days=7)


class Insight(Struct, frozen=True, kw_only=True):
    """What somebody thinks of a market, for a while. `signal` and `reasoning` are foreign text."""

    insight_id: str
    symbol: Symbol
    by: str
    """The agent that was authenticated, or `operator:NAME`; never what the text says."""
    came_by: str
    """How it came in: `mcp` or `http`."""
    signal: str
    confidence: Decimal
    """0 to 1, in its author's own opinion."""
    reasoning: str
    posted_at: datetime
    expires_at: datetime


class Strategy(Struct, frozen=True, kw_only=True):
    """A strategy that an operator wrote down. Nothing carries it out; agents may follow it within their limits."""

    name: str
    by: str
    text: str
    symbols: tuple[Symbol, ...]
    posted_at: datetime
    withdrawn_at: datetime | None = None


class InsightPosted(Struct, frozen=True, kw_only=True):
    """Somebody said what they think of a market. It changes no decision."""

    insight: Insight


class StrategySet(Struct, frozen=True, kw_only=True):
    """An operator wrote a strategy down, or withdrew one. It changes no decision."""

    strategy: Strategy


class DayTold(Struct, frozen=True, kw_only=True):
    """A day was summed up for the notifiers."""

    day: date
    text: str
    """Empty where the day has no entries: then nobody is told."""


class JournalTakenOut(Struct, frozen=True, kw_only=True):
    """A person took entries out of the journal as a file; empty where `last` is before `first`."""

    by: str
    form: str
    first: int
    last: int


class Board:
    """The insights and strategies that are in force. Changed by `State` alone."""

    def __init__(self) -> None:
        self._insights: dict[str, Insight] = {}
        self._own: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """The IDs of each author's insights, the oldest first."""
        self._strategies: dict[str, Strategy] = {}

    def put(self, value: Insight | Strategy) -> None:
        """Take one in, in the place of an older one of the same name."""
        if isinstance(value, Strategy):
            self._strategies[value.name] = value
            return
        self._insights[value.insight_id] = value
        own = self._own[value.by]
        own[value.insight_id] = None
        if len(own) > INSIGHTS_EACH_MAX:
            oldest = next(iter(own))
            del own[oldest], self._insights[oldest]

    def insights(self, now: datetime, symbol: Symbol | None = None) -> Iterable[Insight]:
        """Those that have not expired, the newest first."""
        return (
            it
            for it in reversed(self._insights.values())
            if now < it.expires_at and (symbol is None or it.symbol == symbol)
        )

    def posted_since(self, by: str, since: datetime) -> int:
        """How many insights somebody has posted after `since`, of those in memory."""
        return sum(it.by == by and it.posted_at > since for it in self._insights.values())

    def strategies(self) -> tuple[Strategy, ...]:
        """Those that were not withdrawn, by name."""
        return tuple(it for _, it in sorted(self._strategies.items()) if it.withdrawn_at is None)

    def strategy(self, name: str) -> Strategy | None:
        """The strategy of this name, unless it was withdrawn."""
        found = self._strategies.get(name)
        return found if found is not None and found.withdrawn_at is None else None
