"""Traces of requests, sent to a collector in OTLP over HTTP. Nothing of OpenTelemetry is imported before it is wanted.

A request is one trace: the tool's call at the agent's edge, below it each stage in the core, and below the call to a
worker the worker's own part, of which it tells the times. Attributes are IDs, names and codes; amounts, prices, texts
of exceptions and whatever else an agent or a venue wrote stay in the journal. Nothing here is global: no library's
spans come along, and the MCP library's own tracing is off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING

from msgspec import Struct

from appliance.redaction import SECRETS

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from appliance.telemetry.stages import Attributes, WorkerCall

QUEUED_MAX, BATCH_MAX, EVERY_MS = 2048, 256, 1000
"""Spans that wait for the collector, and how they are sent; what does not fit into the queue is left out."""
VALUE_MAX = 200


class Collector(Struct, frozen=True, kw_only=True):
    """Where spans go, and in whose name."""

    endpoint: str
    """The collector's URL, without `/v1/traces`."""
    service_name: str
    version: str


class OtlpTracer:
    """Makes spans and sends them in the background (`stages.Tracer`)."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace

        self._trace = trace
        self._provider = provider
        self._tracer = provider.get_tracer("readytrader")

    @contextmanager
    def root(self, name: str, attributes: Attributes) -> Iterator[None]:
        """As `stages.Tracer`."""
        from opentelemetry.context import Context

        span = self._tracer.start_span(
            name, context=Context(), kind=self._trace.SpanKind.SERVER, attributes=_named(attributes)
        )
        with self._current(span):
            yield

    def span(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """As `stages.Tracer`."""
        if not self._trace.get_current_span().is_recording():
            return nullcontext()
        return self._current(self._tracer.start_span(name, attributes=_named(attributes)))

    def note(self, attributes: Attributes) -> None:
        """As `stages.Tracer`."""
        self._trace.get_current_span().set_attributes(_named(attributes))

    def called(self, call: WorkerCall) -> None:
        """As `stages.Tracer`: what the core waited for, and within it the worker's own part."""
        if not self._trace.get_current_span().is_recording():
            return
        to_wall = time_ns() - monotonic_ns()
        named = _named({"worker": call.worker, "method": call.method, "fault": call.fault or ""})
        asked = self._tracer.start_span(
            f"call {call.worker}", kind=self._trace.SpanKind.CLIENT, attributes=named,
            start_time=call.asked_ns + to_wall,
        )  # fmt: skip
        within = self._trace.set_span_in_context(asked)
        worked = self._tracer.start_span(
            call.method, context=within, kind=self._trace.SpanKind.SERVER, attributes=named,
            start_time=call.began_ns + to_wall,
        )  # fmt: skip
        if call.fault is not None:
            for one in (asked, worked):
                one.set_status(self._trace.Status(self._trace.StatusCode.ERROR, call.fault))
        worked.end(call.ended_ns + to_wall)
        asked.end(call.answered_ns + to_wall)

    def close(self) -> None:
        """Send what waits. Blocks for some seconds at most."""
        self._provider.shutdown()

    @contextmanager
    def _current(self, span: Span) -> Iterator[None]:
        """Of an exception only its type is told: its text may hold anything."""
        with self._trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except BaseException as error:
                span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, type(error).__name__))
                raise


def open_tracer(collector: Collector) -> OtlpTracer:
    """A tracer that sends to this collector."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    from appliance.telemetry.otlp import OtlpExporter

    named = {"service.name": collector.service_name, "service.version": collector.version}
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource(named), shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(
            OtlpExporter(collector.endpoint),
            max_queue_size=QUEUED_MAX,
            max_export_batch_size=BATCH_MAX,
            schedule_delay_millis=EVERY_MS,
        )
    )
    return OtlpTracer(provider)


def _named(attributes: Mapping[str, str]) -> dict[str, str]:
    """Under a name of our own, capped, and without the empty ones; a secret that got here goes no further."""
    return {f"readytrader.{name}": SECRETS(value[:VALUE_MAX]) for name, value in attributes.items() if value}
