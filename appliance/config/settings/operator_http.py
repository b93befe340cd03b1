"""`[operator_http]`: the operators' API and page."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.forms import HOUR
from appliance.config.settings.setting import SEED, setting

ENABLED = setting(
    "operator_http.enabled",
    forms.boolean(),
    "Whether `serve` opens the operators' API and page. Nobody gets in before `readytrader operator add`.",
    default=True,
    basis="the page is where most operators look",
)
HOST = setting(
    "operator_http.host",
    forms.loopback_host(),
    "Where the operators' API and page are; the loopback interface only.",
    environment="API_HOST",
    default="127.0.0.1",
    basis=SEED,
)
PORT = setting(
    "operator_http.port",
    forms.whole(0, 65_535),
    "The port of the same; 0 takes a free one, and `serve` says which.",
    environment="API_PORT",
    default=8000,
    basis=SEED,
)
SESSION_MAX = setting(
    "operator_http.session_hours",
    forms.duration(HOUR, 1, 168),
    "How long a sign-in lasts. Each access token lasts ten minutes, and the page renews it.",
    environment="API_JWT_EXPIRATION_HOURS",
    default=12 * HOUR,
    basis="a working day",
    unit="h",
)
METRICS_OPEN = setting(
    "operator_http.metrics_open",
    forms.boolean(),
    "Let any program on this host scrape `/metrics` without signing in. `readytrader metrics` needs no HTTP at all.",
    default=False,
    basis="figures tell what is held and how it is doing",
)
CALLS_PER_MIN = setting(
    "operator_http.calls_per_min",
    forms.whole(10, 1_000_000),
    "Calls of one account; a further one waits. As many scrapes where `metrics_open` is set.",
    default=1200,
    basis="a page that looks at everything each second uses half of it",
    unit="calls/min",
)
