"""What a venue may do with an order that was sent: each outcome is classified once, and nothing is ever sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, Unavailable, Unsupported
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, Fill, Liquidity, OrderState
from readytrader_sdk.ports import ExchangePort

from appliance.domain.codes import Code
from appliance.domain.events import OrderReported, ReportSource
from appliance.domain.trading_state import TradingState
from appliance.service.agents import LOCAL
from appliance.service.outcomes import Placed, Refused
from appliance.service.reconciliation import Reconciliation
from tests.service.ports import Answering, Failing, Mute, Slow, Watched
from tests.service.rig import IMPATIENT, NOON, Rig, buy, codes, open_rig, order_id, play

IN_DOUBT = [OutcomeUnknown("lost"), Misconfigured("key"), RuntimeError("boom"), TimeoutError(), SystemError()]


async def until(is_true: Callable[[], bool]) -> None:
    """Let the loop run until something has happened; a test that waits in vain fails."""
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


def failing(fault: BaseException, *, after_acceptance: bool) -> Callable[[ExchangePort], ExchangePort]:
    return lambda venue: Failing(venue, fault, after_acceptance=after_acceptance)


def reconciliation_of(rig: Rig) -> Reconciliation:
    assert rig.core._paper is not None
    return rig.core._paper


def port_of(rig: Rig) -> Watched:
    assert isinstance(rig.port, Watched)
    return rig.port


@pytest.mark.parametrize("fault", [Unavailable("down"), Unsupported("no")], ids=repr)
def test_an_order_that_provably_did_not_arrive_is_absent_and_frees_its_reservation(
    tmp_path: Path, fault: Exception
) -> None:
    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        assert placed.order.state is OrderState.ABSENT
        assert placed.order.reserved.value == 0
        assert port_of(rig).sent == [order_id(placed)]

    play(tmp_path, scenario, wrap=failing(fault, after_acceptance=False))


@pytest.mark.parametrize("fault", IN_DOUBT, ids=repr)
def test_a_failure_after_acceptance_is_unknown_until_an_enquiry_finds_the_fill(
    tmp_path: Path, fault: Exception
) -> None:
    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        assert placed.order.state is OrderState.UNKNOWN
        assert placed.order.reserved.value > 0
        order = await rig.core.orders.wait(order_id(placed), LOCAL.agent_id, 5)
        assert order is not None
        assert order.state is OrderState.FILLED
        assert rig.held("BTC") == Decimal("0.01") == await rig.venue_total("BTC")
        assert rig.held("USDT") == await rig.venue_total("USDT")
        assert port_of(rig).sent == [order_id(placed)]
        sources = [event.source for _, event in rig.entries() if isinstance(event, OrderReported)]
        assert sources == [ReportSource.CORE, ReportSource.RECONCILIATION]

    play(tmp_path, scenario, wrap=failing(fault, after_acceptance=True), patience=IMPATIENT)


@pytest.mark.parametrize("fault", IN_DOUBT, ids=repr)
def test_a_failure_in_doubt_before_acceptance_ends_as_absent_and_is_not_sent_again(
    tmp_path: Path, fault: Exception
) -> None:
    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        assert placed.order.state is OrderState.UNKNOWN
        order = await rig.core.orders.wait(order_id(placed), LOCAL.agent_id, 5)
        assert order is not None
        assert order.state is OrderState.ABSENT
        assert port_of(rig).sent == [order_id(placed)]

    play(tmp_path, scenario, wrap=failing(fault, after_acceptance=False), patience=IMPATIENT)


def test_a_call_that_takes_too_long_is_unknown_and_found_later(tmp_path: Path) -> None:
    patience = msgspec.structs.replace(IMPATIENT, call=timedelta(milliseconds=20))

    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        assert placed.order.state is OrderState.UNKNOWN
        order = await rig.core.orders.wait(order_id(placed), LOCAL.agent_id, 5)
        assert order is not None
        assert order.state is OrderState.FILLED
        assert port_of(rig).sent == [order_id(placed)]

    play(tmp_path, scenario, wrap=lambda venue: Slow(venue, after_acceptance=True), patience=patience)


def test_one_word_of_never_seen_is_no_proof_for_a_venue_may_lag_behind(tmp_path: Path) -> None:
    class Lagging(Failing):
        asked = 0

        async def find_order(self, client_order_id, symbol):  # type: ignore[no-untyped-def]
            self.asked += 1
            return None if self.asked < 3 else await super().find_order(client_order_id, symbol)

    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        order = await rig.core.orders.wait(order_id(placed), LOCAL.agent_id, 5)
        assert order is not None
        assert order.state is OrderState.FILLED

    play(
        tmp_path,
        scenario,
        wrap=lambda venue: Lagging(venue, OutcomeUnknown("lost"), after_acceptance=True),
        patience=IMPATIENT,
    )


def test_an_order_in_doubt_keeps_its_reservation_while_the_venue_cannot_be_asked(tmp_path: Path) -> None:
    class Dark(Mute):
        async def place_order(self, order):  # type: ignore[no-untyped-def]
            await super().place_order(order)
            raise OutcomeUnknown("lost")

    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("1.9"))
        port = rig.port
        assert isinstance(port, Dark)
        await until(lambda: port.asked > 5)
        assert rig.core.state.orders[order_id(placed)].state is OrderState.UNKNOWN
        assert Code.BALANCE_INSUFFICIENT in codes(await rig.submit(buy("0.5")))

    play(tmp_path, scenario, wrap=lambda venue: Dark(venue, Unavailable("dark")), patience=IMPATIENT)


def test_an_order_in_doubt_is_asked_for_after_a_restart_and_not_sent_again(tmp_path: Path) -> None:
    """The paper venue keeps nothing over a restart but what the journal says: an order in doubt never was."""

    async def lives() -> None:
        async with open_rig(tmp_path, wrap=failing(OutcomeUnknown("lost"), after_acceptance=True)) as rig:
            rig.quote()
            await rig.fund()
            placed = await rig.place(buy("0.01"), key="k")
            assert placed.order.state is OrderState.UNKNOWN
        async with open_rig(tmp_path, wrap=Watched) as rig:
            rig.quote()
            assert rig.core.state.orders[order_id(placed)].state is OrderState.ABSENT
            again = await rig.place(buy("0.01"), key="k")
            assert again.replayed
            assert again.order.state is OrderState.ABSENT
            assert port_of(rig).sent == []
            assert rig.held("USDT") == 100000 == await rig.venue_total("USDT")

    asyncio.run(lives())


def test_a_cancelled_caller_does_not_cancel_a_permitted_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        port = rig.port
        assert isinstance(port, Slow)
        caller = asyncio.create_task(rig.submit(buy("0.01"), key="k"))
        await port.reached.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        port.go.set()
        replayed = await rig.place(buy("0.01"), key="k")
        assert replayed.replayed
        assert replayed.order.state is OrderState.FILLED
        assert len(port.sent) == 1

    play(tmp_path, scenario, wrap=Slow)


def test_a_slow_venue_call_stalls_no_other_caller(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        port = rig.port
        assert isinstance(port, Slow)
        slow = asyncio.create_task(rig.submit(buy("0.01")))
        await port.reached.wait()
        async with asyncio.timeout(2):
            assert isinstance(await rig.submit(buy("30")), Refused)
            await rig.fund("1")
            assert rig.core.orders.live(LOCAL.agent_id)
            await rig.core.beat()
        assert not slow.done()
        port.go.set()
        assert isinstance(await slow, Placed)

    play(tmp_path, scenario, wrap=Slow)


def test_a_cancel_waits_for_the_order_that_is_on_its_way(tmp_path: Path) -> None:
    """A cancel that overtook its order would be told `never seen`, and the order would then live on unknown to us."""

    async def scenario(rig: Rig) -> None:
        port = rig.port
        assert isinstance(port, Slow)
        placing = asyncio.create_task(rig.submit(buy("0.01", "49000")))
        await asyncio.sleep(0)
        (live,) = rig.core.orders.live(LOCAL.agent_id)
        cancelling = asyncio.create_task(rig.core.orders.cancel(live.client_order_id, LOCAL.agent_id, "agent"))
        await port.reached.wait()
        port.go.set()
        placed, cancelled = await asyncio.gather(placing, cancelling)
        assert isinstance(placed, Placed)
        assert isinstance(cancelled, Placed)
        assert cancelled.order.state is OrderState.CANCELLED
        assert await rig.port.open_orders() == ()
        assert rig.state() is TradingState.ACTIVE

    play(tmp_path, scenario, wrap=Slow)


# reports that come late, twice, or cannot be true


def report(client_order_id: ClientOrderId, state: OrderState, *fills: Fill) -> ExecutionReport:
    return ExecutionReport(client_order_id=client_order_id, state=state, reported_at=NOON, fills=fills)


def a_fill(number: int, quantity: str, price: str = "50000") -> Fill:
    return Fill(
        fill_id=f"x{number}",
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(0),
        fee_asset="USDT",  # type: ignore[arg-type]
        liquidity=Liquidity.TAKER,
        filled_at=NOON,
    )


def test_a_late_acknowledgement_changes_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        rig.core.take_report(report(order_id(placed), OrderState.OPEN))
        assert rig.core.state.orders[order_id(placed)] == placed.order
        assert rig.state() is TradingState.ACTIVE

    play(tmp_path, scenario)


def test_a_report_that_comes_twice_counts_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        before = (rig.held("BTC"), rig.held("USDT"))
        (again,) = [event.report for _, event in rig.entries() if isinstance(event, OrderReported)]
        rig.core.take_report(again)
        assert (rig.held("BTC"), rig.held("USDT")) == before
        assert rig.core.state.orders[order_id(placed)] == placed.order
        assert rig.state() is TradingState.ACTIVE

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("state", "fills"),
    [
        (OrderState.FILLED, (a_fill(1, "0.02"),)),
        (OrderState.PARTLY_FILLED, (a_fill(1, "-0.005"),)),
        (OrderState.PARTLY_FILLED, (a_fill(1, "NaN"),)),
        (OrderState.ABSENT, ()),
        (OrderState.FILLED, ()),
    ],
    ids=["too much", "negative", "not a number", "absent after open", "filled without a fill"],
)
def test_an_impossible_report_moves_no_money_and_leaves_only_cancels(
    tmp_path: Path, state: OrderState, fills: tuple[Fill, ...]
) -> None:
    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("0.01", "49000")))
        before = (rig.held("BTC"), rig.held("USDT"))
        rig.core.take_report(report(resting, state, *fills))
        await rig.fund("1")  # behind it in the journal: both are on disk now
        assert "report.refused" in rig.kinds()
        assert (rig.held("BTC"), rig.held("USDT") - 1) == before
        assert rig.core.state.orders[resting].state is OrderState.OPEN
        assert rig.state() is TradingState.CANCEL_ONLY
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.02")))
        cancelled = await rig.core.orders.cancel(resting, LOCAL.agent_id, "agent")
        assert isinstance(cancelled, Placed)
        assert cancelled.order.state is OrderState.CANCELLED

    play(tmp_path, scenario)


@pytest.mark.parametrize(("price", "kept"), [("49000", True), ("49000.01", False)])
def test_a_fill_beyond_the_worst_price_is_booked_and_leaves_only_cancels(
    tmp_path: Path, price: str, kept: bool
) -> None:
    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("0.01", "49000")))
        rig.core.take_report(report(resting, OrderState.FILLED, a_fill(1, "0.01", price)))
        await rig.fund("1")
        assert rig.core.state.orders[resting].state is OrderState.FILLED
        assert (rig.state() is TradingState.CANCEL_ONLY) is not kept

    play(tmp_path, scenario)


def test_a_report_on_an_order_that_nobody_permitted_leaves_only_cancels(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.core.take_report(report(ClientOrderId("stranger"), OrderState.FILLED, a_fill(1, "1")))
        assert rig.held("BTC") == 0
        assert rig.state() is TradingState.CANCEL_ONLY

    play(tmp_path, scenario)


def test_an_impossible_report_never_loosens_a_halt(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.core.stop_trading("operator", "enough")
        rig.core.take_report(report(ClientOrderId("stranger"), OrderState.OPEN))
        assert rig.state() is TradingState.HALTED
        assert rig.core.halt.is_halted()

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    "twist",
    [
        lambda answer: msgspec.structs.replace(answer, client_order_id="stranger"),
        lambda answer: report(answer.client_order_id, OrderState.FILLED, a_fill(1, "7")),
        lambda answer: report(answer.client_order_id, OrderState.PERMITTED),
    ],
    ids=["another order's", "too much", "no word at all"],
)
def test_an_answer_that_is_not_believed_leaves_the_order_in_doubt_until_it_is_asked_for(
    tmp_path: Path, twist: Callable[[ExecutionReport], ExecutionReport]
) -> None:
    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        assert placed.order.state is OrderState.UNKNOWN
        order = await rig.core.orders.wait(order_id(placed), LOCAL.agent_id, 5)
        assert order is not None
        assert order.state is OrderState.FILLED
        assert rig.held("BTC") == await rig.venue_total("BTC")

    play(tmp_path, scenario, wrap=lambda venue: Answering(venue, twist), patience=IMPATIENT)


def test_reconciliation_takes_in_a_fill_that_never_reached_us(tmp_path: Path) -> None:
    """The state is the same on both sides, partly filled; what differs is how much."""

    class Ahead(Watched):
        async def find_order(self, client_order_id, symbol):  # type: ignore[no-untyped-def]
            return report(client_order_id, OrderState.PARTLY_FILLED, a_fill(1, "0.2"), a_fill(2, "0.3"))

    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("1", "49000")))
        rig.core.take_report(report(resting, OrderState.PARTLY_FILLED, a_fill(1, "0.2")))
        await reconciliation_of(rig).run()
        assert rig.core.state.orders[resting].filled_quantity == Decimal("0.5")

    play(tmp_path, scenario, wrap=Ahead)


def test_a_balance_that_drifted_leaves_only_cancels(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.port.deposit("USDT", Decimal(1))  # type: ignore[attr-defined]
        findings = await reconciliation_of(rig).run()
        assert findings.drifts == 1
        assert "drift.found" in rig.kinds()
        assert rig.state() is TradingState.CANCEL_ONLY

    play(tmp_path, scenario)


def test_a_cancel_that_fails_leaves_the_order_open_and_may_be_made_again(tmp_path: Path) -> None:
    class Stubborn(Watched):
        async def cancel_order(self, client_order_id, symbol):  # type: ignore[no-untyped-def]
            if not self.cancelled:
                self.cancelled.append(client_order_id)
                raise RuntimeError("a plugin's own fault")
            return await super().cancel_order(client_order_id, symbol)

    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("0.01", "49000")))
        first = await rig.core.orders.cancel(resting, LOCAL.agent_id, "agent")
        assert codes(first) == {Code.NOT_CANCELLABLE}
        assert rig.core.state.orders[resting].state is OrderState.OPEN
        second = await rig.core.orders.cancel(resting, LOCAL.agent_id, "agent")
        assert isinstance(second, Placed)
        assert second.order.state is OrderState.CANCELLED

    play(tmp_path, scenario, wrap=Stubborn)


def test_a_cancel_at_a_venue_that_cannot_say_what_became_of_the_order_asks_for_a_person(tmp_path: Path) -> None:
    class Silent(Watched):
        async def cancel_order(self, client_order_id, symbol):  # type: ignore[no-untyped-def]
            raise Unsupported("in none of its lists")

    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("0.01", "49000")))
        answer = await rig.core.orders.cancel(resting, LOCAL.agent_id, "agent")
        assert isinstance(answer, Refused)
        (denial,) = answer.denials
        assert (denial.code, denial.observed) == (Code.NOT_CANCELLABLE, "open")
        assert "cannot say what became of it" in denial.text
        assert "an operator must look at the venue" in denial.text
        assert "try again" not in denial.text

    play(tmp_path, scenario, wrap=Silent)
