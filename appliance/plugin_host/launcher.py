"""Starts worker processes: this very program again, or a fork of the zygote. Nothing of the core's goes along.

A worker inherits its channel, its way to the egress broker where it has one, and standard error; of the environment,
only what the program itself needs to start. A signer is always executed, for an address space of its own; any other
worker is forked while there is a zygote. Everything here runs on the core's event loop, in its main thread: workers die
with the thread that started them (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from msgspec import MsgspecError

from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.zygote import PACKET_BYTES_MAX, Exited, Fork, Forked, NotForked, decode_reply, encode

CLOSED = "the zygote is stopped"
FORK_S_MAX = 10.0
"""A zygote that takes longer to answer is given up."""
STATUS_S_MAX = 1.0
"""How long the exit code of a fork is waited for after its end."""

_log = logging.getLogger(__name__)


class NotLaunched(Exception):
    """A process could not be started. The message says which, and why."""


def program() -> list[str]:
    """The command that runs this program again: the binary, or the same interpreter with our package.

    Isolated from the environment and the user's packages, unless the program itself was found through PYTHONPATH.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, *(["-s", "-P"] if _python_path() else ["-I"]), "-m", "appliance"]


def environment() -> dict[str, str]:
    """All that a child gets of ours: where a one-file binary has unpacked itself, or where our source is."""
    if getattr(sys, "frozen", False):
        return {name: value for name, value in os.environ.items() if name.startswith("_PYI_")}
    path = _python_path()
    return {"PYTHONPATH": path} if path else {}


def _python_path() -> str:
    if sys.flags.ignore_environment:
        return ""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(str(Path(entry).absolute()) for entry in entries if entry)


class WorkerProcess:
    """A started process, known by its pidfd: its number may be given to another process, its pidfd never."""

    def __init__(self, pid: int, pidfd: int, status: Callable[[], Awaitable[int | None]]) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._status = status
        self._gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(pidfd, self._end)

    async def wait(self) -> int | None:
        """The exit code; the negative number of the signal that ended it; None where it is not to be learned."""
        await self._gone.wait()
        return await self._status()

    def kill(self) -> None:
        """End it at once (SIGKILL). Harmless when it has ended."""
        if self._gone.is_set():
            return
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except ProcessLookupError:
            return  # ended and reaped; the loop is about to learn it

    def _end(self) -> None:
        """Called by the loop: a pidfd is readable when its process has ended."""
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._gone.set()


class Launcher:
    """Starts the workers of one core."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        """`command` is what is executed, before the arguments; by default `program()`."""
        self._command = list(program() if command is None else command)
        self._zygote: _ZygoteLink | None = None

    async def open(self) -> None:
        """Start the zygote; without one, every worker is executed. To be called before the core reads a secret."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                process = self._execute(["plugin-host", "--zygote", str(theirs.fileno())], [theirs.fileno()])
            except NotLaunched:
                ours.close()
                raise
        self._zygote = _ZygoteLink(ours, process)

    async def launch(
        self, name: str, kind: Kind, channel: socket.socket, egress: socket.socket | None
    ) -> WorkerProcess:
        """Start a worker on its ends of two sockets, which stay the caller's to close. Raises `NotLaunched`."""
        descriptors = [end.fileno() for end in (channel, egress) if end is not None]
        if kind is not Kind.SIGNER and self._zygote is not None and not self._zygote.is_broken:
            # One that fails is not made up for here: a fork may hold these very sockets. The next attempt has others.
            return await self._zygote.fork(name, descriptors)
        arguments = ["plugin-host", name, "--channel", str(channel.fileno())]
        if egress is not None:
            arguments += ["--egress", str(egress.fileno())]
        return self._execute(arguments, descriptors)

    async def aclose(self) -> None:
        """End the zygote, and with it every worker that it forked."""
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            await zygote.aclose()

    def _execute(self, arguments: list[str], descriptors: list[int]) -> WorkerProcess:
        """In a session of its own, so that an interrupt at the terminal ends the core, which then ends its workers."""
        try:
            child = subprocess.Popen(  # noqa: S603 - our own program, arguments without a shell
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment(),
                pass_fds=descriptors,
                start_new_session=True,
            )
        except OSError as error:
            raise NotLaunched(f"{self._command[0]}: {error.strerror}") from error

        async def status() -> int | None:
            return child.wait()  # it has ended: this returns at once

        return WorkerProcess(child.pid, os.pidfd_open(child.pid), status)


class _ZygoteLink:
    """The core's side of the zygote's socket. Replies come in the order of requests."""

    def __init__(self, sock: socket.socket, process: WorkerProcess) -> None:
        self._sock = sock
        self._process = process
        self._asked: deque[asyncio.Future[WorkerProcess]] = deque()
        self._codes: dict[int, asyncio.Future[int]] = {}
        self._broken: str | None = None
        sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        asyncio.get_running_loop().add_reader(sock, self._take_reply)

    @property
    def is_broken(self) -> bool:
        return self._broken is not None

    async def fork(self, name: str, descriptors: list[int]) -> WorkerProcess:
        answer: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        try:
            socket.send_fds(self._sock, [encode(Fork(name=name))], descriptors)
            async with asyncio.timeout(FORK_S_MAX):
                return await answer
        except OSError as error:  # a timeout among them
            self._break(f"the zygote: {error.strerror or f'no answer within {FORK_S_MAX} s'}")
            raise NotLaunched(self._broken or "the zygote") from error

    async def aclose(self) -> None:
        self._break(CLOSED)
        await self._process.wait()

    def _take_reply(self) -> None:
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._sock, PACKET_BYTES_MAX, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            self._break(f"the zygote: {error.strerror}")
            return
        try:
            reply = decode_reply(packet)
        except MsgspecError:
            self._break("the zygote sent what is no reply" if packet else "the zygote died")
            return
        if isinstance(reply, Exited):
            self._codes.pop(reply.pid).set_result(reply.code)
        elif isinstance(reply, NotForked):
            self._answer(NotLaunched(reply.reason))
        else:
            self._answer(self._forked(reply, descriptors[0]))

    def _forked(self, reply: Forked, pidfd: int) -> WorkerProcess:
        code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._codes[reply.pid] = code

        async def status() -> int | None:
            done, _ = await asyncio.wait({code}, timeout=STATUS_S_MAX)
            return code.result() if done and not code.cancelled() else None

        return WorkerProcess(reply.pid, pidfd, status)

    def _answer(self, answer: WorkerProcess | NotLaunched) -> None:
        """The oldest request's; a worker that nobody waits for any more is ended."""
        future = self._asked.popleft()
        if isinstance(answer, NotLaunched):
            if not future.done():
                future.set_exception(answer)
        elif future.done():
            answer.kill()
        else:
            future.set_result(answer)

    def _break(self, reason: str) -> None:
        if self._broken is not None:
            return
        self._broken = reason
        if reason != CLOSED:
            _log.warning("%s; workers are executed from now on", reason)
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()
        self._process.kill()
        for code in self._codes.values():
            code.cancel()
        for future in self._asked:
            if not future.done():
                future.set_exception(NotLaunched(reason))
