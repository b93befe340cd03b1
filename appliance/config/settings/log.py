"""`[log]`: the log on standard error."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.settings.setting import setting
from appliance.telemetry.logs import LogForm, LogLevel

FORMAT = setting(
    "log.format",
    forms.one_of(LogForm),
    "How the log on standard error looks: for people, or one JSON object in each line.",
    default=LogForm.TEXT,
    basis="read by people first",
)
LEVEL = setting(
    "log.level",
    forms.one_of(LogLevel),
    "From which level on the appliance's own lines are told; of libraries' only from `warning` on.",
    default=LogLevel.INFO,
    basis="what an operator wants to see once",
)
