"""Times the stages of a request; where traces are wanted, each is a span of the request's trace as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from types import TracebackType
from typing import Protocol

from appliance.telemetry.catalog import STAGE, WORKER_CALL, WORKER_FAILURES, Stage
from appliance.telemetry.meter import Meter

Attributes = Mapping[str, str]
"""What a span says of itself: IDs, names and codes; never an amount, a price or a credential."""


class WorkerCall(Protocol):
    """One call of a worker, as it was answered. Times are of the host's monotonic clock, in nanoseconds."""

    @property
    def worker(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def asked_ns(self) -> int: ...
    @property
    def answered_ns(self) -> int: ...
    @property
    def began_ns(self) -> int:
        """When the worker says that it began on it, within the two times above."""

    @property
    def ended_ns(self) -> int: ...
    @property
    def fault(self) -> str | None:
        """How it failed; None for a result."""


class Tracer(Protocol):
    """What makes spans."""

    def root(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """A new trace, for as long as it is open; what is opened within belongs to it."""

    def span(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """A part of the trace that is open; nothing where none is."""

    def note(self, attributes: Attributes) -> None:
        """Say this of the span that is open."""

    def called(self, call: WorkerCall) -> None:
        """A part that is over and that a worker told of."""


class Stages:
    """Handed to every service that a request passes. Without a meter and a tracer it does nothing."""

    def __init__(self, meter: Meter | None = None, tracer: Tracer | None = None) -> None:
        self._meter = meter
        self._tracer = tracer
        self._timers: dict[Stage, Callable[[float], None]] = (
            {} if meter is None else {stage: meter.timer(STAGE, stage) for stage in Stage}
        )
        self._calls: dict[tuple[str, str], Callable[[float], None]] = {}

    def timed(self, stage: Stage, **attributes: str) -> AbstractContextManager[None]:
        """Time what is done within."""
        if self._tracer is not None:
            span = self._tracer.span(stage, attributes)
            return _Both(span, _Timed(self._timers[stage])) if self._timers else span
        return _Timed(self._timers[stage]) if self._timers else _NOTHING

    def request(self, name: str, **attributes: str) -> AbstractContextManager[None]:
        """The whole of one request, at the edge where it came in."""
        return _NOTHING if self._tracer is None else self._tracer.root(name, attributes)

    def note(self, **attributes: str) -> None:
        """Say this of the request, or of the stage that is open."""
        if self._tracer is not None:
            self._tracer.note(attributes)

    def worker_called(self, call: WorkerCall) -> None:
        """A worker answered a call that was made within a request or without."""
        if self._meter is not None:
            key = (call.worker, call.method)
            timer = self._calls.get(key)
            if timer is None:
                timer = self._calls[key] = self._meter.timer(WORKER_CALL, *key)
            timer((call.answered_ns - call.asked_ns) / 1e9)
            if call.fault is not None:
                self._meter.count(WORKER_FAILURES, call.worker, call.fault)
        if self._tracer is not None:
            self._tracer.called(call)


class _Timed:
    """Times what is done within, however it ends."""

    __slots__ = ("_observe", "_started")

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._observe(perf_counter() - self._started)


class _Both:
    """A span and a timer at once."""

    __slots__ = ("_span", "_timer")

    def __init__(self, span: AbstractContextManager[None], timer: _Timed) -> None:
        self._span = span
        self._timer = timer

    def __enter__(self) -> None:
        self._span.__enter__()
        self._timer.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self._timer.__exit__(kind, error, traceback)
        return self._span.__exit__(kind, error, traceback)


_NOTHING: AbstractContextManager[None] = nullcontext()

SILENT = Stages()
"""For where nothing is measured."""
