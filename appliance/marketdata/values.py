"""The values of the market-data bus: its settings, its sources, its verdicts and its answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Quote

from appliance.domain.intents import AgentId


class Priority(IntEnum):
    """Which source is preferred; the lowest number first."""

    STREAM = 0
    """Pushed by a venue as it happens."""
    INGEST = 1
    """Handed in by an agent or another service."""
    REST = 2
    """Polled: the fallback."""


class SourceInfo(Struct, frozen=True, kw_only=True):
    """One source of market data, and how far it is trusted."""

    name: str
    priority: Priority
    admissible: bool
    """Whether it may count for execution: the operator configured it, or its agent holds the `feed` scope."""
    supplier: AgentId | None = None
    """The agent that hands it in; None for a source of the operator's. Never admissible for its own supplier."""
    quote_age_max: timedelta | None = None
    """Overrides the bus's, for a source that is known to be slow."""


class BusSettings(Struct, frozen=True, kw_only=True):
    """What the bus believes and for how long. Percentages are 0..100."""

    quote_age_max: timedelta = timedelta(seconds=30)
    clock_skew_max: timedelta = timedelta(seconds=2)
    """How far ahead of ours a source's clock may run."""
    outlier_max_pct: Decimal = Decimal(20)
    """The furthest that a price may be from the source's own recent prices and from the other sources."""
    outlier_window: timedelta = timedelta(seconds=10)
    """How long an own price counts as recent. The newest one always does, however long ago it came."""
    jump_ticks_min: int = 5
    """A jump that nobody else can confirm is believed after this many consistent ticks ..."""
    jump_time_min: timedelta = timedelta(seconds=10)
    """... spread over at least this long."""
    agree_max_pct: Decimal = Decimal(1)
    """Two sources agree when their mid prices are no further apart than this."""
    candles_max: int = 1500
    """Kept per source, instrument and timeframe."""
    sentiment_source: str | None = None
    """The source whose mood score counts; None for the newest of the operator's sources."""
    sources_max: int = 64
    """Sources that may be registered: an agent must not be able to fill the memory with names."""


class Verdict(StrEnum):
    """What became of a tick. Everything but `ACCEPTED` leaves no trace but a count (and, for the two outlier
    verdicts, the memory of what was claimed)."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The same tick again: nothing new, and nothing wrong."""
    MALFORMED = "malformed"
    """Not a tick: a wrong type, a time without a zone, an unknown timeframe, a book out of order."""
    UNKNOWN_SYMBOL = "unknown_symbol"
    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"
    OUT_OF_RANGE = "out_of_range"
    """More than 18 digits before or after the point, or a score beyond ±1."""
    CROSSED = "crossed"
    """Bid above ask, or a candle whose high and low do not hold the rest."""
    FROM_FUTURE = "from_future"
    OUT_OF_ORDER = "out_of_order"
    JUMP_UNCONFIRMED = "jump_unconfirmed"
    """Too far from the source's own last prices, and nothing confirms it yet."""
    CONTRADICTED = "contradicted"
    """Too far from what the other sources say."""


TAKEN = frozenset({Verdict.ACCEPTED, Verdict.REPEATED})
"""The verdicts that find no fault."""


class ViewProblem(StrEnum):
    """Why a view holds no quote."""

    MISSING = "missing"
    """No source that may be used has ever quoted the instrument."""
    STALE = "stale"
    """The newest quote is older than its source's limit."""
    CONTESTED = "contested"
    """The only source claims a jump that is not confirmed."""


class MarketView(Struct, frozen=True, kw_only=True):
    """One instrument as the bus sees it at one moment."""

    symbol: Symbol
    quote: Quote | None
    source: str | None
    """Whose quote it is; also set when a problem kept the quote back."""
    age: timedelta | None
    """By the source's own clock, never below zero."""
    freshness: Decimal
    """1 for a quote of this instant, falling in a straight line to 0 at the source's `quote_age_max`; 3 decimals."""
    sources: tuple[str, ...] = ()
    """Fresh sources that agree with the quote, itself included."""
    outliers: tuple[str, ...] = ()
    """Fresh sources that do not."""
    problem: ViewProblem | None = None


class SourceStatus(Struct, frozen=True, kw_only=True):
    """How one source has done since it was registered."""

    info: SourceInfo
    last_tick_at: datetime | None
    """By our clock; refused ticks count, so that a feed that only sends rubbish is seen to be alive."""
    verdicts: Mapping[Verdict, int]

    @property
    def accepted(self) -> int:
        return self.verdicts.get(Verdict.ACCEPTED, 0)

    @property
    def refused(self) -> int:
        return sum(count for verdict, count in self.verdicts.items() if verdict not in TAKEN)
