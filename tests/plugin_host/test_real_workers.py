"""The whole line: this very program as a caged worker, executed or forked, under the core's own ports."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.errors import OutcomeUnknown, Unavailable, Unsupported
from readytrader_sdk.evm import Transaction
from readytrader_sdk.orders import ClientOrderId, OrderState
from readytrader_sdk.ports import AmendPort, TransactionRequest, TransferPort

from appliance.domain.decision import Action, SignedPermit
from appliance.plugin_host.gate import Movable, PermitRefused, PermitSigner
from appliance.plugin_host.health import WorkerState
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.launcher import Launcher
from appliance.plugin_host.remote import RemoteExchange, RemoteSigner, RemoteSource
from appliance.plugin_host.specs import BuiltIn, Rights, WorkerSpec
from appliance.plugin_host.supervisor import Worker, Workers
from tests.plugin_host.rig import BTC_USDT, QUICK, order, permit, spec, until
from tests.plugin_host.test_launcher import is_gone, parent

SIGNER = PermitSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WAYS = pytest.mark.parametrize("forked", [False, True], ids=["executed", "forked"])
FIND = ("find_order", "order-1", BTC_USDT)


def tame(state: Path, kind: Kind = Kind.EXCHANGE) -> WorkerSpec:
    """A worker's whose plugin is `tame_exchange`."""
    state.chmod(0o700)
    return msgspec.structs.replace(
        spec(state, kind=kind),
        plugin="tame",
        kinds_granted=(Kind.EXCHANGE, Kind.DATA_SOURCE, Kind.SIGNER),
        package=BuiltIn(module="tests.plugin_host.tame_exchange"),
        permit_key=SIGNER.public_key.public_bytes_raw(),
        venue="paper" if kind is Kind.EXCHANGE else "",
    )


@asynccontextmanager
async def real(
    state: Path, *, forked: bool, kind: Kind = Kind.EXCHANGE, made: WorkerSpec | None = None
) -> AsyncIterator[tuple[Workers, Worker]]:
    """One real worker, ready."""
    launcher = Launcher()
    if forked:
        await launcher.open()
    workers = Workers(launcher, None, lambda: datetime.now(UTC), QUICK)
    try:
        await workers.start([made or tame(state, kind)])
        async with asyncio.timeout(30):
            await workers["worker-1"].up()
        yield workers, workers["worker-1"]
    finally:
        await workers.aclose()
        await launcher.aclose()


def signed(payload: Movable, action: Action = Action.PLACE, venue: str = "paper") -> SignedPermit:
    return SIGNER.sign(permit(payload, action, venue=venue).permit)


def is_closed_to_its_user(pid: int) -> bool:
    """Neither read nor dumped by its own user: what belongs to it in /proc is root's (proc(5)), who may read all."""
    limits = Path(f"/proc/{pid}/limits").read_text()
    if re.search(r"Max core file size +0 +0 ", limits) is None:
        return False
    try:
        Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:
        return True
    return os.getuid() == 0


@WAYS
def test_an_order_goes_through_gate_and_plugin_once(tmp_path: Path, *, forked: bool) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=forked) as (_, worker):
            venue = RemoteExchange(worker)
            leave = signed(order())
            report = await venue.perform(leave, order())
            assert report.state is OrderState.OPEN
            with pytest.raises(PermitRefused, match="already used"):
                await venue.perform(leave, order())
            with pytest.raises(PermitRefused, match="signature"):
                await venue.perform(permit(order("order-2")), order("order-2"))

    asyncio.run(scene())
    assert {path.name for path in tmp_path.glob("placed-*")} == {"placed-order-1"}


@WAYS
def test_kill_9_amid_an_order_leaves_the_outcome_unknown_and_the_next_worker_serves(
    tmp_path: Path, *, forked: bool
) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=forked) as (_, worker):
            payload = order("hangs-1")
            sending = asyncio.create_task(RemoteExchange(worker).perform(signed(payload), payload))
            await until((tmp_path / "placed-hangs-1").exists)
            pid = worker.health().pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(OutcomeUnknown):
                await sending
            await until(lambda: worker.health().restarts == 1 and worker.state is WorkerState.READY)
            found = await RemoteExchange(worker).reads.find_order(payload.client_order_id, BTC_USDT)
            assert found is not None

    asyncio.run(scene())


@WAYS
def test_halted_trading_is_refused_in_the_worker(tmp_path: Path, *, forked: bool) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=forked) as (workers, worker):
            workers.set_halted(True)
            with pytest.raises(PermitRefused, match="halted"):
                await RemoteExchange(worker).perform(signed(order()), order())
            workers.set_halted(False)
            assert await RemoteExchange(worker).perform(signed(order()), order()) is not None

    asyncio.run(scene())


@WAYS
def test_a_timeout_amid_an_order_leaves_the_outcome_unknown_and_the_worker_serving(
    tmp_path: Path, *, forked: bool
) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=forked) as (_, worker):
            payload = order("hangs-1")
            with pytest.raises(OutcomeUnknown):
                await worker.call("place_order", payload, permit=signed(payload), timeout_s=0.2)
            assert await worker.call(*FIND) is not None
            assert worker.health().restarts == 0

    asyncio.run(scene())


def test_the_reads_have_the_optional_ports_that_the_plugin_has(tmp_path: Path) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=False) as (_, worker):
            reads = RemoteExchange(worker).reads
            assert isinstance(reads, TransferPort)
            assert not isinstance(reads, AmendPort)
            assert await reads.find_transfer(ClientOrderId("transfer-1")) is None
            assert await reads.find_order(ClientOrderId("nobody"), BTC_USDT) is None
            assert [balance.asset for balance in await reads.balances()] == ["USDT"]
            assert worker.health().cage_missing == () or all(": " in line for line in worker.health().cage_missing)

    asyncio.run(scene())


