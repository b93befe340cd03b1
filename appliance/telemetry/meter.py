"""Counts and measures, and tells it in the format of Prometheus. The only place that imports its client library.

Figures become floats here, for graphs, and never come back: no decision reads a metric.
"""

from __future__ import annotations

import logging
from collections import Counter as Counting
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import prometheus_client
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from appliance.telemetry.catalog import COUNTED, Kind, Metric
from appliance.telemetry.figures import Series, Snapshot

log = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Of `Meter.text` (Prometheus text format 0.0.4)."""
SERIES_MAX = 500
"""Label values of one metric that is read; what is beyond is left out, and said so in the log."""

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

Figure = Decimal | int | float | bool | timedelta | datetime


class Sample(Struct, frozen=True):
    """One figure of a metric that is read when somebody asks."""

    metric: Metric
    figure: Figure
    labels: tuple[str, ...] = ()


Reading = Callable[[], Iterable[Sample]]


class Meter:
    """All measurements of one core, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._readings: list[Reading] = []
        self._counters = {one.name: _counter(one, self._registry) for one in COUNTED if one.kind is Kind.COUNTER}
        self._histograms = {one.name: _histogram(one, self._registry) for one in COUNTED if one.kind is Kind.HISTOGRAM}
        ProcessCollector(registry=self._registry)
        self._registry.register(_Readings(self._readings))

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to a counter; by 0, to show a series before anything happens, so that its first step is seen as one."""
        counter = self._counters[metric.name]
        (counter.labels(*labels) if labels else counter).inc(by)

    def timer(self, metric: Metric, *labels: str) -> Callable[[float], None]:
        """What takes the seconds of one time series: worth keeping where it is used often."""
        histogram = self._histograms[metric.name]
        observe: Callable[[float], None] = (histogram.labels(*labels) if labels else histogram).observe
        return observe

    def read_from(self, reading: Reading) -> None:
        """Ask this at every scrape."""
        self._readings.append(reading)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def families(self) -> Iterator[Family]:
        """Everything, as the client library holds it."""
        return iter(self._registry.collect())


def _counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.doc, metric.labels, registry=registry)


def _histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(metric.name, metric.doc, metric.labels, registry=registry, buckets=metric.buckets)


class _Readings(Collector):
    """Asks the readings, and groups what they say by metric."""

    def __init__(self, readings: list[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Family]:
        """As `Collector`. A reading that raises costs its own figures and no others."""
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        left_out: Counting[str] = Counting()
        for reading in self._readings:
            try:
                samples = list(reading())
            except Exception:
                log.exception("figures for the metrics could not be read")
                continue
            for sample in samples:
                left_out[sample.metric.name] += not self._add(families, sample)
        for name, count in (+left_out).items():
            log.warning("metric %s has more than %d series; %d are left out", name, SERIES_MAX, count)
        yield from families.values()

    def _add(self, families: dict[str, GaugeMetricFamily | CounterMetricFamily], sample: Sample) -> bool:
        """Whether there was room for it."""
        metric = sample.metric
        family = families.get(metric.name)
        if family is None:
            make = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
            family = families[metric.name] = make(metric.name, metric.doc, labels=metric.labels)
        if len(family.samples) >= SERIES_MAX:
            return False
        family.add_metric(sample.labels, as_float(sample.figure))
        return True


def as_float(figure: Figure) -> float:
    """A figure for a graph: seconds for a time, seconds since 1970 for a moment."""
    if isinstance(figure, timedelta):
        return figure.total_seconds()
    if isinstance(figure, datetime):
        return figure.timestamp()
    return float(figure)


def snapshot(meter: Meter, at: datetime) -> Snapshot:
    """As JSON tells it; of a histogram, its count and its sum."""
    return Snapshot(
        at=at,
        series=tuple(
            Series(name=one.name, labels=dict(one.labels), value=one.value)
            for family in meter.families()
            for one in family.samples
            if not one.name.endswith("_bucket")
        ),
    )
