"""The core's handle on the broker's process."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.plugin_host import cage
from appliance.plugin_host.egress.control import Egress, EgressDown
from tests.egress.rig import PATIENCE_S, ROOT, ask, counts, echo, egress, opened, rights, server


def broker_pid(handle: Egress) -> int:
    process = handle._process
    assert process is not None
    return process.pid


def of_process(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def test_the_broker_is_caged_and_says_how() -> None:
    async def run() -> None:
        handle = Egress()
        report = await handle.start()
        try:
            assert report == cage.available().measures
            status = of_process(broker_pid(handle), "status").decode()
            if report[cage.Measure.SECCOMP] == "on":
                assert "Seccomp:\t2" in status
            assert "CapEff:\t0000000000000000" in status
            assert "NoNewPrivs:\t1" in status
        finally:
            await handle.aclose()

    asyncio.run(run())


def test_the_broker_inherits_nothing_but_its_control_socket() -> None:
    async def run() -> None:
        os.environ["SECRET_OF_THE_CORE"] = "x"
        leaked, other = socket.socketpair()
        try:
            leaked.set_inheritable(True)
            async with egress() as handle:
                pid = broker_pid(handle)
                if os.getuid() == 0:  # the broker is not dumpable: its own user cannot look
                    assert b"SECRET_OF_THE_CORE" not in of_process(pid, "environ")
                    links = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]
                    assert os.readlink(f"/proc/self/fd/{leaked.fileno()}") not in links
        finally:
            del os.environ["SECRET_OF_THE_CORE"]
            leaked.close()
            other.close()

    asyncio.run(run())


def test_a_cage_that_cannot_be_had_is_no_start() -> None:
    async def run() -> None:
        handle = Egress(cage_required=("walls_of_lead",))
        with pytest.raises(EgressDown, match=r"walls_of_lead: there is no such measure"):
            await handle.start()
        assert not handle.is_up
        with pytest.raises(EgressDown):
            await handle.channel("a", rights())

    asyncio.run(run())


def test_a_program_that_is_no_broker_is_no_start() -> None:
    async def run() -> None:
        deaths: list[str] = []
        handle = Egress([sys.executable, "-c", "pass"], on_death=deaths.append)
        with pytest.raises(EgressDown, match="ended"):
            await handle.start()
        assert deaths == []

    asyncio.run(run())


def test_a_death_is_told_once_and_another_broker_can_be_started() -> None:
    async def run() -> None:
        deaths: asyncio.Queue[str] = asyncio.Queue()
        with server(echo) as there:
            async with egress(on_death=deaths.put_nowait) as handle:
                channel = await handle.channel("a", rights(("localhost", there.port)))
                with channel, opened(channel, f"localhost:{there.port}") as pipe:
                    os.kill(broker_pid(handle), signal.SIGKILL)
                    async with asyncio.timeout(PATIENCE_S):
                        assert "the egress broker ended" in await deaths.get()
                    assert pipe.recv(1) == b""
                    assert channel.recv(1) == b""
                with pytest.raises(EgressDown):
                    await handle.channel("a", rights())
                handle.revoke("a")
                await handle.start()
                with await handle.channel("a", rights(("localhost", there.port))) as channel:
                    opened(channel, f"localhost:{there.port}").close()
                    await counts(handle, "a", lambda now: now.opened == 1)
            assert deaths.empty()

    asyncio.run(run())


def test_a_broker_that_was_ended_says_nothing_about_the_next() -> None:
    async def run() -> None:
        deaths: list[str] = []
        with server(echo) as there:
            async with egress(on_death=deaths.append) as handle:
                await handle.aclose()
                await handle.start()  # before the loop has told of the end of the first one's link
                with await handle.channel("a", rights(("localhost", there.port))) as channel:
                    opened(channel, f"localhost:{there.port}").close()
                    await counts(handle, "a", lambda now: now.opened == 1)
        assert deaths == []

    asyncio.run(run())


def test_signals_to_the_group_are_the_cores_to_answer() -> None:
    async def run() -> None:
        with server(echo) as there:
            async with egress() as handle:
                os.kill(broker_pid(handle), signal.SIGTERM)
                os.kill(broker_pid(handle), signal.SIGINT)
                with await handle.channel("a", rights(("localhost", there.port))) as channel:
                    opened(channel, f"localhost:{there.port}").close()

    asyncio.run(run())


def test_a_broker_that_lost_its_resolver_to_a_new_file_makes_room_for_another(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def run() -> None:
        deaths: asyncio.Queue[str] = asyncio.Queue()
        async with egress({"stale": ["a.example.com"]}, on_death=deaths.put_nowait) as handle:
            with await handle.channel("a", rights(hosts=[("a.example.com", 443)])) as channel:
                pipe = ask(channel)
                assert pipe is not None
                with pipe:
                    pipe.sendall(b"CONNECT a.example.com:443 HTTP/1.1\r\n\r\n")
                    async with asyncio.timeout(PATIENCE_S):
                        assert "ended" in await deaths.get()

    asyncio.run(run())
    assert "replaced" in capfd.readouterr().err


LOOK_UP = """
import pathlib, sys
from appliance.plugin_host import cage
from appliance.plugin_host.egress import outside
there = pathlib.Path(sys.argv[1])
cage.enter(cage.Profile.BROKER, read_paths=[*cage.runtime_paths(), str(there)], write_paths=[], required=())
print("caged", flush=True)
sys.stdin.readline()
try:
    outside.resolve("no.such.name.invalid", 1, there)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize(("replaced", "error"), [(True, "ResolverReplaced"), (False, "gaierror")])
def test_a_replaced_configuration_is_told_from_a_name_that_is_none(tmp_path: Path, replaced: bool, error: str) -> None:
    if cage.available().measures[cage.Measure.LANDLOCK_FILES] != "on":
        pytest.skip("this kernel has no Landlock")
    there = tmp_path / "resolv.conf"
    there.write_text("nameserver 127.0.0.53\n")
    with subprocess.Popen(
        [sys.executable, "-c", LOOK_UP, str(there)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "caged\n"
        if replaced:
            (tmp_path / "new").write_text("nameserver 127.0.0.54\n")
            (tmp_path / "new").rename(there)
        told, _ = child.communicate("go\n", timeout=PATIENCE_S)
    assert told.strip() == error


CORE = """
import asyncio, os, signal, subprocess, sys
from appliance.plugin_host.egress.control import Egress

async def run():
    handle = Egress()
    await handle.start()
    if sys.argv[1:] == ["leaky"]:
        keeper = subprocess.Popen(["sleep", "60"], pass_fds=[handle._control.fileno()], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        print(keeper.pid)
    print(handle._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(run())
"""


@pytest.mark.parametrize("how", ["", "leaky"])
def test_a_broker_dies_with_its_core(how: str) -> None:
    """Also where somebody else still holds the core's end of the control socket."""
    command = [sys.executable, "-c", CORE, *([how] if how else [])]
    core = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert core.returncode == -signal.SIGKILL, core.stderr
    *keepers, broker = (int(line) for line in core.stdout.split())
    try:
        await_end(broker)
    finally:
        for keeper in keepers:
            os.kill(keeper, signal.SIGKILL)


def await_end(pid: int) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(pidfd, 0)
    except ProcessLookupError:
        return
    else:
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        assert poller.poll(PATIENCE_S * 1000)
    finally:
        os.close(pidfd)
