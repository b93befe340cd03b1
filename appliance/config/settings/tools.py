"""`[tools]`: agents' tools that are not offered unless asked for."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.settings.setting import setting

INSIGHT_TOOLS = setting(
    "tools.insights",
    forms.boolean(),
    "Offer agents `post_market_insight`, `get_latest_insights` and `get_strategies`.",
    default=False,
    basis="every tool costs an agent's attention; these decide nothing",
)
