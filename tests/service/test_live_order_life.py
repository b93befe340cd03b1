"""The life of a live order, told by stream and by answers: each end wakes whoever waits, and figures are exact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.errors import OutcomeUnknown
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, Fill, Liquidity, OrderState

from appliance.transport.tool_results import order_view
from tests.service.live import Live, play_live
from tests.service.rig import NOON, buy, order_id

S = OrderState
WAIT_S = 30.0
USUAL = Fill(
    fill_id="f", price=Decimal(1), quantity=Decimal(1), fee=Decimal(0), fee_asset=Asset("USDT"),
    liquidity=Liquidity.TAKER, filled_at=NOON,
)  # fmt: skip
End = Callable[[Live, ClientOrderId], Coroutine[object, object, None]]


async def filled(rig: Live, name: ClientOrderId) -> None:
    rig.venue.fill(name, "0.004", "49000")
    rig.venue.fill(name, "0.006", "48999")


async def cancelled(rig: Live, name: ClientOrderId) -> None:
    await rig.core.orders.cancel(name, None, "agent")


async def cancelled_by_the_venue(rig: Live, name: ClientOrderId) -> None:
    rig.venue.end(name, S.CANCELLED)


async def expired(rig: Live, name: ClientOrderId) -> None:
    rig.venue.end(name, S.EXPIRED)


async def expired_untold(rig: Live, name: ClientOrderId) -> None:
    rig.venue.end(name, S.EXPIRED, told=False)
    await rig.turn()


async def rejected(rig: Live, name: ClientOrderId) -> None:
    rig.venue.end(name, S.REJECTED)


ENDS: dict[str, tuple[End, OrderState]] = {
    "filled": (filled, S.FILLED),
    "cancelled": (cancelled, S.CANCELLED),
    "cancelled by the venue": (cancelled_by_the_venue, S.CANCELLED),
    "expired": (expired, S.EXPIRED),
    "expired, and the stream missed it": (expired_untold, S.EXPIRED),
    "rejected after all": (rejected, S.REJECTED),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_wait_sees_each_end_and_meanwhile_others_trade(tmp_path: Path, end: str) -> None:
    async def scenario(rig: Live) -> None:
        name = order_id(await rig.sent(buy("0.01", "49000")))
        assert rig.of(name).state is S.OPEN
        waiting = asyncio.create_task(rig.core.orders.wait(name, None, WAIT_S))
        beside = order_id(await rig.sent(buy("0.01")))
        assert rig.of(beside).state is S.FILLED
        assert not waiting.done()
        happens, expected = ENDS[end]
        await happens(rig, name)
        order = await waiting
        assert order is not None
        assert order.state is expected
        assert rig.of(name).reserved.value == 0

    play_live(tmp_path, scenario)


def test_a_wait_sees_that_an_order_in_doubt_was_absent(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.before["place_order"].append(OutcomeUnknown("lost"))
        name = order_id(await rig.sent(buy("0.01", "49000")))
        waiting = asyncio.create_task(rig.core.orders.wait(name, None, WAIT_S))
        await rig.asked("find_order", 1)
        assert not waiting.done()
        rig.clock.advance(90)
        rig.quote()
        order = await waiting
        assert order is not None
        assert order.state is S.ABSENT

    play_live(tmp_path, scenario)


def test_a_wait_sees_what_a_person_says_of_an_order_in_doubt(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.after["place_order"].append(OutcomeUnknown("lost"))
        rig.venue.always["find_order"] = OutcomeUnknown("dark")
        name = order_id(await rig.sent(buy("0.01", "49000")))
        waiting = asyncio.create_task(rig.core.orders.wait(name, None, WAIT_S))
        await rig.asked("find_order", 2)
        await rig.core.reports.persons_word(name, S.CANCELLED, "anna", "looked there")
        order = await waiting
        assert order is not None
        assert (order.state, order.reason) == (S.CANCELLED, "anna: looked there")

    play_live(tmp_path, scenario)


def test_a_life_goes_from_submitted_to_filled_with_every_fill_once_and_exact_figures(tmp_path: Path) -> None:
    """Three fills at three prices, fees in two assets, each told by the stream twice and by an answer once more."""

    def fill(number: int, quantity: str, price: str, fee: str, asset: str) -> Fill:
        return msgspec.structs.replace(
            USUAL, fill_id=f"f{number}", quantity=Decimal(quantity), price=Decimal(price), fee=Decimal(fee),
            fee_asset=Asset(asset),
        )  # fmt: skip

    fills = (
        fill(1, "0.00001", "48999.99", "0.0000000000000001", "BTC"),
        fill(2, "0.00002", "48999.98", "0.000979999600000001", "USDT"),
        fill(3, "0.00997", "49000", "0.48853", "USDT"),
    )
    seen: list[OrderState] = []

    async def scenario(rig: Live) -> None:
        rig.venue.before["place_order"].append(OutcomeUnknown("lost"))
        rig.venue.always["find_order"] = OutcomeUnknown("dark")
        name = order_id(await rig.sent(buy("0.01", "49000")))
        seen.append(rig.of(name).state)

        def tell(state: OrderState, *news: Fill) -> None:
            rig.venue.tell(ExecutionReport(client_order_id=name, state=state, reported_at=NOON, fills=news))

        tell(S.OPEN)
        await rig.until(lambda: rig.of(name).state is S.OPEN)
        seen.append(rig.of(name).state)
        for one in fills[:2]:
            tell(S.PARTLY_FILLED, one)
            tell(S.PARTLY_FILLED, one)
        await rig.until(lambda: len(rig.booked(name)) == 2)
        seen.append(rig.of(name).state)
        assert order_view(rig.of(name)).average_price == "48999.983333333333333333 USDT"
        tell(S.FILLED, *fills)
        tell(S.FILLED, *fills)
        await rig.until(lambda: rig.of(name).state is S.FILLED)
        seen.append(rig.of(name).state)

        order, view = rig.of(name), order_view(rig.of(name))
        assert rig.booked(name) == {"f1", "f2", "f3"}
        assert order.filled_quantity == Decimal("0.01")
        assert order.filled_notional == Decimal("489.9999995")
        assert view.average_price == "48999.99995 USDT"
        assert view.fees == ("0.0000000000000001 BTC", "0.489509999600000001 USDT")
        assert dict(rig.core.state.held("binance"))[Asset("BTC")] == Decimal("1.0099999999999999")

    play_live(tmp_path, scenario)
    assert seen == [S.UNKNOWN, S.OPEN, S.PARTLY_FILLED, S.FILLED]
