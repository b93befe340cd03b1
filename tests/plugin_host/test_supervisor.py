"""Workers that die, refuse, hang and come back: what the core does about each, with real processes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, Unavailable, Unsupported
from readytrader_sdk.orders import ExecutionReport, OrderState

from appliance.plugin_host.health import Patience, WorkerState
from appliance.plugin_host.specs import Rights
from appliance.plugin_host.supervisor import Workers
from tests.plugin_host.rig import BTC_USDT, QUICK, fake, notes, order, permit, running, spec, until

FIND = ("find_order", "order-1", BTC_USDT)


def test_a_call_goes_there_and_back(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("honest", tmp_path) as worker:
            await worker.up()
            report = await worker.call(*FIND)
            assert isinstance(report, ExecutionReport)
            assert report.state is OrderState.OPEN
            placed = await worker.call("place_order", order(), permit=permit(order()))
            assert isinstance(placed, ExecutionReport)
        assert notes(tmp_path)[0] == 'find_order ["order-1","BTC/USDT"]'
        assert notes(tmp_path)[1].startswith('place_order [{"type":"order"')

    asyncio.run(scene())


@pytest.mark.parametrize("behaviour", ["dies_in_flight", "closes_in_flight"])
def test_a_worker_that_ends_in_an_order_leaves_the_outcome_unknown(tmp_path: Path, behaviour: str) -> None:
    async def scene() -> None:
        async with running(behaviour, tmp_path) as worker:
            await worker.up()
            with pytest.raises(OutcomeUnknown, match="worker-1"):
                await worker.call("place_order", order(), permit=permit(order()))

    asyncio.run(scene())


@pytest.mark.parametrize("behaviour", ["dies_in_flight", "closes_in_flight"])
def test_a_worker_that_ends_in_a_read_was_unavailable(tmp_path: Path, behaviour: str) -> None:
    async def scene() -> None:
        async with running(behaviour, tmp_path) as worker:
            await worker.up()
            with pytest.raises(Unavailable, match="worker-1"):
                await worker.call(*FIND)

    asyncio.run(scene())


def test_a_killed_worker_is_started_again_and_serves(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("dies_in_flight", tmp_path) as worker:
            await worker.up()
            first = worker.health().pid
            with pytest.raises(Unavailable):
                await worker.call(*FIND)
            await until(lambda: worker.state is WorkerState.READY and worker.health().pid != first)
            assert await worker.call(*FIND) is not None
            health = worker.health()
            assert health.restarts == 1
            assert health.last_error is not None
            assert "signal 9" in health.last_error

    asyncio.run(scene())


def test_a_worker_killed_from_outside_is_started_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("honest", tmp_path) as worker:
            await worker.up()
            pid = worker.health().pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda: worker.health().restarts == 1 and worker.state is WorkerState.READY)
            assert await worker.call(*FIND) is not None

    asyncio.run(scene())


def test_what_was_in_flight_is_never_sent_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("dies_in_flight", tmp_path) as worker:
            await worker.up()
            with pytest.raises(OutcomeUnknown):
                await worker.call("place_order", order(), permit=permit(order()))
            await until(lambda: worker.state is WorkerState.READY and worker.health().restarts == 1)
            await worker.call(*FIND)
        assert [line for line in notes(tmp_path) if line.startswith("place_order")] == []

    asyncio.run(scene())


def test_a_worker_that_dies_before_it_is_ready_is_started_until_it_lives(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("dies_three_times", tmp_path) as worker:
            await worker.up()
            assert worker.health().restarts == 3
            assert "exit code 7" in (worker.health().last_error or "")

    asyncio.run(scene())


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_good_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def scene(patience: Patience) -> None:
        async def counted(delay: float) -> None:
            if delay != patience.ping_every:
                pauses.append(delay)
            await sleep(0)

        monkeypatch.setattr("appliance.plugin_host.supervisor.asyncio.sleep", counted)
        async with running("notes_all", tmp_path, patience=patience) as worker:
            for life in range(5):
                while worker.state is not WorkerState.READY or worker.health().restarts != life:
                    await sleep(0.002)
                with suppress(Unavailable):
                    await worker.call("cancel_order", "order-1", BTC_USDT)
                while worker.health().restarts == life:
                    await sleep(0.002)
        monkeypatch.undo()

    patience = Patience(pause_first=1, pause_longest=5, ping_every=77, end=0.2)
    asyncio.run(scene(patience))
    assert pauses == [1, 2, 4, 5, 5]
    pauses.clear()
    asyncio.run(scene(msgspec.structs.replace(patience, settled=0)))
    assert pauses == [1, 1, 1, 1, 1]


def test_a_worker_that_refuses_is_not_started_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("refuses", tmp_path) as worker:
            with pytest.raises(Misconfigured, match="no `url`"):
                await worker.up()
            health = worker.health()
            assert health.state is WorkerState.FAILED
            assert health.pid is None
            assert "\x1b" not in (health.last_error or "")
            with pytest.raises(Unavailable, match="failed"):
                await worker.call(*FIND)
        assert notes(tmp_path) == ["start"]

    asyncio.run(scene())


def test_a_worker_that_is_never_ready_is_ended_and_started_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("never_ready", tmp_path, patience=msgspec.structs.replace(QUICK, start=0.3)) as worker:
            await until(lambda: worker.health().restarts >= 2)
            assert "not ready within 0.3 s" in (worker.health().last_error or "")
            with pytest.raises(Unavailable):
                await worker.call(*FIND)

    asyncio.run(scene())


def test_a_program_that_is_not_there_is_told_and_tried_again(tmp_path: Path) -> None:
    async def scene() -> None:
        launcher = fake("honest")
        launcher._command = ["/nonexistent/program"]
        workers = Workers(launcher, None, lambda: datetime.now(UTC), QUICK)
        await workers.start([spec(tmp_path)])
        try:
            await until(lambda: workers["worker-1"].health().restarts >= 2)
            assert "/nonexistent/program" in (workers["worker-1"].health().last_error or "")
        finally:
            await workers.aclose()

    asyncio.run(scene())


def test_before_it_is_ready_nothing_is_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("never_ready", tmp_path) as worker:
            with pytest.raises(Unavailable, match="starting"):
                await worker.call("place_order", order(), permit=permit(order()))

    asyncio.run(scene())


def test_a_blocked_loop_is_ended(tmp_path: Path) -> None:
    patience = msgspec.structs.replace(QUICK, ping_every=0.05, ping_answer=0.2)

    async def scene() -> None:
        async with running("no_pong", tmp_path, patience=patience) as worker:
            await worker.up()
            call = asyncio.create_task(worker.call("place_order", order(), permit=permit(order())))
            with pytest.raises(OutcomeUnknown, match="no answer to a ping"):
                await call
            await until(lambda: worker.health().restarts >= 1)
            assert "no answer to a ping" in (worker.health().last_error or "")

    asyncio.run(scene())


def test_a_loop_that_turns_is_left_alone(tmp_path: Path) -> None:
    patience = msgspec.structs.replace(QUICK, ping_every=0.001, ping_answer=20)

    async def scene() -> None:
        async with running("never_answers", tmp_path, patience=patience) as worker:
            await worker.up()
            await until(lambda: notes(tmp_path).count("ping ") > 20)
            assert worker.health().restarts == 0

    asyncio.run(scene())


def test_a_measure_that_the_configuration_demands_and_the_cage_lacks_is_the_end(tmp_path: Path) -> None:
    demanding = msgspec.structs.replace(spec(tmp_path), cage_required=("seccomp", "landlock_files"))

    async def scene() -> None:
        async with running("honest", tmp_path, specs=[demanding]) as worker:
            with pytest.raises(Misconfigured, match="its cage lacks landlock_files"):
                await worker.up()

    asyncio.run(scene())


def test_trading_halted_is_told_at_the_start_at_once_and_after_a_restart(tmp_path: Path) -> None:
    async def scene() -> None:
        workers = Workers(fake("notes_all"), None, lambda: datetime.now(UTC), QUICK)
        await workers.start([spec(tmp_path)])
        try:
            await workers["worker-1"].up()
            workers.set_halted(True)
            await workers["worker-1"].call("cancel_order", "order-1", BTC_USDT)
            await until(lambda: notes(tmp_path).count("start") == 2)
            await workers["worker-1"].up()
            await workers["worker-1"].call(*FIND)
        finally:
            await workers.aclose()

    asyncio.run(scene())
    told = [line for line in notes(tmp_path) if line.startswith(("start", "halted"))]
    assert told == ["start", "halted False", "halted True", "start", "halted True"]


def test_methods_that_a_worker_does_not_have_are_not_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("honest", tmp_path) as worker:
            await worker.up()
            with pytest.raises(Unsupported, match="cancel_all_after"):
                await worker.call("cancel_all_after", 10)
            with pytest.raises(TypeError):
                await worker.call("sign_transaction", order(), permit=permit(order()))
            with pytest.raises(TypeError):
                await worker.call("find_order")
        assert notes(tmp_path) == []

    asyncio.run(scene())


def test_what_moves_value_is_not_sent_without_a_permit_and_nothing_else_with_one(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("honest", tmp_path) as worker:
            await worker.up()
            with pytest.raises(TypeError):
                await worker.call("place_order", order())
            with pytest.raises(TypeError):
                await worker.call(*FIND, permit=permit(order()))
        assert notes(tmp_path) == []

    asyncio.run(scene())


def test_a_worker_with_hosts_and_no_broker_is_not_started(tmp_path: Path) -> None:
    rights = Rights(hosts=(Endpoint("api.example.com", 443),))

    async def scene() -> None:
        async with running("honest", tmp_path, specs=[spec(tmp_path, rights=rights)]) as worker:
            with pytest.raises(Misconfigured, match="no egress broker"):
                await worker.up()

    asyncio.run(scene())


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    async def scene() -> int:
        async with running("never_answers", tmp_path) as worker:
            await worker.up()
            call = asyncio.create_task(worker.call("place_order", order(), permit=permit(order())))
            await until(lambda: worker.health().in_flight == 1)
            pid = worker.health().pid
        with pytest.raises(OutcomeUnknown):
            await call
        with pytest.raises(Unavailable, match="stopped"):
            await worker.up()
        assert pid is not None
        return pid

    pid = asyncio.run(scene())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_death_is_logged_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with running("dies_three_times", tmp_path) as worker:
            await worker.up()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    told = [record.getMessage() for record in caplog.records]
    assert sum("worker-1" in line and "exit code 7" in line for line in told) == 3


def test_names_are_unique(tmp_path: Path) -> None:
    async def scene() -> None:
        with pytest.raises(ValueError, match="worker-1"):
            async with running("honest", tmp_path, specs=[spec(tmp_path), spec(tmp_path)]):
                raise AssertionError

    asyncio.run(scene())