def test_a_source_streams_and_the_consumer_sets_the_pace(tmp_path: Path) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=True, kind=Kind.DATA_SOURCE) as (_, worker):
            source = RemoteSource(worker)
            assert await source.instruments() == ()
            seen = 0
            batches = source.batches()
            async for batch in batches:
                for tick in batch:
                    seen += 1
                    assert tick.bid == seen  # type: ignore[union-attr]
                if seen > 5000:
                    break
            await batches.aclose()  # type: ignore[attr-defined]
            assert worker.health().in_flight == 0
            assert worker.health().restarts == 0

    asyncio.run(scene())


def test_a_signer_gets_amounts_beyond_64_bits_to_the_last_wei(tmp_path: Path) -> None:
    twenty_ether = 20 * 10**18 + 1
    transaction = Transaction(
        chain_id=1, nonce=0, to="0x" + "11" * 20, value=twenty_ether, data=b"", gas=21000,
        max_fee_per_gas=10**10, max_priority_fee_per_gas=10**9,
    )  # fmt: skip
    request = TransactionRequest(client_order_id=ClientOrderId("sign-1"), transaction=transaction)

    async def scene() -> None:
        async with real(tmp_path, forked=True, kind=Kind.SIGNER) as (_, worker):
            assert parent(worker.health().pid) == os.getpid()
            signer = RemoteSigner(worker)
            assert (await signer.address()).startswith("0x")
            leave = signed(request, Action.SIGN_TRANSACTION, "worker-1")
            assert await signer.perform(leave, request) == str(twenty_ether).encode()
            with pytest.raises(Unsupported):
                await worker.call("sign_typed_data", request, permit=leave)

    asyncio.run(scene())


def test_where_the_zygote_is_killed_its_forks_die_and_come_back_executed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=True) as (_, worker):
            pid = worker.health().pid
            assert pid is not None
            os.kill(parent(pid), signal.SIGKILL)
            await until(lambda: is_gone(pid))
            await until(lambda: worker.health().restarts >= 1 and worker.state is WorkerState.READY)
            assert parent(worker.health().pid) == os.getpid()
            assert await worker.call(*FIND) is not None

    asyncio.run(scene())


@WAYS
def test_neither_worker_nor_zygote_can_be_looked_into_by_its_own_user(tmp_path: Path, *, forked: bool) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=forked) as (_, worker):
            pid = worker.health().pid
            assert pid is not None
            processes = {pid, parent(pid)} - {os.getpid()}
            assert len(processes) == (2 if forked else 1)
            assert all(is_closed_to_its_user(process) for process in processes)

    asyncio.run(scene())


def test_a_stopped_worker_says_so(tmp_path: Path) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=True) as (_, worker):
            pass
        with pytest.raises(Unavailable, match="stopped"):
            await worker.call(*FIND)

    asyncio.run(scene())


def test_permits_expire_in_the_worker(tmp_path: Path) -> None:
    async def scene() -> None:
        async with real(tmp_path, forked=False) as (_, worker):
            good = permit(order()).permit
            late = msgspec.structs.replace(good, expires_at=datetime.now(UTC) - timedelta(seconds=1))
            with pytest.raises(PermitRefused, match="expired"):
                await RemoteExchange(worker).perform(SIGNER.sign(late), order())

    asyncio.run(scene())


@contextmanager
def web_server() -> Iterator[tuple[int, list[str]]]:
    """A server on the loopback interface: its port, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's own name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


def test_a_worker_reaches_its_host_through_the_broker_and_again_after_the_broker_died(tmp_path: Path) -> None:
    async def scene(port: int) -> None:
        with_host = msgspec.structs.replace(
            tame(tmp_path, Kind.DATA_SOURCE),
            settings={"url": f"http://127.0.0.1:{port}/instruments"},
            rights=Rights(private_hosts=(Endpoint("127.0.0.1", port),)),
        )
        host = PluginHost(lambda: datetime.now(UTC), ())
        try:
            await host.open()
            host.add([with_host])
            await host.start()
            worker = host["worker-1"]
            source = RemoteSource(worker)
            assert await source.instruments() == ()
            await until(lambda: (counts := worker.health().egress) is not None and counts.opened == 1)
            broker = host._egress._process
            assert broker is not None
            broker.kill()
            await until(lambda: worker.health().restarts >= 1)
            await worker.up()
            assert await source.instruments() == ()
        finally:
            await host.aclose()

    with web_server() as (port, asked):
        asyncio.run(scene(port))
    assert asked == ["/instruments", "/instruments"]


CORE = """
import asyncio, sys
from pathlib import Path
from tests.plugin_host.test_real_workers import real

async def main():
    async with real(Path(sys.argv[1]), forked=True) as (_, worker):
        print(worker.health().pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_core_that_is_killed_takes_even_a_stopped_zygote_and_worker_along(tmp_path: Path) -> None:
    """One that does not run cannot see its socket close: the kernel ends it (prctl(2), PR_SET_PDEATHSIG)."""
    with subprocess.Popen(
        [sys.executable, "-c", CORE, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as core:
        assert core.stdout is not None
        worker = int(core.stdout.readline())
        zygote = parent(worker)
        os.kill(worker, signal.SIGSTOP)
        os.kill(zygote, signal.SIGSTOP)
        core.kill()

    async def both_gone() -> None:
        await until(lambda: is_gone(worker) and is_gone(zygote))

    asyncio.run(both_gone())
