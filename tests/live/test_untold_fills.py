"""Fills that nobody told: whatever the stream keeps silent about is asked for, booked once, and no reason for drift."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, OrderState, Side

from appliance.local_exchange.faults import Fault
from appliance.service.outcomes import Placed
from tests.live.checker import Journal, check
from tests.live.direct_host import DirectLane
from tests.live.life import ACCOUNT, open_exchange
from tests.live.rig import LiveRig, order

LIMIT = Decimal(49900)
Scene = Callable[[LiveRig], Awaitable[None]]


def played(folder: Path, scene: Scene) -> Journal:
    """Play a scene at a venue whose stream is silent from the first news on; the journal, judged."""

    async def life() -> Journal:
        exchange, account = open_exchange(folder)
        rig = LiveRig(folder, exchange, account, DirectLane(exchange, account))
        await rig.begin()
        exchange.faults.inject(Fault.SILENT_SOCKET, times=1000)
        await scene(rig)
        await rig.come_to_rest()
        await rig.end()
        exchange.close()
        return check(rig.home.journal, folder / "ledger.jsonl", ACCOUNT)

    return asyncio.run(life())


async def resting(rig: LiveRig, quantity: str = "0.8") -> ClientOrderId:
    outcome = await rig.core.desk.submit(rig.agent, order(Side.BUY, quantity, LIMIT), key="resting")
    assert isinstance(outcome, Placed), outcome
    assert outcome.order.state is OrderState.OPEN
    return outcome.order.client_order_id


def test_a_fill_that_raced_a_cancellation_is_found_after_a_crash_in_between(tmp_path: Path) -> None:
    async def scene(rig: LiveRig) -> None:
        rig.exchange.faults.inject(Fault.FILL_AFTER_CANCEL, ms=10)
        one = await resting(rig)
        await rig.core.orders.cancel(one, None, "agent")
        assert not rig.core.state.fills.of(one)
        await rig.crash()

    # Reconciliation finds it, or a question that was open anyway: a matter of moments. That it is found is none.
    assert played(tmp_path, scene).seen["drift.found"] == 0


def test_it_is_found_though_the_venue_cannot_be_asked_at_first(tmp_path: Path) -> None:
    async def scene(rig: LiveRig) -> None:
        rig.exchange.faults.inject(Fault.FILL_AFTER_CANCEL, ms=10)
        one = await resting(rig)
        await rig.core.orders.cancel(one, None, "agent")
        rig.exchange.faults.inject(Fault.MAINTENANCE, times=2, path="GET /api/v3/order")
        assert await rig.until(lambda: len(rig.core.state.fills.of(one)) == 1)

    assert played(tmp_path, scene).seen["drift.found"] == 0


def test_what_fills_further_while_it_rests_is_found_in_a_list_that_tells_no_fills(tmp_path: Path) -> None:
    async def scene(rig: LiveRig) -> None:
        one = await resting(rig)
        for fills in (1, 2):
            rig.show(LIMIT - 5 - fills, "0.3")
            assert await rig.until(lambda wanted=fills: len(rig.core.state.fills.of(one)) == wanted)  # type: ignore[misc]
        assert rig.core.state.orders[one].state is OrderState.PARTLY_FILLED

    seen = played(tmp_path, scene).seen
    # The third is what the market shows while all comes to rest.
    assert (seen["fill.missed"], seen["drift.found"]) == (3, 0)


def test_a_difference_is_accepted_once_and_only_as_it_was_seen(tmp_path: Path) -> None:
    async def scene(rig: LiveRig) -> None:
        watch = rig.core.venues[0]
        before = rig.core.state.holding("binance", Asset("USDT"))
        rig.lane.at_venue(lambda: rig.exchange.deposit(rig.account, {Asset("USDT"): Decimal(7)}))
        assert await rig.until(lambda: bool(watch.reconciliation.drifts))
        first, second = await asyncio.gather(
            watch.accept_drift("operator", "mine"), watch.accept_drift("operator", "mine")
        )
        assert (first, second) in ((("USDT",), ()), ((), ("USDT",)))
        assert rig.core.state.holding("binance", Asset("USDT")) == before + 7

    assert played(tmp_path, scene).seen["funds.moved"] == 3
