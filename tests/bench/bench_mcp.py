"""What one order costs from an agent's line to the answer, with the fill on disk: latency, CPU, throughput, fsyncs.

The client is a plain one: lines, a selector, and JSON. Limits are raised out of the way, and no rule is left out.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import statistics
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.cli.agents import Agent
from tests.cli.appliances import Appliance, new_appliance
from tests.transport.serving import Wire, served

IN_FLIGHT = 64
SESSIONS = 8
ROUNDS = 300
ROOMY = """\
[limits]
position_max_pct = 100
exposure_max_pct = 100
open_notional_max_pct = 1000
turnover_max_pct = 100000
open_orders_max = 10000
repeated_orders_max = 10000
[rate_limits]
default_per_min = 100000
execution_per_min = 100000
"""
ROOMY_VARIABLES = {
    "RATE_LIMIT_EXECUTION_PER_MIN": "100000",
    "READYTRADER_LIMITS_POSITION_MAX_PCT": "100",
    "READYTRADER_LIMITS_EXPOSURE_MAX_PCT": "100",
    "READYTRADER_LIMITS_OPEN_NOTIONAL_MAX_PCT": "1000",
    "READYTRADER_LIMITS_TURNOVER_MAX_PCT": "100000",
    "READYTRADER_LIMITS_OPEN_ORDERS_MAX": "10000",
    "READYTRADER_LIMITS_REPEATED_ORDERS_MAX": "10000",
}
"""The same, for a core in this process."""


@pytest.fixture
def appliance() -> Iterator[Appliance]:
    with new_appliance(ROOMY) as fresh:
        yield fresh


KEYS = count()


def order() -> dict[str, object]:
    """A small order; each has a key of its own, as a careful agent's have."""
    number = next(KEYS)
    side = ("buy", "sell")[number % 2]
    return {"symbol": "BTC/USDT", "side": side, "amount": "0.0002", "idempotency_key": f"k{number}"}


def prepare(agent: Agent) -> None:
    agent.fund("1000000")
    agent.order("buy", "0.1")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, /proc/PID/stat fields 14 and 15 (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.benchmark(group="mcp")
def bench_a_call_is_a_durable_fill_within_8_ms(benchmark: BenchmarkFixture, appliance: Appliance) -> None:
    child = appliance.mcp()
    prepare(child.agent)

    def fill() -> None:
        answer = child.agent.done("place_cex_order", **order())
        assert answer["order"]["state"] in ("filled", "partly_filled", "open")

    for _ in range(20):
        fill()
    before = cpu_seconds(child.popen.pid)
    benchmark.pedantic(fill, rounds=ROUNDS, iterations=1)
    cpu_ms = (cpu_seconds(child.popen.pid) - before) / ROUNDS * 1000
    p50_ms = benchmark.stats.stats.median * 1000
    benchmark.extra_info.update(
        p50_ms=round(p50_ms, 2), server_cpu_ms_per_call=round(cpu_ms, 2), load=os.getloadavg()[0]
    )
    assert p50_ms < 8
    # The aim is 4 ms of CPU a call. Recorded, not asserted: the same code takes 3.9 to 5.3 as the machine varies.


def run_in_flight(agents: list[Agent], total: int) -> float:
    """Keep `IN_FLIGHT` orders on their way, spread over the sessions, until so many are answered; orders a second."""
    with selectors.DefaultSelector() as selector:
        for session in agents:
            selector.register(session.incoming, selectors.EVENT_READ, session)
        sent = answered = 0
        started = time.perf_counter()
        for number in range(IN_FLIGHT):
            agents[number % len(agents)].start_call("place_cex_order", **order())
            sent += 1
        while answered < total:
            for key, _ in selector.select():
                agent: Agent = key.data
                for message in agent.receive_ready():
                    assert message["result"]["structuredContent"]["ok"], message
                    answered += 1
                    if sent < total:
                        agent.start_call("place_cex_order", **order())
                        sent += 1
        return total / (time.perf_counter() - started)


@pytest.mark.benchmark(group="mcp")
def bench_64_in_flight_over_stdio_are_300_orders_a_second(benchmark: BenchmarkFixture, appliance: Appliance) -> None:
    child = appliance.mcp()
    prepare(child.agent)
    rates = measure_rates(benchmark, [child.agent], child.popen.pid)
    assert max(rates) >= 300


@pytest.mark.benchmark(group="mcp")
def bench_64_in_flight_over_8_sockets_are_300_orders_a_second(
    benchmark: BenchmarkFixture, appliance: Appliance
) -> None:
    daemon = appliance.serve()
    connections = [appliance.connect() for _ in range(SESSIONS)]
    for agent in connections:
        agent.handshake()
    prepare(connections[0])
    rates = measure_rates(benchmark, connections, daemon.popen.pid)
    assert max(rates) >= 300


def measure_rates(benchmark: BenchmarkFixture, agents: list[Agent], pid: int) -> list[float]:
    """Three rounds of 640 orders; their rates, and what they cost the server."""
    rates: list[float] = []

    def once() -> None:
        rates.append(run_in_flight(agents, 640))

    before = cpu_seconds(pid)
    benchmark.pedantic(once, rounds=3, iterations=1)
    cpu_ms = (cpu_seconds(pid) - before) / (640 * len(rates)) * 1000
    benchmark.extra_info.update(
        orders_per_second=round(statistics.median(rates)),
        server_cpu_ms_per_call=round(cpu_ms, 2),
        load=os.getloadavg()[0],
    )
    return rates


@pytest.mark.benchmark(group="mcp")
def bench_64_in_flight_share_their_fsyncs(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The core runs here, behind its socket: only it can say how many transactions it made."""
    orders = IN_FLIGHT * 10
    seen: dict[str, float] = {}

    async def run() -> None:
        async with served(tmp_path, **ROOMY_VARIABLES) as (core, path):
            wires = [await Wire.agent(path) for _ in range(SESSIONS)]
            bought = await wires[0].call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.1")
            assert bought["ok"], bought
            before, started = core.journal.counters.commits, time.perf_counter()
            await asyncio.gather(*(keep_busy(wire) for wire in wires))
            seen["fsyncs_per_order"] = (core.journal.counters.commits - before) / orders
            seen["orders_per_second"] = orders / (time.perf_counter() - started)
            for wire in wires:
                await wire.close()

    async def keep_busy(wire: Wire) -> None:
        share = IN_FLIGHT // SESSIONS
        for _turn in range(orders // IN_FLIGHT):
            for _place in range(share):
                wire.start_call("place_cex_order", **order())
            for _ in range(share):
                message = await wire.receive()
                assert message["result"]["structuredContent"]["ok"], message

    benchmark.pedantic(lambda: asyncio.run(run()), rounds=1, iterations=1)
    benchmark.extra_info.update({name: round(value, 3) for name, value in seen.items()}, load=os.getloadavg()[0])
    assert seen["fsyncs_per_order"] <= 0.2
