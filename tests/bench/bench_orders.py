"""What an order costs from end to end. Run with `pytest tests/bench/bench_orders.py --benchmark-only`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from appliance.bootstrap import build
from appliance.home import Home
from appliance.service.outcomes import Placed
from tests.service.rig import ROOMY, ManualClock, Rig, buy, configured, sell

IN_FLIGHT = 64


class Running:
    """A core on a loop that is driven by hand."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock()
        home = Home(folder / "home")
        core = build(home, configured(folder, ROOMY), self.clock)
        self.rig = Rig(home, core, self.clock)
        self.rig.source()
        self.loop.run_until_complete(core.start())
        assert core._heartbeat is not None
        core._heartbeat.cancel()
        self.rig.quote()
        self.loop.run_until_complete(self.rig.fund("500000000"))
        self.loop.run_until_complete(self.rig.fund("10000", "BTC"))
        self.numbers = count()

    def submit(self, orders: int) -> None:
        """So many orders at once, half of them buys, each filled on the spot."""

        async def together() -> None:
            intents = [(buy if number % 2 else sell)("0.01") for number in range(orders)]
            outcomes = await asyncio.gather(*(self.rig.submit(one, key=str(next(self.numbers))) for one in intents))
            assert all(isinstance(outcome, Placed) and not outcome.order.is_live for outcome in outcomes)

        self.clock.advance(0.5)
        self.rig.quote()
        self.loop.run_until_complete(together())

    def close(self) -> None:
        self.loop.run_until_complete(self.rig.core.aclose())
        self.loop.close()


@pytest.fixture
def running() -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder:
        core = Running(Path(folder))
        yield core
        core.close()


def test_one_order_after_the_other(benchmark: BenchmarkFixture, running: Running) -> None:
    """Two commits each: the permit before it is sent, the report before it is answered."""
    benchmark.pedantic(running.submit, args=(1,), rounds=300, warmup_rounds=20)  # type: ignore[no-untyped-call]


def test_many_orders_in_flight(benchmark: BenchmarkFixture, running: Running) -> None:
    """Orders a second, fsyncs an order, and CPU an order are in the extra figures."""
    rounds, counters = 15, running.rig.core.journal.counters
    commits, started, cpu = counters.commits, time.perf_counter(), time.process_time()
    benchmark.pedantic(running.submit, args=(IN_FLIGHT,), rounds=rounds)  # type: ignore[no-untyped-call]
    orders = IN_FLIGHT * rounds
    benchmark.extra_info["orders_per_s"] = round(orders / (time.perf_counter() - started))
    benchmark.extra_info["cpu_ms_per_order"] = round((time.process_time() - cpu) * 1000 / orders, 3)
    benchmark.extra_info["fsyncs_per_order"] = round((counters.commits - commits) / orders, 3)
