"""Traces leave the host only for a collector that was named, over TLS."""

from __future__ import annotations

import pytest

from appliance.config import load

ON = {"OTEL_ENABLED": "true"}


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:4318", "http://[::1]:4318", "http://localhost:4318", "https://127.9.9.9"]
)
def test_a_collector_on_this_host_needs_no_leave(endpoint):
    assert load(None, {**ON, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}).tracing.endpoint == endpoint


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://otel.example:4318", "not on this host and not among otel.hosts"),
        ("https://otel.example", "otel.example:443 is not on this host and not among"),
        ("http://127.0.0.1.otel.example:4318", "not on this host"),
        ("http://user:sesame@127.0.0.1:4318", "neither a user nor a password"),
        ("http://127.0.0.1:4318?key=sesame", "neither a user nor a password"),
        ("http://127.0.0.1:99999", "is no URL"),
    ],
)
def test_any_other_is_refused_and_nothing_secret_is_repeated(refused, endpoint, said):
    (problem,) = refused("", {**ON, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
    assert said in problem.text
    assert "sesame" not in str(problem)


def test_a_named_collector_is_reached_by_tls_alone(refused, loaded):
    allowed = '[otel]\nenabled = true\nhosts = ["otel.example:443", "otel.example:4318"]\n'
    assert loaded(allowed + 'endpoint = "https://otel.example"\n').tracing.enabled
    (problem,) = refused(allowed + 'endpoint = "http://otel.example:4318"\n')
    assert "needs https" in problem.text


def test_what_others_set_for_themselves_matters_once_tracing_is_on(refused):
    others = {"OTEL_SERVICE_NAME": "Some Other Program", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}
    assert load(None, others).digest == load(None, {}).digest
    assert {problem.setting for problem in refused("", {**ON, **others})} == set(others)
