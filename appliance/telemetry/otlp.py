"""Sends spans to a collector: OTLP over HTTP, in Protobuf.

By the standard library: OpenTelemetry's own sender brings `requests`, and with that a list of authorities under a
licence that the frozen program must not hold. OpenTelemetry encodes what is sent; importing this imports its SDK.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.util.re import parse_env_headers

from appliance.redaction import SECRETS

LOGGER = logging.getLogger(__name__)
SEND_S_MAX = 3.0
TRACES = "/v1/traces"
HEADER_VARIABLES = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
"""Headers for the collector, of which the later rank higher; its credential may be among them.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""


class OtlpExporter(SpanExporter):
    """One request for each batch, to this collector alone: no proxy, no redirect, no second attempt."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is the collector's URL without `/v1/traces`, already checked."""
        url = urlsplit(endpoint.rstrip("/") + TRACES)
        self._is_tls, self._host, self._port, self._path = url.scheme == "https", url.hostname or "", url.port, url.path
        self._headers = {**_configured_headers(), "content-type": "application/x-protobuf"}
        self._trouble: str | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them; what cannot be sent is lost, and the log says so once."""
        body = encode_spans(spans).SerializeToString()
        try:
            status = self._sent(body)
        except (OSError, HTTPException) as fault:
            return self._ended(type(fault).__name__)
        return self._ended(None if 200 <= status < 300 else f"it answered {status}")

    def _sent(self, body: bytes) -> int:
        make = HTTPSConnection if self._is_tls else HTTPConnection
        connection = make(self._host, self._port, timeout=SEND_S_MAX)
        try:
            connection.request("POST", self._path, body, self._headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def _ended(self, trouble: str | None) -> SpanExportResult:
        if trouble is not None and self._trouble is None:
            LOGGER.warning("traces do not reach the collector and are lost until they do: %s", trouble)
        if trouble is None and self._trouble is not None:
            LOGGER.warning("traces reach the collector again")
        self._trouble = trouble
        return SpanExportResult.SUCCESS if trouble is None else SpanExportResult.FAILURE


def _configured_headers() -> dict[str, str]:
    """What the environment adds to each request. The log knows the values."""
    headers: dict[str, str] = {}
    for variable in HEADER_VARIABLES:
        headers |= parse_env_headers(os.environ.get(variable, ""), liberal=True)
    for value in headers.values():
        SECRETS.keep(value)
    return headers
