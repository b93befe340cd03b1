"""What a worker costs: a call there and back, an order through its gate, a start, and the memory of one that idles."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.remote import RemoteExchange
from appliance.plugin_host.supervisor import Worker
from tests.plugin_host.rig import order
from tests.plugin_host.test_real_workers import FIND, real, signed, tame

CALLS = 1000
ROUNDS = 7
WAYS = pytest.mark.parametrize("forked", [False, True], ids=["executed", "forked"])


@contextmanager
def one_worker(
    state: Path, *, forked: bool, kind: Kind = Kind.EXCHANGE, permit_key: bool = True
) -> Iterator[tuple[asyncio.Runner, Worker]]:
    """A real, caged worker, and the loop that it is called on."""
    made = tame(state, kind)
    spec = made if permit_key else msgspec.structs.replace(made, permit_key=b"")
    with asyncio.Runner() as runner:
        scene = real(state, forked=forked, made=spec)
        _, worker = runner.run(scene.__aenter__())
        try:
            yield runner, worker
        finally:
            runner.run(scene.__aexit__(None, None, None))


def record(benchmark: BenchmarkFixture, seconds: list[float]) -> None:
    benchmark.extra_info["p50_us"] = round(median(seconds) * 1e6)
    benchmark.extra_info["p99_us"] = round(quantiles(seconds, n=100)[98] * 1e6)
    benchmark.extra_info["load"] = os.getloadavg()[0]


@pytest.mark.benchmark(group="workers")
@WAYS
def bench_a_read_goes_there_and_back_in_250_us(benchmark: BenchmarkFixture, tmp_path: Path, *, forked: bool) -> None:
    seconds: list[float] = []
    with one_worker(tmp_path, forked=forked) as (runner, worker):

        async def calls() -> None:
            now = asyncio.get_running_loop().time
            for _ in range(CALLS):
                before = now()
                await worker.call(*FIND)
                seconds.append(now() - before)

        benchmark.pedantic(lambda: runner.run(calls()), rounds=ROUNDS)
    record(benchmark, seconds)


@pytest.mark.benchmark(group="workers")
def bench_an_order_through_gate_and_worker_takes_less_than_1_ms(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Signing the permit is the core's, and not counted."""
    seconds: list[float] = []
    with one_worker(tmp_path, forked=True) as (runner, worker):
        venue = RemoteExchange(worker)

        async def orders() -> None:
            now = asyncio.get_running_loop().time
            for _ in range(CALLS):
                payload = order(f"order-{len(seconds)}")
                leave = signed(payload)
                before = now()
                await venue.perform(leave, payload)
                seconds.append(now() - before)

        benchmark.pedantic(lambda: runner.run(orders()), rounds=ROUNDS)
    record(benchmark, seconds)


@pytest.mark.benchmark(group="worker start")
@pytest.mark.parametrize("kind", [Kind.DATA_SOURCE, Kind.EXCHANGE])
@WAYS
def bench_a_worker_is_ready_within_30_ms_of_its_fork_and_300_ms_of_its_execution(
    benchmark: BenchmarkFixture, tmp_path: Path, kind: Kind, *, forked: bool
) -> None:
    """Cage and loading of the plugin included, and the end of the one before, which is not counted."""
    seconds: list[float] = []
    with one_worker(tmp_path, forked=forked, kind=kind, permit_key=kind is Kind.EXCHANGE) as (runner, worker):

        async def another() -> None:
            worker.restart("another is measured")
            for passed in ("ready", "waiting"):
                while worker.state == passed:  # noqa: ASYNC110 - the state changes without an event
                    await asyncio.sleep(0.0005)
            before = asyncio.get_running_loop().time()
            await worker.up()
            seconds.append(asyncio.get_running_loop().time() - before)

        benchmark.pedantic(lambda: runner.run(another()), rounds=ROUNDS)
    benchmark.extra_info["p50_ms"] = round(median(seconds) * 1e3, 1)
    benchmark.extra_info["load"] = os.getloadavg()[0]


@pytest.mark.benchmark(group="worker memory")
@pytest.mark.parametrize("kind", [Kind.DATA_SOURCE, Kind.EXCHANGE])
@WAYS
def bench_an_idle_worker_holds_less_than_20_mb_of_its_own(
    benchmark: BenchmarkFixture, tmp_path: Path, kind: Kind, *, forked: bool
) -> None:
    """Pages that no other process shares (proc(5), smaps_rollup)."""
    with one_worker(tmp_path, forked=forked, kind=kind, permit_key=kind is Kind.EXCHANGE) as (_, worker):
        smaps = Path(f"/proc/{worker.health().pid}/smaps_rollup")
        text = benchmark.pedantic(smaps.read_text, rounds=1)
    for name in ("Private_Clean", "Private_Dirty", "Pss"):
        found = re.search(rf"{name}:\s+(\d+) kB", text)
        assert found is not None
        benchmark.extra_info[f"{name.lower()}_mb"] = round(int(found[1]) / 1024, 1)
