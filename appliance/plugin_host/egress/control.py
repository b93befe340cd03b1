"""The core's handle on the broker: start it, give workers their channels, take them back, read its counts."""

from __future__ import annotations

import array
import asyncio
import logging
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence

import msgspec

from appliance.plugin_host.egress.wire import (
    FRAME_BYTES_MAX,
    Begin,
    CannotBegin,
    EgressCounts,
    FromCore,
    Open,
    Refusal,
    Revoke,
    Tally,
    decode_from_broker,
    frame,
)
from appliance.plugin_host.frames import FrameProtocol, open_link
from appliance.plugin_host.launcher import environment, program
from appliance.plugin_host.specs import Rights

log = logging.getLogger("egress")

START_S = 20
"""Seconds until a broker must have closed its cage."""
_SEND_BUFFER_BYTES = 4 * FRAME_BYTES_MAX


class EgressDown(Exception):
    """There is no broker to speak to. The message says why."""


class Egress:
    """One broker process. Where it dies, every connection of every worker is gone, and `start` makes another."""

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        cage_required: Sequence[str] = (),
        on_death: Callable[[str], None] | None = None,
    ) -> None:
        """`command` is what is executed, before `egress-broker --control FD`; by default `launcher.program()`.

        `on_death` is called once when a started broker ends without `aclose`, with the reason; not inside of `start`.
        """
        self._command = list(program() if command is None else command)
        self._cage_required = tuple(cage_required)
        self._on_death = on_death
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._link: FrameProtocol | None = None
        self._begun: asyncio.Future[Mapping[str, str]] | None = None
        self._counts: dict[str, EgressCounts] = {}
        self._is_closing = False

    async def start(self) -> Mapping[str, str]:
        """Start the broker and wait until it is caged; its cage, measure by measure. Raises `EgressDown`.

        Must be called on the main thread: the broker dies with the thread that started it (prctl(2), PDEATHSIG).
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._is_closing = False
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - this very program, and a fork is no wait
                [*self._command, "egress-broker", "--control", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                env=environment(),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal is the core's to answer
            )
        process = self._process
        begun: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        self._begun = begun
        self._control = ours
        self._link = await open_link(
            ours,
            self._on_frame,
            lambda reason: self._on_closed(process, begun, reason),
            frame_bytes_max=FRAME_BYTES_MAX,
        )
        self._send(Begin(cage_required=self._cage_required))
        try:
            async with asyncio.timeout(START_S):
                return await begun
        except TimeoutError as error:
            await self.aclose()
            raise EgressDown(f"the egress broker did not start within {START_S} s") from error

    async def channel(self, name: str, rights: Rights) -> socket.socket:
        """A worker's end of a fresh channel, for this worker's rights alone; an earlier one of the name ends.

        The caller hands it to the worker and closes its own copy. Raises `EgressDown`.
        """
        theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours:
            try:
                message = Open(name=name, hosts=rights.hosts, private_hosts=rights.private_hosts)
                self._send(message, descriptor=ours.fileno())
            except BaseException:
                theirs.close()
                raise
        return theirs

    def revoke(self, name: str) -> None:
        """End a worker's channel and its connections. Harmless when there is none, or no broker."""
        if self.is_up:
            self._send(Revoke(name=name))

    @property
    def is_up(self) -> bool:
        """Whether there is a broker to speak to."""
        return self._link is not None and self._link.is_open

    def counts(self) -> Mapping[str, EgressCounts]:
        """What every worker did with its way out, by name; a fraction of a second old."""
        return dict(self._counts)

    async def aclose(self) -> None:
        """End the broker, and with it every connection."""
        self._is_closing = True
        if self._link is not None:
            self._link.close("the core ends it")
        self._end_process()

    def _send(self, message: FromCore, descriptor: int | None = None) -> None:
        """One frame, at once and whole. A broker that does not take it has stopped reading, and is ended."""
        if self._control is None or not self.is_up:
            raise EgressDown("the egress broker is not running")
        whole = frame(message)
        rights = [] if descriptor is None else [array.array("i", [descriptor])]
        try:
            sent = self._control.sendmsg([whole], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fd) for fd in rights])
        except OSError as error:
            sent, reason = 0, f"the egress broker cannot be told anything: {error.strerror}"
        else:
            reason = "the egress broker does not read"
        if sent != len(whole):
            self._break(reason)
            raise EgressDown(reason)

    def _break(self, reason: str) -> None:
        if self._link is not None:
            self._link.close(reason)

    def _on_frame(self, body: bytes) -> None:
        try:
            message = decode_from_broker(body)
        except msgspec.MsgspecError as error:
            self._break(f"the egress broker sent what is no message: {error}")
            return
        if isinstance(message, Tally):
            self._counts[message.name] = message.counts
        elif isinstance(message, Refusal):
            log.warning("plugin %s: refused a connection to %s: %s", message.name, message.target, message.reason)
        elif isinstance(message, CannotBegin):
            self._break(message.reason)
        elif self._begun is not None and not self._begun.done():
            self._begun.set_result(message.cage)

    def _on_closed(
        self, process: subprocess.Popen[bytes], begun: asyncio.Future[Mapping[str, str]], reason: str
    ) -> None:
        """The link of one start is gone; by now there may be another, which this says nothing about."""
        is_present = process is self._process
        code = self._end_process() if is_present else process.returncode
        text = f"the egress broker ended: {reason} (exit code {code})"
        if not begun.done():
            begun.set_exception(EgressDown(text))
        elif is_present and not self._is_closing:
            log.error("%s", text)
            if self._on_death is not None:
                self._on_death(text)

    def _end_process(self) -> int | None:
        """Kill it and take its exit code: it has nothing to finish."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.kill()
        return process.wait()
