"""`[otel]`: traces for a collector."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.settings.setting import SEED, Setting, setting

ENABLED = setting(
    "otel.enabled",
    forms.boolean(),
    "Send a trace of every request to a collector.",
    default=False,
    basis=SEED,
    environment="OTEL_ENABLED",
)
SERVICE_NAME = setting(
    "otel.service_name",
    forms.matching(r"[a-z][a-z0-9._-]{1,62}", "a name of lower-case letters, digits, dots and hyphens", str),
    "What the collector calls this appliance.",
    default="readytrader",
    basis="its name",
    environment="OTEL_SERVICE_NAME",
)
ENDPOINT = setting(
    "otel.endpoint",
    forms.matching(r"https?://[!-~]{1,290}", "the URL of a collector such as http://127.0.0.1:4318", str),
    "The collector, spoken to in OTLP over HTTP; `/v1/traces` is added. On this host, or one of `otel.hosts`.",
    default="http://127.0.0.1:4318",
    basis="a collector on this host, at OTLP's own port",
    environment="OTEL_EXPORTER_OTLP_ENDPOINT",
)
HOSTS: Setting[frozenset[str]] = setting(
    "otel.hosts",
    forms.each(
        forms.matching(r"[A-Za-z0-9.-]{1,253}:[0-9]{1,5}", "a host and its port such as otel.example:4318", str)
    ),
    "Collectors beyond this host that traces may be sent to, by https alone.",
    default=frozenset(),
    basis="nothing leaves the host",
)
