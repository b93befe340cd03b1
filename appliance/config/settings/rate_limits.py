"""`[rate_limits]`: how often an agent may call."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.settings.setting import SEED, Family, setting

DEFAULT = setting(
    "rate_limits.default_per_min",
    forms.whole(1, 100_000),
    "Calls of one agent that only look; cancels have as many of their own.",
    default=120,
    basis=SEED,
    unit="calls/min",
    environment="RATE_LIMIT_DEFAULT_PER_MIN",
)
EXECUTION = setting(
    "rate_limits.execution_per_min",
    forms.whole(1, 100_000),
    "Orders of one agent; amendments have as many of their own.",
    default=20,
    basis=SEED,
    unit="calls/min",
    environment="RATE_LIMIT_EXECUTION_PER_MIN",
)
TOOL_RATE = Family(
    key="rate_limits.tool_per_min",
    environment="RATE_LIMIT_<TOOL>_PER_MIN",
    member=forms.matching(r"[a-z][a-z0-9_]{1,63}", "a tool's name", str),
    upper=False,
    form=forms.whole(1, 100_000),
    unit="calls/min",
    doc="Calls of one agent to this tool: a further bound.",
    basis="none is set",
)
