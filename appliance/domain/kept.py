"""What no decision rests on, and is kept to be read: the account's worth over time, insights, strategies, days told."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from msgspec import Struct

from appliance.domain.events import Event
from appliance.domain.series import EquityMarked, EquityPoint
from appliance.domain.told import Board, DayTold, Insight, InsightPosted, Strategy, StrategySet

KEPT_TYPES: dict[str, type[Struct]] = {
    "equity": EquityPoint,
    "insight": Insight,
    "strategy": Strategy,
    "told": DayTold,
}


class KeptRecord(NamedTuple):
    """One record as it is after an event. `live` says whether a restart must load it."""

    kind: str
    id: str
    live: bool
    value: Struct


class Kept:
    """The part of the state that nothing is decided on. Changed by `State` alone."""

    def __init__(self) -> None:
        self.board = Board()
        self.equity_at: datetime | None = None
        """When the account's worth was last written down."""
        self.day_told: date | None = None
        """The last day whose summary was told."""

    def record_of(self, event: Event) -> KeptRecord | None:
        """The record that an event leaves; None where it leaves none."""
        match event:
            case EquityMarked(point=point):
                return KeptRecord(
                    kind="equity", id=f"{point.portfolio}/{point.at:%Y%m%dT%H%M%S}", live=False, value=point
                )
            case InsightPosted(insight=insight):
                return KeptRecord(kind="insight", id=insight.insight_id, live=False, value=insight)
            case StrategySet(strategy=strategy):
                return KeptRecord(kind="strategy", id=strategy.name, live=strategy.withdrawn_at is None, value=strategy)
            case DayTold():
                return KeptRecord(kind="told", id="day", live=True, value=event)
            case _:
                return None

    def put(self, value: Struct) -> None:
        """Take one record in: as part of an event, or when a restart loads it."""
        match value:
            case EquityPoint(at=at):
                self.equity_at = at
            case Insight() | Strategy() as said:
                self.board.put(said)
            case DayTold(day=day):
                self.day_told = day
