"""`[paper]`: how the paper venue fills."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from appliance.config import forms
from appliance.config.forms import MILLISECOND
from appliance.config.settings.setting import setting

_EXCHANGE_FEE = "the largest exchange's first tier"
MAKER_FEE_PCT = setting(
    "paper.maker_fee_pct",
    forms.decimal("0", "10"),
    "Fee of a paper order that rested.",
    default=Decimal("0.1"),
    basis=_EXCHANGE_FEE,
    unit="% of notional",
)
TAKER_FEE_PCT = setting(
    "paper.taker_fee_pct",
    forms.decimal("0", "10"),
    "Fee of a paper order that traded at once.",
    default=Decimal("0.1"),
    basis=_EXCHANGE_FEE,
    unit="% of notional",
)
LATENCY = setting(
    "paper.latency_ms",
    forms.duration(MILLISECOND, 0, 60_000),
    "From the arrival of a paper order or cancel to its effect.",
    default=timedelta(0),
    basis="answers at once; set what your venue takes",
    unit="ms",
)
FILL_SHARE_MAX_PCT = setting(
    "paper.fill_share_max_pct",
    forms.percent(),
    "How much of each displayed size paper orders can have together.",
    default=Decimal(100),
    basis="all that is shown",
    unit="% of the size shown",
)
