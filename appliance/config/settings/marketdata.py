"""`[marketdata]`: which quotes are traded on."""

from __future__ import annotations

from decimal import Decimal

from appliance.config import forms
from appliance.config.forms import MILLISECOND
from appliance.config.settings.setting import SEED, Family, setting

QUOTE_AGE_MAX = setting(
    "marketdata.max_age_ms",
    forms.duration(MILLISECOND, 100, 3_600_000),
    "An older quote, by its source's own clock, is not traded on.",
    default=30_000 * MILLISECOND,
    basis=SEED,
    unit="ms",
    environment="MARKETDATA_MAX_AGE_MS",
)
QUOTE_SOURCES_MIN = setting(
    "marketdata.sources_min",
    forms.whole(1, 10),
    "Sources that must agree on a price.",
    default=1,
    basis="one source is what a first start has; set 2 or more where more are configured",
    unit="sources",
)
CLOCK_SKEW_MAX = setting(
    "marketdata.clock_skew_max_ms",
    forms.duration(MILLISECOND, 1, 60_000),
    "How far a source's clock may run ahead of ours.",
    default=2_000 * MILLISECOND,
    basis="a synchronised host is within 100 ms; the rest is the network's",
    unit="ms",
)
OUTLIER_MAX_PCT = setting(
    "marketdata.outlier_max_pct",
    forms.percent("90"),
    "A jump beyond this is not believed until it is confirmed.",
    default=Decimal(20),
    basis=SEED,
    unit="% of the last price",
    environment="MARKETDATA_OUTLIER_MAX_PCT",
)
OUTLIER_WINDOW = setting(
    "marketdata.outlier_window_ms",
    forms.duration(MILLISECOND, 100, 3_600_000),
    "Over how long prices are compared for jumps.",
    default=10_000 * MILLISECOND,
    basis=SEED,
    unit="ms",
    environment="MARKETDATA_OUTLIER_WINDOW_MS",
)
AGREE_MAX_PCT = setting(
    "marketdata.agree_max_pct",
    forms.percent("20"),
    "Two sources agree on a price when they are no further apart.",
    default=Decimal(1),
    basis="wider than any spread between liquid venues, far narrower than a bad print",
    unit="% of the mid price",
)
SOURCE_AGE_MAX = Family(
    key="marketdata.source_max_age_ms",
    environment="MARKETDATA_MAX_AGE_MS_<PROVIDER>",
    member=forms.source_name(),
    upper=False,
    form=forms.duration(MILLISECOND, 100, 3_600_000),
    unit="ms",
    doc="Oldest quote of this source; never above `marketdata.max_age_ms`.",
    basis="none is set",
)
