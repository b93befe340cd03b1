"""How workers come to be: what they are given and what not, and what becomes of them when their starter ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from readytrader_sdk.errors import OutcomeUnknown, Unavailable

from appliance.plugin_host import launcher as launching
from appliance.plugin_host.health import WorkerState
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.launcher import Launcher, NotLaunched, environment, program
from appliance.plugin_host.supervisor import Workers
from tests.plugin_host.rig import BTC_USDT, QUICK, fake, notes, order, permit, spec, until

FIND = ("find_order", "order-1", BTC_USDT)


@asynccontextmanager
async def forking(
    behaviour: str, *folders: Path, kind: Kind = Kind.EXCHANGE
) -> AsyncIterator[tuple[Launcher, Workers]]:
    """Workers of a launcher with a zygote, one for each state folder: `worker-0`, `worker-1`, …"""
    launcher = fake(behaviour)
    await launcher.open()
    workers = Workers(launcher, None, lambda: datetime.now(UTC), QUICK)
    try:
        await workers.start([spec(folder, kind=kind, name=f"worker-{n}") for n, folder in enumerate(folders)])
        yield launcher, workers
    finally:
        await workers.aclose()
        await launcher.aclose()


def parent(pid: int | None) -> int:
    """The process ID of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def folders(tmp_path: Path, count: int) -> list[Path]:
    made = [tmp_path / str(number) for number in range(count)]
    for folder in made:
        folder.mkdir()
    return made


def test_an_executed_worker_has_its_channel_and_nothing_else_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret")

    async def scene() -> None:
        with (tmp_path / "open").open("w") as ours, socket.socket() as listener:
            os.set_inheritable(ours.fileno(), True)
            os.set_inheritable(listener.fileno(), True)
            workers = Workers(fake("looks_around"), None, lambda: datetime.now(UTC), QUICK)
            await workers.start([spec(tmp_path)])
            try:
                await workers["worker-1"].up()
            finally:
                await workers.aclose()

    asyncio.run(scene())
    descriptors, variables, session = notes(tmp_path)
    # 0, 1, 2, the channel, and the folder that is being listed
    assert len(descriptors.split(",")) == 5
    assert "API_KEY" not in variables
    assert set(eval(variables.removeprefix("environment "))) <= {"PYTHONPATH", "LC_CTYPE"}
    assert session == "session True"


def test_a_fork_has_its_channel_and_nothing_else(tmp_path: Path) -> None:
    first, second = folders(tmp_path, 2)

    async def scene() -> None:
        async with forking("looks_around", first, second) as (_, workers):
            await workers["worker-0"].up()
            await workers["worker-1"].up()

    asyncio.run(scene())
    for folder in (first, second):
        assert notes(folder)[0] == "egress False"
        assert len(notes(folder)[1].split(",")) == 5


def test_a_fork_is_the_zygote_s_child_and_serves(tmp_path: Path) -> None:
    first, second = folders(tmp_path, 2)

    async def scene() -> None:
        async with forking("honest", first, second) as (_, workers):
            for name in ("worker-0", "worker-1"):
                await workers[name].up()
                assert await workers[name].call(*FIND) is not None
            pids = [health.pid for health in workers.health()]
            assert parent(pids[0]) == parent(pids[1]) != os.getpid()

    asyncio.run(scene())


def test_a_signer_is_executed_even_where_there_is_a_zygote(tmp_path: Path) -> None:
    async def scene() -> None:
        async with forking("signs", tmp_path, kind=Kind.SIGNER) as (_, workers):
            await workers["worker-0"].up()
            assert parent(workers["worker-0"].health().pid) == os.getpid()

    asyncio.run(scene())


def test_a_killed_fork_leaves_the_outcome_unknown_and_another_takes_its_place(tmp_path: Path) -> None:
    async def scene() -> None:
        async with forking("dies_in_flight", tmp_path) as (_, workers):
            worker = workers["worker-0"]
            await worker.up()
            with pytest.raises(OutcomeUnknown):
                await worker.call("place_order", order(), permit=permit(order()))
            await until(lambda: worker.health().restarts == 1 and worker.state is WorkerState.READY)
            assert "signal 9" in (worker.health().last_error or "")
            assert await worker.call(*FIND) is not None

    asyncio.run(scene())


def test_a_fork_s_exit_code_is_known(tmp_path: Path) -> None:
    async def scene() -> None:
        async with forking("dies_three_times", tmp_path) as (_, workers):
            await workers["worker-0"].up()
            assert "exit code 7" in (workers["worker-0"].health().last_error or "")

    asyncio.run(scene())


