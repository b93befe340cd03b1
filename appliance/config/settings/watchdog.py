"""`[watchdog]`: the process that cancels when the core is silent."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.forms import SECOND
from appliance.config.settings.setting import setting

AFTER = setting(
    "watchdog.after_sec",
    forms.duration(SECOND, 5, 3600),
    "How long the core may give no sign of life until `readytrader watchdog` cancels everything on every live venue.",
    default=30 * SECOND,
    basis="a restart takes a few seconds; orders that nobody watches are worth less than their loss",
    unit="s",
)
