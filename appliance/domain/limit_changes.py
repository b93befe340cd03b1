"""Changes of limits while the core runs: who asked for what, since when it holds, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from itertools import zip_longest

from msgspec import Struct

from appliance.domain.limits import Limits
from appliance.domain.snapshot import Mode


class ChangeState(StrEnum):
    """How far a change has got."""

    PENDING = "pending"
    """A loosening that waits until it is due."""
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"
    """A person took it back before it was due."""
    VOID = "void"
    """Something else happened: a tightening of the same limit, another configuration, nobody to confirm it."""
    REPLACED = "replaced"
    """A later change of the same limit holds."""


class LimitChange(Struct, frozen=True, kw_only=True):
    """One limit's new value. Values are as the configuration's environment writes them."""

    change_id: str
    setting: str
    """The configuration's key, e.g. `limits.position_max_pct`."""
    before: str
    """What held when it was asked for."""
    value: str
    configured: str
    """What the configuration said then: another configuration voids the change."""
    mode: Mode
    tightens: bool
    """Whether it allows nothing that was not allowed before: then it holds at once."""
    reason: str
    asked_by: str
    asked_at: datetime
    factor: str | None = None
    """The second factor that was shown; None where none is needed."""
    due_at: datetime
    people_min: int
    """How many different persons must want it, the one who asks included."""
    confirmed_by: tuple[str, ...] = ()
    """Who else wants it."""
    confirmed_at: tuple[datetime, ...] = ()
    """Since when each of them does, in the same order; an older journal has none."""
    state: ChangeState
    ended_by: str | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None

    @property
    def people(self) -> frozenset[str]:
        """Everybody who wants it."""
        return frozenset({self.asked_by, *self.confirmed_by})

    @property
    def wanted_since(self) -> dict[str, datetime]:
        """Everybody who wants it, with when they last said so; as early as can be where that is not known."""
        said = zip_longest(self.confirmed_by, self.confirmed_at, fillvalue=None)
        return {self.asked_by: self.asked_at} | {by: at or self.asked_at for by, at in said if by is not None}

    @property
    def is_live(self) -> bool:
        """Whether it holds, or may."""
        return self.state in (ChangeState.PENDING, ChangeState.IN_FORCE)


class LimitsInForce(Struct, frozen=True, kw_only=True):
    """All limits as they hold: what a later start is compared with."""

    limits: Limits
    since: datetime


class LooseningAsked(Struct, frozen=True, kw_only=True):
    """A person wants a limit to allow more; until it is due nothing changes."""

    change: LimitChange


class LooseningConfirmed(Struct, frozen=True, kw_only=True):
    """Another person wants it too."""

    change_id: str
    by: str
    factor: str


class LimitSet(Struct, frozen=True, kw_only=True):
    """A limit's new value holds: every decision from here on, until the next of these or start, is under `limits`."""

    change: LimitChange
    limits: Limits


class LimitChangeEnded(Struct, frozen=True, kw_only=True):
    """A change holds no more, or never will."""

    change_id: str
    state: ChangeState
    by: str
    reason: str


class LimitsLooserAtStart(Struct, frozen=True, kw_only=True):
    """The configuration of this start allows more than what held before; each limit with both its values."""

    changed: tuple[str, ...]
