"""Which of several sources' quotes is in use, who agrees with it, and who does not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.money import ONE, ZERO

from appliance.domain.intents import AgentId
from appliance.domain.snapshot import MarketFacts
from appliance.marketdata.line import Line
from appliance.marketdata.values import MarketView, ViewProblem

_NOTHING = timedelta(0)
_THOUSANDTH = Decimal("0.001")


class Selection(Struct, frozen=True, kw_only=True):
    """The line in use with those beside it. `fresh` is False when even the best is too old."""

    line: Line
    fresh: bool
    supporters: Sequence[Line] = ()
    """Fresh lines that agree with it, itself included."""
    outliers: tuple[str, ...] = ()


def admissible_for(lines: Iterable[Line], agent: AgentId | None) -> list[Line]:
    """The lines that may count for an execution by `agent`: never what it supplied itself."""
    return [line for line in lines if line.info.admissible and (agent is None or line.info.supplier != agent)]


def choose(lines: Iterable[Line], now: datetime, clock_skew_max: timedelta, tolerance: Decimal) -> Selection | None:
    """The best of `lines`, which come in order of standing, or None when none has a quote of now or before.

    Fresh before stale; then not contested (no newer claim of an unconfirmed jump) before contested; then not outvoted
    (at least half of the fresh sources agree with it); then as `_best` says. Among stale quotes the youngest.
    `tolerance` is how far apart two mid prices may be that agree, as a fraction.
    """
    latest = now + clock_skew_max
    quoted = [line for line in lines if line.quote is not None and line.observed_at <= latest]
    fresh = [line for line in quoted if now - line.observed_at <= line.quote_age_max]
    if not fresh:
        stale = min(quoted, key=lambda line: age_of(line, now), default=None)
        return None if stale is None else Selection(line=stale, fresh=False)
    calm = [line for line in fresh if line.claim is None]
    if not calm:
        contested = _best(fresh, now)
        return Selection(line=contested, fresh=True, outliers=tuple(line.info.name for line in fresh))
    if len(calm) == len(fresh) and _all_agree(calm, tolerance):
        return Selection(line=_best(calm, now), fresh=True, supporters=calm)
    backed = [line for line in calm if 2 * len(_supporters(line, calm, tolerance)) >= len(fresh)]
    line = _best(backed or calm, now)
    supporters = _supporters(line, calm, tolerance)
    outliers = tuple(other.info.name for other in fresh if other not in supporters)
    return Selection(line=line, fresh=True, supporters=supporters, outliers=outliers)


def _best(lines: Sequence[Line], now: datetime) -> Line:
    """By priority; then a quote in the younger half of its life before one in the older; then by name.

    The age counts by halves so that two live sources of one priority do not take turns at every tick.
    """
    first = lines[0]
    for line in lines:
        if line.standing[0] != first.standing[0]:
            break
        if (now - line.observed_at) * 2 <= line.quote_age_max:
            return line
    return first


def _all_agree(lines: Sequence[Line], tolerance: Decimal) -> bool:
    if len(lines) == 1:
        return True
    mids = [line.mid for line in lines]
    lowest = min(mids)
    return max(mids) - lowest <= lowest * tolerance


def age_of(line: Line, now: datetime) -> timedelta:
    """Age of the quote in use by its source's clock, never below zero."""
    return max(_NOTHING, now - line.observed_at)


def _supporters(line: Line, others: Sequence[Line], tolerance: Decimal) -> list[Line]:
    reach = line.mid * tolerance
    return [other for other in others if abs(other.mid - line.mid) <= reach]


def names_of(selection: Selection) -> tuple[str, ...]:
    """The sources that agree, the chosen one first. An agent that supplies two of them is still one voice."""
    chosen = selection.line
    heard: set[AgentId] = set()
    names = []
    for line in sorted(selection.supporters, key=lambda line: (line is not chosen, line.info.name)):
        supplier = line.info.supplier
        if supplier is None or supplier not in heard:
            names.append(line.info.name)
        if supplier is not None:
            heard.add(supplier)
    return tuple(names)


def facts_of(selection: Selection, now: datetime) -> MarketFacts | None:
    """The selection as the pipeline takes it; a stale quote with its age, so that a rule can say how old it was."""
    line, quote = selection.line, selection.line.quote
    if quote is None:
        return None
    return MarketFacts(
        bid=quote.bid,
        ask=quote.ask,
        bid_size=quote.bid_size,
        ask_size=quote.ask_size,
        observed_at=quote.observed_at,
        age=age_of(line, now),
        sources=names_of(selection),
        outliers=selection.outliers,
        clock_skew=max(_NOTHING, quote.observed_at - line.received_at),
    )


def view_of(selection: Selection | None, symbol: Symbol, now: datetime, *, execution: bool) -> MarketView:
    """The selection as a person or an agent sees it. For execution a doubtful quote is kept back with the reason."""
    if selection is None:
        return MarketView(symbol=symbol, quote=None, source=None, age=None, freshness=ZERO, problem=ViewProblem.MISSING)
    line = selection.line
    problem = None
    if not selection.fresh:
        problem = ViewProblem.STALE
    elif line.claim is not None:
        problem = ViewProblem.CONTESTED
    age = age_of(line, now)
    return MarketView(
        symbol=symbol,
        quote=None if execution and problem is not None else line.quote,
        source=line.info.name,
        age=age,
        freshness=freshness(age, line.quote_age_max),
        sources=names_of(selection),
        outliers=selection.outliers,
        problem=problem,
    )


def freshness(age: timedelta, quote_age_max: timedelta) -> Decimal:
    """1 at age zero, falling in a straight line to 0 at `quote_age_max` and beyond; three decimals, rounded down."""
    thousandths = 1000 - -(-age * 1000 // quote_age_max)
    return max(ZERO, min(ONE, thousandths * _THOUSANDTH))
