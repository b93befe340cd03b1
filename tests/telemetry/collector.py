"""A collector: takes OTLP over HTTP and decodes what it is sent with OpenTelemetry's own protocol definition."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

WAIT_MAX_S = 30.0


class Collector:
    """What has arrived."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.raw: list[bytes] = []
        self.headers: dict[str, str] = {}
        """Of the last request, in lower case."""
        self.status, self.moved_to = 200, ""
        """What it answers."""
        self._more = threading.Condition()

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        told = ExportTraceServiceRequest.FromString(body)
        with self._more:
            self.raw.append(body)
            for resource in told.resource_spans:
                self.services |= {
                    it.value.string_value for it in resource.resource.attributes if it.key == "service.name"
                }
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
            self._more.notify_all()

    def trace_with(self, root: str) -> list[Span]:
        """Every span of the trace whose root has this name, once the root is there: it ends last."""
        with self._more:
            arrived = self._more.wait_for(
                lambda: any(it.name == root and not it.parent_span_id for it in self.spans), WAIT_MAX_S
            )
            assert arrived, f"no trace {root!r} among {sorted(it.name for it in self.spans)}"
            (whole,) = {it.trace_id for it in self.spans if it.name == root and not it.parent_span_id}
            return [it for it in self.spans if it.trace_id == whole]


def named(span: Span) -> dict[str, str]:
    return {it.key.removeprefix("readytrader."): it.value.string_value for it in span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.headers = {name.lower(): value for name, value in self.headers.items()}
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(collector.status)
            self.send_header("location", collector.moved_to)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
