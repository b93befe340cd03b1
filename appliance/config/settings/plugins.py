"""`[plugins]`: what every plugin's cage must have."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.settings.setting import setting
from appliance.plugin_host.cage import Measure

CAGE_REQUIRED = setting(
    "plugins.cage_required",
    forms.each(forms.one_of(Measure)),
    "Measures of the cage without which no plugin is loaded; `readytrader plugin verify` tells what this kernel has.",
    default=frozenset({Measure.NO_NEW_PRIVILEGES, Measure.SECCOMP, Measure.LANDLOCK_FILES}),
    basis="without these a plugin could read and reach what is not its own; the rest are second walls",
)
