"""`[sentiment]`: the score that blocks buys in a falling market."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.forms import SECOND
from appliance.config.settings.setting import SEED, numbers, setting

SOURCE = setting(
    "sentiment.source",
    forms.optional(forms.source_name()),
    "The source whose score blocks buys in a falling market; `off` leaves the rule out.",
    default=None,
    basis="no default source has a score",
)
MIN = setting(
    "sentiment.min",
    forms.decimal("-1", "1"),
    "Below this buys are blocked. Needs `sentiment.source`.",
    default=numbers("-0.5", "-0.7", "-0.9"),
    basis=SEED,
    unit="score from -1 to 1",
)
AGE_MAX = setting(
    "sentiment.max_age_sec",
    forms.duration(SECOND, 1, 604_800),
    "An older score counts as missing, which blocks buys too.",
    default=90_000 * SECOND,
    basis="25 hours: public indices are published once a day",
    unit="s",
)