def test_a_fork_that_raises_ends_and_does_not_become_a_second_zygote(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scene() -> int | None:
        launcher = fake("honest")
        await launcher.open()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = await launcher.launch("crashes", Kind.EXCHANGE, theirs, None)
            code = await process.wait()
        await launcher.aclose()
        return code

    assert asyncio.run(scene()) == 70
    told = capfd.readouterr().err
    assert "worker crashes: RuntimeError" in told
    assert "secret" not in told


def test_where_the_zygote_died_workers_are_executed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with forking("honest", tmp_path) as (_, workers):
            worker = workers["worker-0"]
            await worker.up()
            zygote = parent(worker.health().pid)
            os.kill(zygote, signal.SIGKILL)
            pid = worker.health().pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda: worker.health().restarts >= 1 and worker.state is WorkerState.READY)
            assert parent(worker.health().pid) == os.getpid()
            assert await worker.call(*FIND) is not None

    asyncio.run(scene())


def test_a_zygote_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "FORK_S_MAX", 0.1)

    async def scene() -> None:
        launcher = Launcher([sys.executable, "-I", "-c", "import time; time.sleep(600)"])
        await launcher.open()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with pytest.raises(NotLaunched, match="no answer"):
                await launcher.launch("worker-1", Kind.EXCHANGE, theirs, None)
            process = await launcher.launch("worker-1", Kind.EXCHANGE, theirs, None)
            process.kill()
            assert await process.wait() == -signal.SIGKILL
        await launcher.aclose()

    asyncio.run(scene())


def test_many_forks_at_once_are_told_apart(tmp_path: Path) -> None:
    many = folders(tmp_path, 12)

    async def scene() -> None:
        async with forking("honest", *many) as (_, workers):
            await asyncio.gather(*(workers[f"worker-{n}"].up() for n in range(12)))
            pids = {health.pid for health in workers.health()}
            assert len(pids) == 12
            for n in range(12):
                await workers[f"worker-{n}"].call("find_order", f"order-{n}", BTC_USDT)

    asyncio.run(scene())
    for n, folder in enumerate(many):
        assert notes(folder)[-1] == f'find_order ["order-{n}","BTC/USDT"]'


def test_killing_a_process_that_has_ended_is_harmless(tmp_path: Path) -> None:
    async def scene() -> None:
        launcher = Launcher([sys.executable, "-I", "-c", "raise SystemExit(5)"])
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = await launcher.launch("worker-1", Kind.EXCHANGE, theirs, None)
            assert await process.wait() == 5
            assert await process.wait() == 5
            process.kill()

    asyncio.run(scene())


CORE = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from tests.plugin_host.rig import QUICK, fake, spec
from appliance.plugin_host.supervisor import Workers

async def main():
    launcher = fake("honest")
    await launcher.open()
    workers = Workers(launcher, None, lambda: datetime.now(UTC), QUICK)
    await workers.start([spec(Path(sys.argv[1]), name="forked")])
    await workers["forked"].up()
    print(workers["forked"].health().pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_core_that_is_killed_leaves_no_zygote_and_no_worker(tmp_path: Path) -> None:
    core = subprocess.Popen(
        [sys.executable, "-c", CORE, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert core.stdout is not None
    with core, core.stdout:
        worker = int(core.stdout.readline())
        zygote = parent(worker)
        core.kill()
        core.wait()

    async def both_gone() -> None:
        await until(lambda: is_gone(worker) and is_gone(zygote))

    asyncio.run(both_gone())


def test_the_program_is_run_isolated_and_with_next_to_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert program() == [sys.executable, "-I", "-m", "appliance"]
    assert environment() == {}


def test_run_from_a_source_folder_the_path_goes_along_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "plugins::/elsewhere")
    assert program() == [sys.executable, "-s", "-P", "-m", "appliance"]
    assert environment() == {"PYTHONPATH": f"{Path.cwd() / 'plugins'}:/elsewhere"}


def test_a_frozen_program_keeps_what_its_unpacked_parts_need_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("_PYI_APPLICATION_HOME_DIR", "/tmp/_MEI1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert program() == [sys.executable]
    assert environment() == {"_PYI_APPLICATION_HOME_DIR": "/tmp/_MEI1"}


def test_workers_wait_for_no_zygote_that_could_not_start() -> None:
    async def scene() -> None:
        launcher = Launcher(["/nonexistent/program"])
        with pytest.raises(NotLaunched, match="/nonexistent/program"):
            await launcher.open()
        await launcher.aclose()

    asyncio.run(scene())


def test_a_forked_worker_that_is_stopped_in_a_call_leaves_no_process(tmp_path: Path) -> None:
    async def scene() -> int:
        async with forking("never_answers", tmp_path) as (_, workers):
            worker = workers["worker-0"]
            await worker.up()
            call = asyncio.create_task(worker.call(*FIND))
            await until(lambda: worker.health().in_flight == 1)
            pid = worker.health().pid
        with pytest.raises(Unavailable):
            await call
        assert pid is not None
        return pid

    assert is_gone(asyncio.run(scene()))
