"""The account's worth over time: written down every few minutes, read back for charts. No value is ever made up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

import msgspec

from appliance.domain.series import EquityMarked, EquityPoint
from appliance.domain.state import State
from appliance.service.portfolio import Portfolio
from appliance.store.reader import JournalReader

POINTS_MAX = 2_000
"""Points that one reading returns at most."""
_decode = msgspec.json.Decoder(EquityPoint).decode


class EquitySeries:
    """Says when a point is due. Only a worth of everything held counts: a partial sum is no point."""

    def __init__(self, state: State, portfolio: Portfolio, every: timedelta) -> None:
        self._state = state
        self._portfolio = portfolio
        self._every = every

    def due(self, now: datetime) -> EquityMarked | None:
        """The event of the next point, or None while it is not time, or something held has no sane price."""
        last = self._state.kept.equity_at
        if last is not None and last <= now < last + self._every:
            return None
        equity = self._portfolio.equity(now).total
        nav, marks = self._portfolio.nav(equity), self._portfolio.performance(equity, now)
        if equity is None or nav is None or marks.nav_peak is None:
            return None
        point = EquityPoint(portfolio=self._portfolio.name, at=now, equity=equity, nav=nav, nav_peak=marks.nav_peak)
        return EquityMarked(point=point)


def read_points(reader: JournalReader, portfolio: str, since: datetime, points_max: int) -> list[EquityPoint]:
    """The points from `since` on, thinned out to at most `points_max` (4 at least) of those that there are.

    Where there are too many, each stretch of time gives its first, lowest, highest and last point by value per unit:
    no trough of the drawdown is lost, and none is invented.
    """
    records = reader.load("equity", live_only=False, since=since)
    points = [point for point in (_decode(record.body) for record in records) if point.portfolio == portfolio]
    if len(points) <= points_max:
        return points
    return list(_thinned(points, max(1, points_max // 4)))


def _thinned(points: list[EquityPoint], stretches: int) -> Iterator[EquityPoint]:
    start, length = points[0].at, points[-1].at - points[0].at
    for _, group in groupby(points, lambda point: min(stretches - 1, int((point.at - start) / length * stretches))):
        yield from _corners(list(group))


def _corners(group: list[EquityPoint]) -> Iterable[EquityPoint]:
    """First, lowest, highest and last, each once, in order of time."""
    places = {0, len(group) - 1}
    places.add(min(range(len(group)), key=lambda place: group[place].nav))
    places.add(max(range(len(group)), key=lambda place: group[place].nav))
    return (group[place] for place in sorted(places))
