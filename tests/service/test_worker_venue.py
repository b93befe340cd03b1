"""The whole line with a worker at its end: agent, pipeline, journal, permit, then gate and plugin in its process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from readytrader_sdk.orders import OrderState

from appliance.plugin_host.gate import PermitSigner
from appliance.plugin_host.health import WorkerState
from appliance.plugin_host.launcher import Launcher
from appliance.plugin_host.remote import RemoteExchange
from appliance.plugin_host.supervisor import Worker, Workers
from tests.plugin_host.rig import QUICK, until
from tests.plugin_host.test_real_workers import tame
from tests.service.rig import IMPATIENT, VENUE, ManualClock, Rig, buy, open_rig, order_id, require_whole

Scene = Callable[[Rig, Worker, Workers], Awaitable[None]]


class WallClock(ManualClock):
    """The time that a worker has too."""

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @now.setter
    def now(self, _: datetime) -> None:
        """Nobody sets it."""


def played(folder: Path, scene: Scene, pace: str = "prompt") -> Path:
    """Play a scene on a core whose venue is a caged worker; the worker's state folder."""
    state = folder / "state"
    state.mkdir(mode=0o700)

    async def life() -> None:
        async with open_rig(folder, clock=WallClock(), patience=IMPATIENT) as rig:
            signer: PermitSigner = rig.core.desk._execution._signer
            spec = msgspec.structs.replace(
                tame(state), permit_key=signer.public_key.public_bytes_raw(), venue=VENUE, settings={"pace": pace}
            )
            workers = Workers(Launcher(), None, lambda: datetime.now(UTC), QUICK)
            try:
                await workers.start([spec])
                worker = workers[spec.name]
                await worker.up()
                rig.core.orders._venues._paper = RemoteExchange(worker)
                rig.quote()
                await rig.fund()
                await scene(rig, worker, workers)
            finally:
                await workers.aclose()

    asyncio.run(life())
    require_whole(folder / "home" / "journal.db", folder / "home" / "keys" / "checkpoint.key")
    return state


def placed(state: Path) -> list[str]:
    """What reached the plugin, by its own book."""
    return sorted(path.name.removeprefix("placed-") for path in state.glob("placed-*"))


def test_an_agents_order_reaches_the_plugin_once_with_the_pipelines_own_permit(tmp_path: Path) -> None:
    ids: list[str] = []

    async def scene(rig: Rig, _worker: Worker, _workers: Workers) -> None:
        outcome = await rig.place(buy("0.01", "49000"), key="one")
        again = await rig.place(buy("0.01", "49000"), key="one")
        assert outcome.order.state is OrderState.OPEN
        assert order_id(again) == order_id(outcome)
        ids.append(order_id(outcome))

    assert placed(played(tmp_path, scene)) == ids


def test_an_order_in_flight_when_the_worker_dies_becomes_unknown_and_is_asked_for_and_never_sent_again(
    tmp_path: Path,
) -> None:
    ids: list[str] = []

    async def scene(rig: Rig, worker: Worker, _workers: Workers) -> None:
        sending = asyncio.create_task(rig.place(buy("0.01", "49000")))
        await until(lambda: bool(placed(tmp_path / "state")))
        pid = worker.health().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        outcome = await sending
        assert outcome.order.state is OrderState.UNKNOWN
        ids.append(order_id(outcome))
        await until(lambda: worker.health().restarts == 1 and worker.state is WorkerState.READY)
        await until(lambda: rig.core.state.orders[order_id(outcome)].state is OrderState.OPEN)

    assert placed(played(tmp_path, scene, "hangs")) == ids


def test_a_halt_is_the_workers_too(tmp_path: Path) -> None:
    async def scene(rig: Rig, _worker: Worker, workers: Workers) -> None:
        workers.set_halted(True)
        outcome = await rig.place(buy("0.01", "49000"))
        # That the gate refused is that process's word and no more: the venue is asked all the same.
        assert (outcome.order.state, outcome.order.reason) == (OrderState.UNKNOWN, "said_permit_refused")

    assert placed(played(tmp_path, scene)) == []
