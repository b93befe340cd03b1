"""Settings of the paper venue are in range or name what is not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from appliance.paper.settings import PaperSettings


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("maker_fee_pct", [Decimal(0), Decimal("99.99")], [Decimal("-0.01"), Decimal(100), Decimal("NaN")]),
        ("taker_fee_pct", [Decimal(0), Decimal("99.99")], [Decimal("-0.01"), Decimal(100), Decimal("Infinity")]),
        ("fill_share_max_pct", [Decimal("0.01"), Decimal(100)], [Decimal(0), Decimal("100.01"), Decimal("NaN")]),
        ("latency", [timedelta(0), timedelta(seconds=5)], [timedelta(microseconds=-1)]),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, allowed: list[Any], refused: list[Any]) -> None:
    for value in allowed:
        assert getattr(PaperSettings(**{name: value}), name) == value
    for value in refused:
        with pytest.raises(ValueError, match=name):
            PaperSettings(**{name: value})
