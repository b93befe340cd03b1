"""One core's telemetry as one object: made before the core, closed after it."""

from __future__ import annotations

from collections.abc import Callable

from appliance.telemetry.catalog import TOOL_CALLS
from appliance.telemetry.meter import Meter
from appliance.telemetry.stages import Stages, Tracer


class Telemetry:
    """What measures, and what makes traces where they are wanted."""

    def __init__(self, tracer: Tracer | None = None, close: Callable[[], None] = lambda: None) -> None:
        """`close` sends what a tracer still holds; it may block for a moment."""
        self.meter = Meter()
        self.stages = Stages(self.meter, tracer)
        self._close = close

    def tool_called(self, tool: str, *, ok: bool) -> None:
        """An agent's call was answered."""
        self.meter.count(TOOL_CALLS, tool, "ok" if ok else "refused")

    def close(self) -> None:
        """Send what is still to be sent."""
        self._close()
