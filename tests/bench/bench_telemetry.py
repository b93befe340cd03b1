"""What measuring costs an order on its way through the pipeline: the same core, measured and not, turn about."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import process_time

from pytest_benchmark.fixture import BenchmarkFixture

from appliance.telemetry.stages import SILENT
from tests.bench.bench_orders import Running

ROUNDS = 15
ORDERS = 64


def unmeasured(running: Running) -> Running:
    """The same core with nothing that measures."""
    core = running.rig.core
    for part in (core.desk, core.desk._execution, core.reports):
        part._stages = SILENT
    core.recorder._listeners[:] = [one for one in core.recorder._listeners if "_measure" not in str(one)]
    core.journal.on_commit = lambda _seconds: None
    return running


def test_an_order_measured_and_not(benchmark: BenchmarkFixture) -> None:
    """The ratio of CPU time, and a scrape in ms, are in the extra figures; the disk's time is the same for both."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a").mkdir()
        (Path(folder) / "b").mkdir()
        both = {"measured": Running(Path(folder) / "a"), "not": unmeasured(Running(Path(folder) / "b"))}
        took: dict[str, list[float]] = {name: [] for name in both}
        for _ in range(ROUNDS):
            for name, running in both.items():
                started = process_time()
                running.submit(ORDERS)
                took[name].append((process_time() - started) / ORDERS)
        assert b"stage_seconds_bucket" in both["measured"].rig.core.telemetry.meter.text()
        benchmark.extra_info["ratio"] = round(median(took["measured"]) / median(took["not"]), 3)
        benchmark.extra_info["us_per_order"] = round((median(took["measured"]) - median(took["not"])) * 1e6, 1)
        benchmark.pedantic(both["measured"].rig.core.telemetry.meter.text, rounds=20)  # type: ignore[no-untyped-call]
        for running in both.values():
            running.close()
