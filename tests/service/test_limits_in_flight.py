"""Everything in flight counts: requests that fit one by one and not together pass exactly as often as they fit."""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.orders import ClientOrderId, OrderState

from appliance.domain.codes import Code
from appliance.service.outcomes import Placed
from tests.service.ports import Slow, Watched
from tests.service.rig import ROOMY, Rig, buy, codes, play

EQUITY = Decimal(100_000)
WORST = Decimal("51010.20")
"""The ask, 50010, and the hard collar of 2 %."""
MID = Decimal(50005)
RESERVED_PER_UNIT = WORST * Decimal("1.002")
"""With the highest fee."""
CAPPED = ROOMY.replace("position_max_pct = 100", "position_max_pct = {percent}")


def fits(quantities: list[Decimal], per_unit: Decimal, room: Decimal) -> list[bool]:
    """Which of the requests, taken in turn, still find room."""
    verdicts = []
    for quantity in quantities:
        verdicts.append(quantity * per_unit <= room)
        room -= quantity * per_unit if verdicts[-1] else 0
    return verdicts


quantities = st.lists(st.integers(20, 120_000).map(lambda units: Decimal(units) / 100_000), min_size=2, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(quantities=quantities)
def test_as_many_concurrent_orders_pass_as_the_balance_covers(quantities: list[Decimal]) -> None:
    """The venue holds every order until all were asked for, so that all are in flight at once."""
    expected = fits(quantities, RESERVED_PER_UNIT, EQUITY)

    async def scenario(rig: Rig) -> None:
        port = rig.port
        assert isinstance(port, Slow)
        asking = [
            asyncio.create_task(rig.submit(buy(str(quantity)), key=str(number)))
            for number, quantity in enumerate(quantities)
        ]
        await asyncio.sleep(0)
        live = rig.core.state.live_orders.values()
        assert [order.quantity for order in live] == [q for q, fit in zip(quantities, expected, strict=True) if fit]
        port.go.set()
        outcomes = await asyncio.gather(*asking)
        assert [isinstance(outcome, Placed) for outcome in outcomes] == expected
        for outcome in outcomes:
            assert isinstance(outcome, Placed) or Code.BALANCE_INSUFFICIENT in codes(outcome)
        assert rig.held("USDT") >= 0
        assert rig.held("USDT") == await rig.venue_total("USDT")

    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), scenario, wrap=Slow)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(quantities=quantities, percent=st.integers(5, 60))
def test_as_many_resting_orders_pass_as_the_position_limit_holds(quantities: list[Decimal], percent: int) -> None:
    """Bids that rest count as if they were filled: the new one at its worst price, the others at the market's."""
    expected, open_value, limit = [], Decimal(0), EQUITY * percent / 100
    for quantity in quantities:
        expected.append(open_value + quantity * 49000 <= limit)
        open_value += quantity * MID if expected[-1] else 0

    async def scenario(rig: Rig) -> None:
        outcomes = await asyncio.gather(
            *(rig.submit(buy(str(q), "49000"), key=str(n)) for n, q in enumerate(quantities))
        )
        assert [isinstance(outcome, Placed) for outcome in outcomes] == expected

    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder), scenario, CAPPED.format(percent=percent))


def test_the_last_of_a_limit_is_spent_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        whole = str((EQUITY / RESERVED_PER_UNIT).quantize(Decimal("0.00001"), rounding="ROUND_DOWN"))
        outcomes = await asyncio.gather(*(rig.submit(buy(whole), key=str(n)) for n in range(20)))
        assert sum(isinstance(outcome, Placed) for outcome in outcomes) == 1
        assert isinstance(rig.port, Watched)
        assert len(rig.port.sent) == 1

    play(tmp_path, scenario, wrap=Watched)


def test_a_cancelled_order_gives_its_reservation_back(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first = await rig.place(buy("1.9", "49000"))
        assert Code.BALANCE_INSUFFICIENT in codes(await rig.submit(buy("1.8", "49000")))
        await rig.core.orders.cancel(first.order.client_order_id, None, "operator")
        second = await rig.place(buy("1.8", "49000"))
        assert second.order.state is OrderState.OPEN

    play(tmp_path, scenario)


def test_a_replacement_may_use_what_the_order_that_it_replaces_holds(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first = await rig.place(buy("1.9", "49000"))
        second = await rig.place(buy("1.95", "49100", replaces=first.order.client_order_id))
        assert second.order.state is OrderState.OPEN
        assert rig.core.state.orders[first.order.client_order_id].state is OrderState.CANCELLED
        assert [order.client_order_id for order in rig.core.orders.live(None)] == [second.order.client_order_id]

    play(tmp_path, scenario)


def test_two_replacements_of_one_order_leave_one_open_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first = (await rig.place(buy("1", "49000"))).order.client_order_id
        await asyncio.gather(
            rig.submit(buy("1.1", "49000", replaces=first)), rig.submit(buy("1.2", "49000", replaces=first))
        )
        assert len(rig.core.orders.live(None)) == 1
        assert rig.held("USDT") == await rig.venue_total("USDT")

    play(tmp_path, scenario)


def test_one_agents_order_cannot_be_replaced_by_another_agent(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        other = await rig.agent("other")
        mine = (await rig.place(buy("0.5", "49000"))).order.client_order_id
        outcome = await rig.submit(buy("0.6", "49000", replaces=mine), principal=other)
        assert codes(outcome) == {Code.NOT_FOUND}
        assert rig.core.state.orders[mine].is_live
        unknown = await rig.submit(buy("0.6", "49000", replaces=ClientOrderId("rt0")), principal=other)
        assert codes(unknown) == {Code.NOT_FOUND}
        ethereum = msgspec.structs.replace(buy("0.6", "49000", replaces=mine), symbol=Symbol("ETH/USDT"))
        assert codes(await rig.submit(ethereum)) == {Code.NOT_FOUND}
        checked = rig.core.desk.check(other, buy("0.6", "49000", replaces=mine))
        assert codes(checked) == {Code.NOT_FOUND}


def test_an_order_that_has_ended_cannot_be_replaced(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        ended = (await rig.place(buy("0.5"))).order.client_order_id
        assert codes(await rig.submit(buy("0.6", replaces=ended))) == {Code.NOT_CANCELLABLE}
        assert rig.kinds()[-1] == "request.denied"

    play(tmp_path, scenario)
