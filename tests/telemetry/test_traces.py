"""One order is one trace, from the agent's edge through the core into a caged worker, and tells no amount or secret."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from appliance.redaction import SECRETS
from appliance.telemetry.catalog import Stage
from appliance.telemetry.telemetry import Telemetry
from appliance.telemetry.tracing import Collector as Where
from appliance.telemetry.tracing import open_tracer
from tests.cli.test_live_venues import live, serving, trader
from tests.telemetry.collector import Collector, collecting, named


def telemetry_to(collector: Collector) -> Telemetry:
    tracer = open_tracer(Where(endpoint=collector.endpoint, service_name="test", version="1"))
    return Telemetry(tracer, tracer.close)


def test_one_order_over_mcp_is_one_connected_trace_across_edge_core_and_caged_worker() -> None:
    with collecting() as collector:
        traced = f'[otel]\nenabled = true\nservice_name = "desk"\nendpoint = "{collector.endpoint}"\n'
        with live(traced) as (appliance, _venue):
            daemon = serving(appliance)
            answer = trader(appliance).order("buy", "0.00217", exchange="play", order_type="limit", price="49000")
            assert answer["state"] == "open"
            daemon.end()
        spans = collector.trace_with("place_cex_order")
        by_id, by_name = {it.span_id: it for it in spans}, {it.name: it for it in spans}
        root = by_name["place_cex_order"]
        assert [it.name for it in spans if not it.parent_span_id] == ["place_cex_order"]
        assert all(not it.parent_span_id or it.parent_span_id in by_id for it in spans)
        stages = {"parse", "rate_limit", "observe", "decide", "record", "send", "report"}
        assert stages | {"call play", "place_order"} <= by_name.keys()
        asked, worked = by_name["call play"], by_name["place_order"]
        assert by_id[asked.parent_span_id].name == "send"
        assert worked.parent_span_id == asked.span_id
        assert asked.start_time_unix_nano <= worked.start_time_unix_nano
        assert worked.start_time_unix_nano < worked.end_time_unix_nano <= asked.end_time_unix_nano
        assert root.start_time_unix_nano <= by_name["send"].start_time_unix_nano
        told = named(root)
        assert told.pop("request_id") == answer["order_id"]
        assert told == {"agent": "bob", "venue": "play", "symbol": "BTC/USDT", "side": "buy", "outcome": "permitted"}
        assert collector.services == {"desk"}
        whole = b"".join(collector.raw)
        for unspoken in (b"0.00217", b"49000", b"key-of-the-core", b"rt_bob_"):
            assert unspoken not in whole


def test_what_is_done_outside_of_a_request_makes_no_trace_of_its_own() -> None:
    with collecting() as collector:
        telemetry = telemetry_to(collector)
        with telemetry.stages.timed(Stage.RECONCILE):
            pass
        with telemetry.stages.request("tool"), telemetry.stages.timed(Stage.DECIDE):
            pass
        telemetry.close()
        assert sorted(it.name for it in collector.spans) == ["decide", "tool"]


def test_of_an_exception_its_type_is_told_and_a_secret_goes_no_further() -> None:
    with collecting() as collector:
        telemetry = telemetry_to(collector)
        SECRETS.keep("sesame-in-a-name")
        with pytest.raises(ValueError, match="sesame"), telemetry.stages.request("tool", agent="sesame-in-a-name"):
            raise ValueError("sesame-in-a-text")
        telemetry.close()
        (span,) = collector.spans
        assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "ValueError")
        assert named(span) == {"agent": "[secret]"}
        assert not span.events
        assert b"sesame" not in b"".join(collector.raw)


def test_a_collector_that_is_gone_stops_nothing() -> None:
    with collecting() as gone:
        pass
    telemetry = telemetry_to(gone)
    for _ in range(10):
        with telemetry.stages.request("tool"):
            pass
    telemetry.close()


def test_a_batch_goes_to_the_collector_alone_with_the_headers_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with collecting() as collector, collecting() as elsewhere:
        for variable in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, elsewhere.endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=desk,authorization=Bearer%20for-all-signals")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20for-traces-alone")
        collector.status, collector.moved_to = 307, f"{elsewhere.endpoint}/v1/traces"
        telemetry = telemetry_to(collector)
        with telemetry.stages.request("tool"):
            pass
        telemetry.close()
        assert (collector.headers["x-scope"], collector.headers["authorization"]) == ("desk", "Bearer for-traces-alone")
        assert SECRETS("Bearer for-traces-alone") == "[secret]"
        assert elsewhere.raw == []
        assert "it answered 307" in caplog.text


def test_nothing_of_opentelemetrys_sdk_is_imported_until_it_is_wanted() -> None:
    program = "import sys, appliance.bootstrap, appliance.telemetry.tracing; print('opentelemetry.sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
