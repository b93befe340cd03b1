"""`[notices]`: what people are told beyond events."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.settings.setting import setting

DAILY_SUMMARY = setting(
    "notices.daily_summary",
    forms.boolean(),
    "Tell the notifiers, soon after midnight UTC, what the day was.",
    default=False,
    basis="a notice that nobody asked for is soon not read",
)
