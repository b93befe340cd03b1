"""The real broker in its own process, real servers on the loopback, and children whose sockets are the worker's."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from readytrader_sdk.egress import Endpoint

from appliance.plugin_host.egress.control import Egress
from appliance.plugin_host.egress.wire import EgressCounts
from appliance.plugin_host.specs import Rights

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE_S = 20


class World(dict[str, Any]):
    """What the broker's outside is: `names` (name to a list of answers), `dials` (address to a port of the loopback),
    `own` (addresses), `slow` (names that never resolve), `stale` (names whose look-up finds the resolver's
    configuration replaced), and `bounds`.
    """


@asynccontextmanager
async def egress(world: Mapping[str, Any] | None = None, **options: Any) -> AsyncIterator[Egress]:
    """A started broker; with a world, one whose outside that is."""
    command = None
    if world is not None:
        command = [sys.executable, str(HERE / "broker_program.py"), json.dumps(world)]
    handle = Egress(command, **options)
    await handle.start()
    try:
        yield handle
    finally:
        await handle.aclose()


def rights(*private: tuple[str, int], hosts: Sequence[tuple[str, int]] = ()) -> Rights:
    """Private hosts, as the servers of these tests are; and public ones."""
    return Rights(
        hosts=tuple(Endpoint(host, port) for host, port in hosts),
        private_hosts=tuple(Endpoint(host, port) for host, port in private),
    )


async def in_worker(channel: socket.socket | None, code: str, *arguments: object, cage: bool = True) -> Any:
    """Run code in a caged child with the worker's sockets; what it assigned to `answer`."""
    return await asyncio.to_thread(_in_worker, channel, code, arguments, cage=cage)


def _in_worker(channel: socket.socket | None, code: str, arguments: Sequence[object], *, cage: bool) -> Any:
    fd = -1 if channel is None else channel.fileno()
    order = json.dumps({"fd": fd, "cage": cage, "code": code, "arguments": arguments})
    done = subprocess.run(
        [sys.executable, "-W", "error", str(HERE / "worker_program.py"), order],
        pass_fds=() if channel is None else (fd,),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/plugins:{ROOT}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


async def counts(handle: Egress, name: str, until: Callable[[EgressCounts], bool]) -> EgressCounts:
    """The counts of a worker, once they are as expected."""
    async with asyncio.timeout(PATIENCE_S):
        while not until(handle.counts().get(name, EgressCounts())):  # noqa: ASYNC110 - the handle has no event for it
            await asyncio.sleep(0.01)
    return handle.counts()[name]


# speaking to the broker by hand


def ask(channel: socket.socket) -> socket.socket | None:
    """One pipe, asked for on the wire; None where the broker says no."""
    channel.settimeout(PATIENCE_S)
    channel.send(b"?")
    answer, descriptors, _, _ = socket.recv_fds(channel, 1, 4)
    assert len(descriptors) <= 1
    assert answer == (b"+" if descriptors else b"-"), answer
    if not descriptors:
        return None
    pipe = socket.socket(fileno=descriptors[0])
    pipe.settimeout(PATIENCE_S)
    return pipe


def converse(channel: socket.socket, said: bytes) -> bytes:
    """Say something on a fresh pipe; everything that is answered until the broker ends it."""
    pipe = ask(channel)
    assert pipe is not None
    with pipe:
        pipe.sendall(said)
        return read_all(pipe)


def read_all(sock: socket.socket) -> bytes:
    """Everything until the end."""
    read = b""
    while piece := sock.recv(65536):
        read += piece
    return read


def opened(channel: socket.socket, target: str) -> socket.socket:
    """A pipe that leads to a target."""
    pipe = ask(channel)
    assert pipe is not None
    pipe.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = pipe.recv(1)
        assert piece, head
        head += piece
    assert head.startswith(b"HTTP/1.1 200 "), head
    return pipe


# servers


class Server:
    """A loopback server that runs a function for each connection."""

    def __init__(self, serve: Callable[[socket.socket], None], family: int = socket.AF_INET) -> None:
        self._listener = socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family)
        self._serve = serve
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    @property
    def accepted(self) -> int:
        return len(self._connections)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._run, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._serve(connection)
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join()


@contextmanager
def server(serve: Callable[[socket.socket], None], family: int = socket.AF_INET) -> Iterator[Server]:
    running = Server(serve, family)
    try:
        yield running
    finally:
        running.close()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def greet(connection: socket.socket) -> None:
    connection.sendall(b"hello, I speak first\n")
    echo(connection)
