"""The halt: from inside or outside the process, at once, latched, and only ever lifted by an operator."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from readytrader_sdk.orders import OrderState

from appliance.domain.codes import Code
from appliance.domain.events import CancelRequested, TradingStateSet
from appliance.domain.trading_state import GLOBAL, Scope, ScopeState, TradingState
from appliance.service.agents import LOCAL
from appliance.service.outcomes import Placed
from tests.service.ports import Slow, Watched
from tests.service.rig import NOON, ROOMY, Rig, buy, codes, open_rig, order_id, play, sell

HALT_FROM_OUTSIDE = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('from another process\\n')"


def halt_from_outside(rig: Rig) -> None:
    subprocess.run([sys.executable, "-c", HALT_FROM_OUTSIDE, str(rig.home.halt_file)], check=True)


def test_a_halt_file_of_another_process_stops_the_next_send_at_once(tmp_path: Path) -> None:
    """The core has not noticed yet, so the pipeline permits; the gate looks at the file and lets nothing through."""

    async def scenario(rig: Rig) -> None:
        halt_from_outside(rig)
        placed = await rig.place(buy("0.01"))
        assert placed.order.state is OrderState.ABSENT
        assert placed.order.reason == "permit_refused"
        assert isinstance(rig.port, Watched)
        assert rig.port.sent == []

    play(tmp_path, scenario, wrap=Watched)


def test_the_halt_file_is_looked_at_between_permit_and_send(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        submitting = asyncio.create_task(rig.submit(buy("0.01")))
        await asyncio.sleep(0)
        assert rig.core.orders.live(LOCAL.agent_id), "permitted, and its record on its way to the disk"
        rig.home.halt_file.write_text("now\n")
        placed = await submitting
        assert isinstance(placed, Placed)
        assert placed.order.state is OrderState.ABSENT
        assert isinstance(rig.port, Watched)
        assert rig.port.sent == []

    play(tmp_path, scenario, wrap=Watched)


def test_a_halt_file_is_noticed_latched_and_cancels_what_is_open(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first = order_id(await rig.place(buy("0.01", "49000")))
        other = await rig.agent("other")
        second = order_id(await rig.place(buy("0.01", "49000"), principal=other))
        halt_from_outside(rig)
        await rig.core.beat()
        assert rig.state() is TradingState.HALTED
        for client_order_id in (first, second):
            assert rig.core.state.orders[client_order_id].state is OrderState.CANCELLED
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.02")))
        rig.home.halt_file.unlink()
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.03"))), "latched: removing the file is no resume"
        (halted,) = [event.scope_state for _, event in rig.entries() if isinstance(event, TradingStateSet)]
        assert halted.reason == "from another process"

    play(tmp_path, scenario)


def test_a_halt_tells_all_that_it_cancelled_whoever_noticed_it_first(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for quantity in ("0.01", "0.011"):
            await rig.place(buy(quantity, "49000"))
        halt_from_outside(rig)
        await rig.core.beat()
        assert await rig.core.stop_trading("operator", "enough") == 2
        await rig.core.halt.resume("operator", "looked at it")
        await rig.core.beat()
        assert await rig.core.stop_trading("operator", "again") == 0

    play(tmp_path, scenario)


def test_a_halt_survives_a_restart_and_is_lifted_by_a_resume_alone(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            rig.quote()
            await rig.fund()
            assert await rig.core.stop_trading("operator", "enough") == 0
        async with open_rig(tmp_path) as rig:
            rig.quote()
            assert rig.state() is TradingState.HALTED
            assert Code.TRADING_STATE in codes(await rig.submit(buy("0.01")))
            await rig.core.halt.resume("operator", "looked at it")
            assert not rig.home.halt_file.exists()
            await rig.place(buy("0.01"))
        async with open_rig(tmp_path) as rig:
            rig.quote()
            assert rig.state() is TradingState.ACTIVE
            await rig.place(buy("0.02"))

    asyncio.run(lives())


def test_a_halt_file_left_by_a_dead_core_stops_the_next_one_and_cancels(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            rig.quote()
            await rig.fund()
            resting = order_id(await rig.place(buy("0.01", "49000")))
        rig.home.halt_file.write_text("while it was down\n")
        async with open_rig(tmp_path) as rig:
            assert rig.state() is TradingState.HALTED
            assert rig.core.state.orders[resting].state is OrderState.CANCELLED

    asyncio.run(lives())


def test_a_configured_halt_is_in_force_from_the_first_request(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert rig.core.halt.is_halted()
        assert Code.TRADING_STATE in codes(await rig.submit(buy("0.01")))

    play(tmp_path, scenario, "trading_halted = true\n" + ROOMY)


def test_a_heartbeat_while_a_resume_is_written_takes_the_old_file_for_no_new_halt(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.core.stop_trading("operator", "enough")
        resuming = asyncio.create_task(rig.core.halt.resume("operator", "fine"))
        await asyncio.sleep(0)
        assert rig.core.halt.is_halted(), "until it is written"
        assert not rig.core.halt.notice()
        await resuming
        assert rig.state() is TradingState.ACTIVE
        assert not rig.core.halt.is_halted()

    play(tmp_path, scenario)


def test_a_halt_reaches_an_order_that_is_on_its_way(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        port = rig.port
        assert isinstance(port, Slow)
        placing = asyncio.create_task(rig.submit(buy("0.01", "49000")))
        await port.reached.wait()
        stopping = asyncio.create_task(rig.core.stop_trading("operator", "enough"))
        await asyncio.sleep(0.01)
        port.go.set()
        placed = await placing
        assert await stopping == 1
        assert isinstance(placed, Placed)
        assert rig.core.state.orders[order_id(placed)].state is OrderState.CANCELLED

    play(tmp_path, scenario, wrap=Slow)


@pytest.mark.parametrize("scope", ["global", "venue:binance", "agent:local", "symbol:BTC/USDT"])
@pytest.mark.parametrize("state", list(TradingState))
def test_a_cancel_passes_in_every_state_of_every_scope(tmp_path: Path, scope: str, state: TradingState) -> None:
    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("0.01", "48000")))
        await rig.place(buy("0.01"))
        scope_state = ScopeState(scope=Scope(scope), state=state, by="operator", reason="test", since=NOON)
        await rig.core.recorder.record(TradingStateSet(scope_state=scope_state))
        entry, exit_ = await rig.submit(buy("0.02")), await rig.submit(sell("0.01"))
        assert isinstance(entry, Placed) == (state is TradingState.ACTIVE)
        assert isinstance(exit_, Placed) == (state in (TradingState.ACTIVE, TradingState.REDUCE_ONLY))
        cancelled = await rig.core.orders.cancel(resting, LOCAL.agent_id, "agent")
        assert isinstance(cancelled, Placed)
        assert cancelled.order.state is OrderState.CANCELLED
        assert any(isinstance(event, CancelRequested) for _, event in rig.entries())

    play(tmp_path, scenario)


def test_the_strictest_scope_wins(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for scope, state in ((GLOBAL, TradingState.REDUCE_ONLY), (Scope("agent:local"), TradingState.CANCEL_ONLY)):
            scope_state = ScopeState(scope=scope, state=state, by="operator", reason="test", since=NOON)
            await rig.core.recorder.record(TradingStateSet(scope_state=scope_state))
        await rig.fund("1")
        assert Code.TRADING_STATE in codes(await rig.submit(sell("0.01")))

    play(tmp_path, scenario)


def test_a_heartbeat_that_fails_leaves_only_cancels_and_beats_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.service.core.HEARTBEAT_S", 0.001)

    async def scenario(rig: Rig) -> None:
        beats = 0

        def fail() -> None:
            nonlocal beats
            beats += 1
            raise LookupError("a fault of ours")

        rig.core._advance_venue = fail
        beating = asyncio.create_task(rig.core._beat())
        async with asyncio.timeout(timedelta(seconds=5).total_seconds()):
            while beats < 3:  # noqa: ASYNC110 - a beat has no event
                await asyncio.sleep(0.001)
        beating.cancel()
        assert rig.state() is TradingState.CANCEL_ONLY

    play(tmp_path, scenario)
