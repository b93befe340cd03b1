"""The broker's process: it alone of the appliance connects to the outside, for workers, to the hosts they were granted.

A worker has one end of a *channel* to it. For every connection it sends one byte, and gets one back, with one end of a
fresh stream pair (SCM_RIGHTS) or without one where it has too many. On that pipe it speaks HTTP CONNECT; after the 200
the pipe leads to that host and nowhere else. What a worker sends is bytes: no descriptor of a worker's is ever taken,
and the kernel drops those that come along (recv(2) without room for them).

The broker makes the pairs, and not the worker, because descriptors in flight are counted per user, and measured against
the limit of who sends (unix(7), ETOOMANYREFS): one worker with full queues would keep all others from sending any.
"""

from __future__ import annotations

import array
import asyncio
import signal
import socket
import sys
from concurrent.futures import Executor, ThreadPoolExecutor

from appliance.plugin_host import cage
from appliance.plugin_host.cage.libc import prctl
from appliance.plugin_host.egress.connection import Bounds, Connector
from appliance.plugin_host.egress.ledger import Ledger
from appliance.plugin_host.egress.outside import Outside
from appliance.plugin_host.egress.rules import EgressRules
from appliance.plugin_host.egress.wire import (
    FRAME_BYTES_MAX,
    Begin,
    Begun,
    CannotBegin,
    FrameCutter,
    FromBroker,
    FromCore,
    Open,
    Revoke,
    Tally,
    decode_from_core,
    frame,
)

PIPE, NO_PIPE = b"+", b"-"
_RESOLVERS = 32
_REPORT_S = 0.25
_UNSENT_BYTES_MAX = 4 * FRAME_BYTES_MAX
_DESCRIPTORS_MAX = 64
_PR_SET_PDEATHSIG = 1


def run(control_fd: int, outside: Outside | None = None, bounds: Bounds | None = None) -> int:
    """Be the broker until the core closes its end of the control socket; the exit code."""
    _live_and_die_with_the_core()
    control = socket.socket(fileno=control_fd)
    begin, cutter = _await_begin(control)
    if begin is None:
        return 0
    try:
        report = _close_cage(begin.cage_required)
    except (cage.CageRefused, OSError) as error:
        control.sendall(frame(CannotBegin(reason=str(error))))
        return 1
    control.sendall(frame(Begun(cage=dict(report.measures))))
    asyncio.run(_serve(control, cutter, outside or Outside(), bounds or Bounds()))
    return 0


async def _serve(control: socket.socket, cutter: FrameCutter, outside: Outside, bounds: Bounds) -> None:
    with ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve") as resolvers:
        broker = Broker(control, cutter, outside, bounds, resolvers)
        try:
            await broker.serve()
        finally:
            await broker.aclose()
            resolvers.shutdown(wait=False, cancel_futures=True)


