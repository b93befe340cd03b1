"""The limits in force: the configuration's, and what persons changed since. Everything that decides reads them here.

A tightening holds for the very next decision. A loosening needs a second factor, waits, and can be taken back until it
is due: the delay must have passed by the wall clock, and a core must have run through all of it, by a clock that nobody
sets. A start begins it anew, for while no core ran nobody could take it back. Where more than one person must agree to
an order, more than one must want it. Each step is an event before it holds, with the whole of the limits in it, so that
every decision can be made again from the journal.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from appliance.domain.events import Event
from appliance.domain.limit_changes import (
    ChangeState,
    LimitChange,
    LimitChangeEnded,
    LimitSet,
    LimitsLooserAtStart,
    LooseningAsked,
    LooseningConfirmed,
)
from appliance.domain.limits import Limits
from appliance.domain.operators import Person
from appliance.domain.snapshot import Mode
from appliance.domain.state import State
from appliance.domain.tightness import FIXED, allows_no_more, loosened
from appliance.service.recorder import Clock, Recorder

CORE = "core"
BIND_ADVICE = "bind it to one: readytrader operator add NAME --role operator --uid UID"


class LimitRefused(ValueError):
    """A limit cannot be changed as asked. The message names the setting and says why."""


class LimitRow(Struct, frozen=True, kw_only=True):
    """One limit as people see it: values as the configuration writes them."""

    key: str
    field: str
    value: str
    configured: str
    unit: str
    doc: str


class Settings(Protocol):
    """The configuration's side: what each limit is called there, and how its values are read and checked."""

    def field(self, key: str) -> str:
        """The field of `Limits` that a setting is. Raises `LimitRefused`."""

    def normal(self, key: str, value: str) -> str:
        """A value as this setting writes it. Raises `LimitRefused`."""

    def configured(self, key: str) -> str:
        """What the configuration says."""

    def with_changes(self, changes: Mapping[str, str]) -> Limits:
        """The configuration's limits with some changed, checked as a whole. Raises `LimitRefused`."""

    def text(self, key: str, limits: Limits) -> str:
        """The value of a setting in some limits."""

    def rows(self, limits: Limits) -> Iterable[LimitRow]:
        """Every limit with its value."""


def new_change_id() -> str:
    """48 random bits: an ID that people can type."""
    return "lc" + secrets.token_hex(6)


