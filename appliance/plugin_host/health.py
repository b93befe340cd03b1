"""What can be said of a worker at any time: where it is in its life, and what went wrong."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from appliance.plugin_host.egress.wire import EgressCounts
from appliance.plugin_host.kinds import Kind


class WorkerState(StrEnum):
    """Where a worker is in its life."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    """It ended, and is started again after a pause."""
    FAILED = "failed"
    """It said that it cannot work as it is set up; not started again."""
    STOPPED = "stopped"


class WorkerHealth(Struct, frozen=True, kw_only=True):
    """One worker, now."""

    name: str
    plugin: str
    kind: Kind
    state: WorkerState
    pid: int | None
    restarts: int
    last_error: str | None
    """Why it last ended, or could not start; the worker's own words are printable and capped."""
    cage_missing: tuple[str, ...]
    """The measures of its cage that are not on, and why."""
    started_at: datetime | None
    """When it was last ready."""
    in_flight: int
    egress: EgressCounts | None
    """None where it has no way out."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long a worker is waited for, in seconds."""

    start: float = 10.0
    """From its start to its `Ready`; then it is ended, and started again after a pause."""
    ping_every: float = 5.0
    ping_answer: float = 30.0
    """A loop that does not turn for so long is ended."""
    pause_first: float = 0.1
    """After an end, before the next start: doubled each time, to `pause_longest`."""
    pause_longest: float = 30.0
    settled: float = 60.0
    """A worker that was ready for so long starts with the first pause again."""
    end: float = 1.0
    """How long the last answers of a process that ended are read."""
