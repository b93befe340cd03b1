"""Notices: how soon six notifiers have one, by the journal's own times, and what one that hangs costs an order."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from appliance.domain.notices import Route
from appliance.home import Home
from appliance.transport.notice_results import NoticeView
from appliance.transport.operator_client import OperatorClient
from tests.cli.appliances import new_appliance
from tests.cli.six_notifiers import SIX, six_services
from tests.cli.test_notices import until
from tests.service.rig import ROOMY, Rig, buy, open_rig
from tests.service.test_notice_journal import install
from tests.service.test_notices import Kept

WITHIN_S = 5.0
HELD = 5
ORDERS = 100
ROUNDS = 3
COST_MAX = 1.5
"""Times the median of an order without notifiers: a notice is one more entry in the order's own transaction."""


def test_six_notifiers_have_the_notice_of_an_order_that_is_held_within_five_seconds(
    benchmark: BenchmarkFixture,
) -> None:
    took: list[float] = []

    def is_done(notice: NoticeView) -> bool:
        return all(it.state == "delivered" for it in notice.deliveries)

    with new_appliance() as appliance, six_services(appliance, '[approval]\nmode = "approve_each"\n'):
        appliance.serve()
        agent = appliance.mcp().agent
        agent.fund()
        with OperatorClient(Home(appliance.home).operator_socket) as client:

            def hold() -> None:
                held = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount=f"0.01{len(took):03}")
                request_id = held["proposal"]["request_id"]
                until(lambda: [n for n in client.notices() if request_id in n.text and is_done(n)])
                (told,) = [n for n in client.notices() if request_id in n.text]
                took.extend((it.at - told.made_at).total_seconds() for it in told.deliveries if it.at is not None)

            benchmark.pedantic(hold, rounds=HELD)
    assert len(took) == HELD * len(SIX)
    benchmark.extra_info["delivered_after_s"] = {"median": statistics.median(took), "worst": max(took)}
    assert max(took) < WITHIN_S


def test_a_notifier_that_hangs_costs_an_order_nothing_that_can_be_felt(
    benchmark: BenchmarkFixture, tmp_path: Path
) -> None:
    async def orders(rig: Rig, first: int) -> float:
        """The median time of an order that fills at once, whose end is told."""
        took = []
        for number in range(ORDERS):
            intent = buy(f"0.{first + number:05}")
            began = time.perf_counter()
            await rig.place(intent)
            took.append(time.perf_counter() - began)
        return statistics.median(took)

    async def ready(folder: Path, *, hanging: bool) -> float:
        async with open_rig(folder, ROOMY) as rig:
            if hanging:
                stuck = Kept()
                stuck.go.clear()
                install(rig, routes={"stuck": Route()}, stuck=stuck).start()
            rig.quote()
            await rig.fund("10000000")
            await orders(rig, 100)
            return await orders(rig, 100 + ORDERS)

    ratios = []

    def both() -> None:
        number = len(ratios)
        quiet = asyncio.run(ready(tmp_path / f"quiet-{number}", hanging=False))
        stuck = asyncio.run(ready(tmp_path / f"stuck-{number}", hanging=True))
        ratios.append(stuck / quiet)

    for name in ("quiet", "stuck"):
        for number in range(ROUNDS):
            (tmp_path / f"{name}-{number}").mkdir()
    benchmark.pedantic(both, rounds=ROUNDS)
    benchmark.extra_info["ratios"] = ratios
    assert statistics.median(ratios) < COST_MAX
