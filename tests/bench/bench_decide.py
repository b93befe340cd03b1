"""What a decision costs with every rule on. Run with `pytest tests/bench/bench_decide.py --benchmark-only`."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from appliance.domain.decision import Denied, Permitted, Proposal
from appliance.domain.intents import Intent
from appliance.domain.limits import ApprovalMode
from tests.pipeline.cases import BTC, USDT, buy, limits, sell, situation, swap, transfer
from tests.pipeline.test_decide import hopeless


@pytest.mark.parametrize(
    "intent",
    [buy(), buy(limit_price=None), sell(), swap(USDT, BTC, "500"), transfer()],
    ids=["limit", "market", "exit", "swap", "transfer"],
)
def test_permit(benchmark: BenchmarkFixture, intent: Intent) -> None:
    """Goal: a median under 150 µs, of which the rules take most and the digest of the payload the rest."""
    assert isinstance(benchmark(situation(intent).decide), Permitted)


def test_propose(benchmark: BenchmarkFixture) -> None:
    case = situation()._replace(limits=limits(approval_mode=ApprovalMode.APPROVE_EACH))
    assert isinstance(benchmark(case.decide), Proposal)


def test_deny_over_size(benchmark: BenchmarkFixture) -> None:
    """With the largest amount worked out from every ceiling."""
    assert isinstance(benchmark(situation(buy("1000")).decide), Denied)


def test_deny_for_every_reason(benchmark: BenchmarkFixture) -> None:
    assert isinstance(benchmark(hopeless().decide), Denied)
