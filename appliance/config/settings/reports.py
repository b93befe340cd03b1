"""`[reports]`: what is written down to be looked back at."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.forms import SECOND
from appliance.config.settings.setting import setting

EQUITY_EVERY = setting(
    "reports.equity_every_sec",
    forms.duration(SECOND, 10, 86_400),
    "How often the account's worth is written into the journal, when everything held can be priced.",
    default=300 * SECOND,
    basis="288 entries a day, some 200 KB: a chart of real values that survives restarts",
    unit="s",
)
