"""How long an agent waits for its first answer, and what the idle daemon holds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.cli.appliances import Appliance, Child, new_appliance
from tests.frozen.builds import UNPACKED, require_build

ROUNDS = 7


@pytest.fixture
def appliance() -> Iterator[Appliance]:
    with new_appliance() as fresh:
        yield fresh


def first_answer(benchmark: BenchmarkFixture, appliance: Appliance) -> float:
    """From exec to the answer to `initialize`; the median in seconds. Ending the process is not counted."""
    children: list[Child] = []

    def end_last() -> None:
        while children:
            children.pop().leave()

    benchmark.pedantic(lambda: children.append(appliance.mcp()), setup=end_last, rounds=ROUNDS, iterations=1)
    end_last()
    benchmark.extra_info["load"] = os.getloadavg()[0]
    return float(benchmark.stats.stats.median)


@pytest.mark.benchmark(group="startup")
def bench_a_bridge_answers_within_150_ms(benchmark: BenchmarkFixture, appliance: Appliance) -> None:
    appliance.serve()
    assert first_answer(benchmark, appliance) <= 0.15


@pytest.mark.benchmark(group="startup")
def bench_a_core_of_its_own_answers_within_2_s(benchmark: BenchmarkFixture, appliance: Appliance) -> None:
    assert first_answer(benchmark, appliance) <= 2.0


@pytest.mark.benchmark(group="startup")
def bench_the_idle_daemon_holds_less_than_120_mb(benchmark: BenchmarkFixture, appliance: Appliance) -> None:
    (appliance.home / "readytrader.toml").write_text("[agent]\nhttp_port = 0\n[operator_http]\nport = 0\n")
    daemon = benchmark.pedantic(appliance.serve, rounds=1, iterations=1)
    appliance.mcp().agent.market()
    status = Path(f"/proc/{daemon.popen.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    resident_mb = int(found[1]) / 1024
    benchmark.extra_info["resident_mb"] = round(resident_mb, 1)
    assert resident_mb < 120


# --- the frozen program, unpacked


@pytest.fixture
def frozen() -> Iterator[Appliance]:
    require_build()
    with new_appliance(command=[str(UNPACKED)]) as fresh:
        yield fresh


@pytest.mark.benchmark(group="startup")
def bench_the_frozen_program_tells_its_version_within_400_ms(benchmark: BenchmarkFixture, frozen: Appliance) -> None:
    benchmark.pedantic(lambda: frozen.done("version"), rounds=ROUNDS, iterations=1)
    assert benchmark.stats.stats.median <= 0.4


@pytest.mark.benchmark(group="startup")
def bench_a_frozen_bridge_answers_within_400_ms(benchmark: BenchmarkFixture, frozen: Appliance) -> None:
    frozen.serve()
    assert first_answer(benchmark, frozen) <= 0.4


@pytest.mark.benchmark(group="startup")
def bench_a_frozen_core_of_its_own_answers_within_2_s(benchmark: BenchmarkFixture, frozen: Appliance) -> None:
    assert first_answer(benchmark, frozen) <= 2.0