class Broker:
    """All channels of one core."""

    def __init__(
        self, control: socket.socket, cutter: FrameCutter, outside: Outside, bounds: Bounds, resolvers: Executor
    ) -> None:
        self._control = control
        self._cutter = cutter
        self._outside = outside
        self._bounds = bounds
        self._resolvers = resolvers
        self._channels: dict[str, _Channel] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._descriptors: list[int] = []
        """Received, and not yet claimed by the frame that they came with."""
        self._changed: set[str] = set()
        self._unsent = bytearray()
        self._done = asyncio.Event()

    async def serve(self) -> None:
        """Do as the core says until it is gone."""
        loop = asyncio.get_running_loop()
        self._control.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        loop.add_reader(self._control, self._on_control)
        self._obey(b"")
        await self._done.wait()

    async def aclose(self) -> None:
        """End every channel and every connection."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._control)
        loop.remove_writer(self._control)
        channels = list(self._channels.values())
        for channel in channels:
            channel.close()
        await asyncio.gather(*(channel.ended() for channel in channels))
        self._control.close()

    def _on_control(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._control, FRAME_BYTES_MAX, _DESCRIPTORS_MAX, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        self._descriptors += descriptors
        if not data:
            self._done.set()
            return
        self._obey(data)

    def _obey(self, data: bytes) -> None:
        for body in self._cutter.feed(data):
            message: FromCore = decode_from_core(body)
            if isinstance(message, Open):
                self._open(message, socket.socket(fileno=self._descriptors.pop(0)))
            elif isinstance(message, Revoke):
                self._revoke(message.name)

    def _open(self, message: Open, channel: socket.socket) -> None:
        self._revoke(message.name)
        name = message.name
        ledger = self._ledgers.get(name)
        if ledger is None:
            ledger = self._ledgers[name] = Ledger(name, lambda: self._note(name))
        rules = EgressRules(hosts=message.hosts, private_hosts=message.private_hosts)
        connector = Connector(rules, ledger, self._outside, self._bounds, self._resolvers, self._resign)
        self._channels[name] = _Channel(channel, connector, ledger, self._bounds)
        self._note(name)

    def _revoke(self, name: str) -> None:
        channel = self._channels.pop(name, None)
        if channel is not None:
            channel.close()

    def _resign(self) -> None:
        """What the cage lets this process read has been replaced: end, so that the core starts another."""
        sys.stderr.write("egress broker: the resolver's configuration was replaced; it is read by a new broker\n")
        self._done.set()

    def _note(self, name: str) -> None:
        """A worker's counts changed: report them, together with what else changes in a moment."""
        if not self._changed:
            asyncio.get_running_loop().call_later(_REPORT_S, self._report)
        self._changed.add(name)

    def _report(self) -> None:
        if len(self._unsent) > _UNSENT_BYTES_MAX:  # the core is busy: it will get the counts of later
            asyncio.get_running_loop().call_later(_REPORT_S, self._report)
            return
        changed, self._changed = self._changed, set()
        for name in sorted(changed):
            ledger = self._ledgers[name]
            messages: list[FromBroker] = [*ledger.take_untold(), Tally(name=name, counts=ledger.counts)]
            for message in messages:
                self._unsent += frame(message)
        self._send()

    def _send(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            del self._unsent[: self._control.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._done.set()
            return
        if self._unsent:
            loop.add_writer(self._control, self._send)
        else:
            loop.remove_writer(self._control)


class _Channel:
    """One worker's channel: a byte in, a pipe out, so many a second and so many at once."""

    def __init__(self, channel: socket.socket, connector: Connector, ledger: Ledger, bounds: Bounds) -> None:
        self._channel = channel
        self._connector = connector
        self._ledger = ledger
        self._bounds = bounds
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._allowance = float(bounds.connections)
        self._allowed_at = self._loop.time()
        self._waiting: asyncio.TimerHandle | None = None
        channel.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        self._loop.add_reader(channel, self._on_ask)

    def close(self) -> None:
        """Take no more, and end what is open."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._stop_listening()
        for connection in self._connections:
            connection.cancel()

    async def ended(self) -> None:
        """Wait until what was open is closed."""
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _on_ask(self) -> None:
        if not self._take_allowance():
            return
        try:
            asked = self._channel.recv(1)
        except BlockingIOError:
            return
        except OSError:
            asked = b""
        if not asked:
            self.close()
            return
        try:
            self._answer()
        except OSError:  # it left, or asks without taking its answers
            self.close()

    def _take_allowance(self) -> bool:
        """Whether one more may be asked for now; if not, the worker is not listened to until it may."""
        now = self._loop.time()
        earned = (now - self._allowed_at) * self._bounds.per_second
        self._allowance = min(self._allowance + earned, float(self._bounds.connections))
        self._allowed_at = now
        if self._allowance >= 1:
            self._allowance -= 1
            return True
        self._loop.remove_reader(self._channel)
        self._waiting = self._loop.call_later((1 - self._allowance) / self._bounds.per_second, self._listen_again)
        return False

    def _listen_again(self) -> None:
        self._waiting = None
        self._loop.add_reader(self._channel, self._on_ask)

    def _answer(self) -> None:
        if len(self._connections) >= self._bounds.connections:
            self._ledger.refused("any", f"{self._bounds.connections} connections are open, which is the most")
            self._channel.send(NO_PIPE)
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            try:
                self._channel.sendmsg(
                    [PIPE], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))]
                )
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        connection = self._loop.create_task(self._connector.serve(ours))
        self._connections.add(connection)
        connection.add_done_callback(self._forget)

    def _forget(self, connection: asyncio.Task[None]) -> None:
        self._connections.discard(connection)
        if not connection.cancelled() and (error := connection.exception()) is not None:
            self._loop.call_exception_handler({"message": "a connection failed", "exception": error})

    def _stop_listening(self) -> None:
        if self._channel.fileno() >= 0:
            self._loop.remove_reader(self._channel)
            self._channel.close()


def _live_and_die_with_the_core() -> None:
    """Signals that end the core by way of its process group or its unit are the core's to answer, not ours."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _await_begin(control: socket.socket) -> tuple[Begin | None, FrameCutter]:
    """The first frame, and the cutter that may hold a part of the next; None when the core is gone already."""
    cutter = FrameCutter()
    while data := control.recv(1):  # by the byte: the frame behind it may bring a descriptor
        for body in cutter.feed(data):
            message = decode_from_core(body)
            if not isinstance(message, Begin):
                raise ValueError(f"expected begin, got {type(message).__name__}")
            return message, cutter
    return None, cutter


def _close_cage(required: tuple[str, ...]) -> cage.CageReport:
    """Nothing but its sockets and what it takes to resolve names stays within reach."""
    cage.harden()
    # The C library loads what it resolves with on the first look-up, and Python its codec for names.
    socket.getaddrinfo("127.0.0.1", 9)
    "localhost".encode("idna")
    read_paths = [*cage.runtime_paths(), *cage.resolver_paths()]
    return cage.enter(cage.Profile.BROKER, read_paths=read_paths, write_paths=[], required=required)
