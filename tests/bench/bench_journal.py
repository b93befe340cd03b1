"""The journal against a bare SQLite loop on the same disk, the auditor's speed, and fsyncs per order."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from appliance.store.audit import verify
from tests.store.counting_vfs import counting_vfs
from tests.store.journals import VKEY, append_all, entry, open_journal, record

CALLERS = 32
ROUNDS = 100


def run_callers(append: Callable[[int], asyncio.Future[object]]) -> float:
    """32 callers, each awaiting one append after the other; entries per second."""

    async def caller(number: int) -> None:
        for turn in range(ROUNDS):
            await append(number * ROUNDS + turn)

    async def run() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(caller(number) for number in range(CALLERS)))
        return CALLERS * ROUNDS / (time.perf_counter() - started)

    return asyncio.run(run())


def bare_rate(folder: Path) -> float:
    """The least that a durable group commit costs: one table, one writer thread, one executemany a group."""
    connection = apsw.Connection(str(folder / "bare.db"))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", 2)
    connection.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, leaf BLOB)")
    waiting: queue.SimpleQueue[tuple[bytes, asyncio.Future[object]] | None] = queue.SimpleQueue()

    def settle(futures: list[asyncio.Future[object]]) -> None:
        for future in futures:
            future.set_result(None)

    def write() -> None:
        while (first := waiting.get()) is not None:
            group = [first]
            while not waiting.empty() and (more := waiting.get()) is not None:
                group.append(more)
            with connection:
                connection.executemany("INSERT INTO entry (leaf) VALUES (?)", [(leaf,) for leaf, _ in group])
            first[1].get_loop().call_soon_threadsafe(settle, [future for _, future in group])

    thread = threading.Thread(target=write)
    thread.start()

    def append(number: int) -> asyncio.Future[object]:
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        waiting.put((bytes(entry(number).body), future))
        return future

    rate = run_callers(append)
    waiting.put(None)
    thread.join()
    connection.close()
    return rate


def journal_rate(folder: Path) -> float:
    journal = open_journal(folder)
    rate = run_callers(lambda number: journal.append([entry(number)]))  # type: ignore[arg-type,return-value]
    journal.close()
    return rate


@pytest.mark.benchmark(group="journal")
def bench_32_callers_reach_a_quarter_of_bare_sqlite(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    turn = iter(range(1000))

    def both() -> tuple[float, float]:
        folder = tmp_path / str(next(turn))
        folder.mkdir()
        return bare_rate(folder), journal_rate(folder)

    bare, ours = benchmark.pedantic(both, rounds=3, iterations=1)
    benchmark.extra_info.update(
        bare_per_second=round(bare), journal_per_second=round(ours), ratio=round(ours / bare, 2)
    )
    assert ours / bare >= 0.25


@pytest.mark.benchmark(group="journal")
def bench_verify_reads_100_000_entries_a_second(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    append_all(journal, 100_000, batch=2000)
    journal.close()
    report = benchmark.pedantic(lambda: verify(tmp_path / "journal.db", VKEY), rounds=3, iterations=1)
    assert (report.whole, report.size) == (True, 100_000)
    rate = 100_000 / benchmark.stats.stats.min
    benchmark.extra_info["entries_per_second"] = round(rate)
    assert rate >= 100_000


@pytest.mark.benchmark(group="journal")
def bench_fsyncs_of_64_orders_in_flight(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    orders = 64 * 10
    with counting_vfs() as counts:
        journal = open_journal(tmp_path, vfs=counts.name)
        counts.syncs = 0

        async def order(number: int) -> None:
            for kind in ("order.permitted", "order.reported"):
                journal.announce()
                await asyncio.sleep(0)
                journal.arrived()
                written = journal.append([entry(number, kind=kind)], [record(number)])
                await written

        async def run() -> None:
            for start in range(0, orders, 64):
                await asyncio.gather(*(order(number) for number in range(start, start + 64)))

        cpu = time.process_time()
        benchmark.pedantic(lambda: asyncio.run(run()), rounds=1, iterations=1)
        cpu = time.process_time() - cpu
        journal.close()
    benchmark.extra_info["fsyncs_per_order"] = counts.syncs / orders
    benchmark.extra_info["cpu_us_per_entry"] = round(cpu / (2 * orders) * 1e6, 1)
    assert counts.syncs / orders <= 0.2
