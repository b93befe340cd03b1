"""The part of the state that is about limits: what holds, and the changes that hold or may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from appliance.domain.events import CoreStarted, Event
from appliance.domain.limit_changes import (
    ChangeState,
    LimitChange,
    LimitChangeEnded,
    LimitSet,
    LimitsInForce,
    LooseningAsked,
    LooseningConfirmed,
)

IN_FORCE_ID = "in_force"


class LimitsFold:
    """What the events said of limits so far."""

    def __init__(self) -> None:
        self.changes: dict[str, LimitChange] = {}
        """Those that hold or may, by their ID."""
        self.in_force: LimitsInForce | None = None
        """What held last; None before the first start."""

    def put(self, value: LimitChange | LimitsInForce) -> None:
        """Take a value in: one that an event led to, or one that a restart loads."""
        if isinstance(value, LimitsInForce):
            self.in_force = value
            return
        self.changes.pop(value.change_id, None)
        if value.is_live:
            self.changes[value.change_id] = value

    def after(self, at: datetime, event: Event) -> Iterator[LimitChange | LimitsInForce]:
        """What the event leads to, nothing for one about something else. Raises `KeyError` for an unknown change."""
        match event:
            case CoreStarted(limits=limits):
                yield LimitsInForce(limits=limits, since=at)
            case LooseningAsked(change=change):
                yield change
            case LooseningConfirmed(change_id=change_id, by=by):
                change = self.changes[change_id]
                yield _confirmed(change, by, at)
            case LimitChangeEnded(change_id=change_id, state=state, by=by, reason=reason):
                yield _ended(self.changes[change_id], state, by, at, reason)
            case LimitSet(change=change, limits=limits):
                for other in self.changes.values():
                    if other.setting == change.setting and other.state is ChangeState.IN_FORCE:
                        yield _ended(other, ChangeState.REPLACED, change.asked_by, at, f"by {change.change_id}")
                yield msgspec.structs.replace(change, state=ChangeState.IN_FORCE)
                yield LimitsInForce(limits=limits, since=at)


def _confirmed(change: LimitChange, by: str, at: datetime) -> LimitChange:
    since = {name: since for name, since in change.wanted_since.items() if name in change.confirmed_by and name != by}
    since[by] = at
    return msgspec.structs.replace(change, confirmed_by=tuple(since), confirmed_at=tuple(since.values()))


def _ended(change: LimitChange, state: ChangeState, by: str, at: datetime, why: str) -> LimitChange:
    return msgspec.structs.replace(change, state=state, ended_by=by, ended_at=at, ended_why=why)
