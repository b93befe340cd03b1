"""Fixed-window rate limits per agent and budget (R16). Cancels have a budget of their own: nobody is trapped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from appliance.domain.events import RequestThrottled
from appliance.domain.intents import AgentId
from appliance.service.recorder import Clock, Recorder

WINDOW_S = 60


class Budget(StrEnum):
    """What a call draws on."""

    READ = "read"
    ORDER = "order"
    AMEND = "amend"
    CANCEL = "cancel"


class RateSettings(Struct, frozen=True, kw_only=True):
    """Calls per minute, per agent."""

    per_minute: Mapping[Budget, int]
    per_tool: Mapping[str, int]
    """A further bound on single tools, by name."""


class Throttled(Struct, frozen=True, kw_only=True):
    """One call too many."""

    budget: str
    limit: int
    retry_after_s: Decimal


class RateLimiter:
    """Counts calls in windows of one minute, per agent and per budget or tool."""

    def __init__(self, settings: RateSettings, recorder: Recorder, clock: Clock) -> None:
        self._settings = settings
        self._recorder = recorder
        self._clock = clock
        self._window = 0
        self._counts: dict[tuple[AgentId, str], int] = {}

    def take(self, agent_id: AgentId, budget: Budget, tool: str | None = None) -> Throttled | None:
        """Draw one call, or say how long to wait. The first refusal of a window is journaled."""
        now = self._clock()
        window = int(now.timestamp()) // WINDOW_S
        if window != self._window:
            self._window, self._counts = window, {}
        throttled = self._draw(agent_id, budget, self._settings.per_minute[budget], now)
        if throttled is None and tool is not None and tool in self._settings.per_tool:
            throttled = self._draw(agent_id, tool, self._settings.per_tool[tool], now)
        return throttled

    def _draw(self, agent_id: AgentId, name: str, limit: int, now: datetime) -> Throttled | None:
        count = self._counts[agent_id, name] = self._counts.get((agent_id, name), 0) + 1
        if count <= limit:
            return None
        if count == limit + 1 and self._recorder.failure is None:
            self._recorder.record(RequestThrottled(agent_id=agent_id, budget=name, limit_per_minute=limit))
        rest = Decimal(WINDOW_S) - Decimal(now.second) - Decimal(now.microsecond) / 1_000_000
        return Throttled(budget=name, limit=limit, retry_after_s=round(rest, 3))