class LimitBook:
    """Holds the limits in force and takes changes. Everything happens on one event loop."""

    def __init__(
        self,
        settings: Settings,
        mode: Mode,
        state: State,
        recorder: Recorder,
        clock: Clock,
        monotonic: Callable[[], float],
        new_id: Callable[[], str] = new_change_id,
        may_still_decide: Callable[[str, datetime], bool] = lambda _name, _wanted_at: True,
    ) -> None:
        """`may_still_decide` says of somebody who wanted a loosening at a time whether they could do so ever since.

        Raises `LimitRefused` where what persons set does not go with the configuration: nothing is guessed then.
        """
        self._settings = settings
        self._mode = mode
        self._state = state
        self._recorder = recorder
        self._clock = clock
        self._monotonic = monotonic
        self._waits_since = {
            change.change_id: monotonic()
            for change in state.limits.changes.values()
            if change.state is ChangeState.PENDING
        }
        self._new_id = new_id
        self._may_still_decide = may_still_decide
        self._void = {
            change.change_id: reason
            for change in state.limits.changes.values()
            if (reason := self._void_reason(change)) is not None
        }
        self._limits = self._limits_at_start()

    @property
    def limits(self) -> Limits:
        """What holds now."""
        return self._limits

    def rows(self) -> tuple[LimitRow, ...]:
        """Every limit as it holds now."""
        return tuple(self._settings.rows(self._limits))

    def in_force(self) -> Mapping[str, LimitChange]:
        """The changes that hold, by setting."""
        return {it.setting: it for it in self._state.limits.changes.values() if it.state is ChangeState.IN_FORCE}

    def pending(self) -> tuple[LimitChange, ...]:
        """The loosenings that wait, the next first; each due when it can hold at the earliest, by both clocks."""
        waiting = [it for it in self._state.limits.changes.values() if it.state is ChangeState.PENDING]
        due = [replace(it, due_at=max(it.due_at, self._clock() + self._still_to_run(it))) for it in waiting]
        return tuple(sorted(due, key=lambda it: (it.due_at, it.change_id)))

    def _still_to_run(self, change: LimitChange) -> timedelta:
        """How much longer this core must run before it may hold."""
        ran = timedelta(seconds=self._monotonic() - self._waits_since[change.change_id])
        return max(timedelta(0), change.due_at - change.asked_at - ran)

    # the start

    def opening(self) -> tuple[Event, ...]:
        """What a start has to write down first: the changes that the configuration voids, and what is looser now."""
        ended = [
            LimitChangeEnded(change_id=change_id, state=ChangeState.VOID, by=CORE, reason=reason)
            for change_id, reason in self._void.items()
        ]
        self._void = {}
        before = self._state.limits.in_force
        looser = () if before is None else loosened(before.limits, self._limits)
        if before is None or not looser:
            return tuple(ended)
        was = {row.key: row.value for row in self._settings.rows(before.limits) if row.field in looser}
        now = {row.key: row.value for row in self._settings.rows(self._limits) if row.field in looser}
        keys = [key for key in dict.fromkeys([*was, *now]) if was.get(key) != now.get(key)]
        changed = tuple(f"{key}: {was.get(key, 'off')} before, {now.get(key, 'off')} now" for key in keys)
        return (*ended, LimitsLooserAtStart(changed=changed))

    def _limits_at_start(self) -> Limits:
        values = {key: it.value for key, it in self.in_force().items() if it.change_id not in self._void}
        try:
            return self._settings.with_changes(values)
        except LimitRefused as fault:
            raise LimitRefused(
                f"{fault}. Persons set {', '.join(sorted(values))} while the core ran; to give one up, change its "
                "value in the configuration, which voids what they set"
            ) from fault

    def _void_reason(self, change: LimitChange) -> str | None:
        """Why a change from before this start holds no more, or None."""
        try:
            configured = self._settings.configured(change.setting)
            field = self._settings.field(change.setting)
            if configured != change.configured:
                return f"the configuration says {configured} and not {change.configured} any more"
            wanted, base = self._settings.with_changes({change.setting: change.value}), self._settings.with_changes({})
        except LimitRefused as fault:
            # A tightening that fits no more must stop the start, and does: see `_limits_at_start`.
            return None if change.tightens else str(fault)
        looser = not allows_no_more(field, getattr(wanted, field), getattr(base, field))
        if looser and change.mode is not self._mode:
            return f"it allows more than the configuration and was made in {change.mode} mode"
        return None

    # what persons do

    async def tighten(self, key: str, value: str, person: Person, reason: str) -> LimitChange:
        """Let a limit allow less, from the next decision on. Raises `LimitRefused` and `JournalUnavailable`."""
        after, change = self._change(key, value, person, reason, tightens=True)
        waiting = [it for it in self.pending() if it.setting == key]
        voided = [
            LimitChangeEnded(
                change_id=it.change_id,
                state=ChangeState.VOID,
                by=person.name,
                reason=f"tightened by {change.change_id}",
            )
            for it in waiting
        ]
        durable = self._recorder.record(*voided, LimitSet(change=change, limits=after))
        self._limits = after
        await durable
        return self._state.limits.changes.get(change.change_id, change)

    async def loosen(self, key: str, value: str, person: Person, factor: str, reason: str) -> LimitChange:
        """Ask that a limit allow more, once the delay is over. Raises `LimitRefused` and `JournalUnavailable`."""
        _after, change = self._change(key, value, person, reason, tightens=False, factor=factor)
        _require_factor(factor)
        if change.people_min > 1:
            _require_account(person)
        for other in self.pending():
            if other.setting == key:
                raise LimitRefused(f"{key}: {other.change_id} waits already, for {other.value}; withdraw it first")
        self._waits_since[change.change_id] = self._monotonic()
        await self._recorder.record(LooseningAsked(change=change))
        return self._state.limits.changes.get(change.change_id, change)

    async def confirm(self, change_id: str, person: Person, factor: str) -> LimitChange:
        """Want a loosening too, as somebody else. Raises `LimitRefused` and `JournalUnavailable`."""
        change = self.waiting(change_id)
        _require_factor(factor)
        _require_account(person)
        if person.name in self._people(change):
            raise LimitRefused(f"{change_id}: {person.name} wanted it already; another person must")
        await self._recorder.record(LooseningConfirmed(change_id=change_id, by=person.name, factor=factor))
        return self._state.limits.changes.get(change_id, change)

    async def withdraw(self, change_id: str, person: Person, reason: str) -> None:
        """Take a loosening back before it is due; anybody may. Raises `LimitRefused` and `JournalUnavailable`."""
        self.waiting(change_id)
        ended = LimitChangeEnded(change_id=change_id, state=ChangeState.WITHDRAWN, by=person.name, reason=reason)
        await self._recorder.record(ended)

    def waiting(self, change_id: str) -> LimitChange:
        """A loosening that waits. Raises `LimitRefused` where there is none of that ID."""
        change = self._state.limits.changes.get(change_id)
        if change is None or change.state is not ChangeState.PENDING:
            raise LimitRefused(f"no loosening {change_id[:64]!r} waits")
        return change

    def subject(self, key: str, value: str) -> str:
        """What a second factor for a loosening is bound to: the setting and the value, however it was typed."""
        return f"loosen:{key}:{self._settings.normal(key, value)}"

    def mature(self, now: datetime) -> None:
        """Let every loosening hold that is due and wanted by enough persons; drop what is due and is not."""
        if self._recorder.failure is not None:
            return
        for change in self.pending():
            if change.due_at <= now:
                self._end_waiting(self._state.limits.changes[change.change_id])

    def _end_waiting(self, change: LimitChange) -> None:
        needed = max(change.people_min, self._limits.approval_people_min)
        wanted = len(self._people(change))
        if wanted < needed:
            self._drop(change, f"{wanted} of {needed} persons wanted it when it was due")
            return
        try:
            after = self._with(change.setting, change.value)
        except LimitRefused as fault:
            self._drop(change, str(fault)[:200])
            return
        self._recorder.record(LimitSet(change=change, limits=after))
        self._limits = after

    def _people(self, change: LimitChange) -> frozenset[str]:
        """Who wants it, and still could."""
        return frozenset(name for name, at in change.wanted_since.items() if self._may_still_decide(name, at))

    def _drop(self, change: LimitChange, reason: str) -> None:
        ended = LimitChangeEnded(change_id=change.change_id, state=ChangeState.VOID, by=CORE, reason=reason)
        self._recorder.record(ended)

    def _with(self, key: str, value: str) -> Limits:
        """What would hold with one more change."""
        return self._settings.with_changes({it.setting: it.value for it in self.in_force().values()} | {key: value})

    def _change(
        self, key: str, value: str, person: Person, reason: str, *, tightens: bool, factor: str | None = None
    ) -> tuple[Limits, LimitChange]:
        """The change that a person asks for, and the limits with it; refused where it goes the other way."""
        field, wanted = self._settings.field(key), self._settings.normal(key, value)
        if field in FIXED:
            raise LimitRefused(f"{key} is not changed while the core runs: {FIXED[field]}")
        before, after = self._settings.text(key, self._limits), self._with(key, wanted)
        if getattr(after, field) == getattr(self._limits, field):
            raise LimitRefused(f"{key} is {before} already")
        is_tighter = allows_no_more(field, getattr(after, field), getattr(self._limits, field))
        if tightens and not is_tighter:
            raise LimitRefused(f"{key}: {wanted} may allow more than {before}; loosen it, which holds after a delay")
        if is_tighter and not tightens:
            raise LimitRefused(f"{key}: {wanted} allows no more than {before}; tighten it, which holds at once")
        now = self._clock()
        change = LimitChange(
            change_id=self._new_id(),
            setting=key,
            before=before,
            value=wanted,
            configured=self._settings.configured(key),
            mode=self._mode,
            tightens=tightens,
            reason=reason,
            asked_by=person.name,
            asked_at=now,
            factor=factor,
            due_at=now if tightens else now + self._limits.loosening_delay,
            people_min=1 if tightens else self._limits.approval_people_min,
            state=ChangeState.PENDING,
        )
        return after, change


def _require_factor(factor: str) -> None:
    if not factor:
        raise LimitRefused("loosening a limit needs a second factor")


def _require_account(person: Person) -> None:
    if not person.is_account:
        raise LimitRefused(f"{person.name} is no operator's account, and more than one must agree; {BIND_ADVICE}")
