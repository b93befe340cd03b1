"""The thin end of `readytrader mcp` while a daemon runs: bytes in, bytes out.

It starts at every launch of an agent, so it imports next to nothing: neither asyncio nor JSON, let alone the core.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from contextlib import suppress

REFUSED = 1
"""Exit code: the daemon did not take the token."""
GONE = 3
"""Exit code: the daemon went away while the agent was still there."""
INTERRUPTED = 130

_CHUNK = 1 << 16
_HELD_MAX = 1 << 20
"""Bytes held per direction for an end that does not read; then the other end waits."""
_ANSWER_MAX = 4096
_STDIN, _STDOUT = 0, 1
_TOKEN_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_WELCOME = b'{"readytrader":1,'


def daemon_is_there(socket_path: str) -> socket.socket | None:
    """A connection to the daemon that serves this path, or None when none does."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(socket_path)
    except OSError:
        connection.close()
        return None
    return connection


def pump_to(socket_path: str, token: str | None) -> int | None:
    """Be the agent's standard input and output for the daemon at this path, until either end is done.

    The exit code, or None when no daemon is there. What goes wrong is said in one line on standard error.
    """
    daemon = daemon_is_there(socket_path)
    if daemon is None:
        return None
    with daemon:
        try:
            return _greet(daemon, token) or _pump(daemon)
        except KeyboardInterrupt:
            return INTERRUPTED


def _greet(daemon: socket.socket, token: str | None) -> int:
    """Say who comes; 0 when the daemon takes it."""
    if token is not None and not (token and _TOKEN_CHARACTERS.issuperset(token)):
        return _fail(REFUSED, "the agent token holds characters that no token has")
    try:
        daemon.sendall(b'{"readytrader":1,"token":' + (b"null" if token is None else f'"{token}"'.encode()) + b"}\n")
        answer = _first_line(daemon)
    except OSError as fault:
        return _fail(GONE, f"the daemon went away: {fault.strerror}")
    if not answer:
        return _fail(GONE, "the daemon closed the connection; it may have too many sessions")
    if not answer.startswith(_WELCOME):
        return _fail(REFUSED, "the daemon refused this agent: no good token, or another user without one")
    return 0


def _first_line(daemon: socket.socket) -> bytes:
    """The daemon's answer to the hello. It says nothing more before it is asked, so nothing is read beyond it."""
    answer = b""
    while not answer.endswith(b"\n") and len(answer) < _ANSWER_MAX:
        block = daemon.recv(_ANSWER_MAX - len(answer))
        if not block:
            break
        answer += block
    return answer


def _pump(daemon: socket.socket) -> int:
    """Carry bytes both ways; an end of input is passed on, and the answers still come back."""
    daemon.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    pump = _Pump(daemon)
    while not pump.done:
        pump.turn()
    if pump.agent_open and pump.agent_reads:
        return _fail(GONE, "the daemon went away")
    return 0


class _Pump:
    """Two directions, each with what it holds for an end that is not ready."""

    def __init__(self, daemon: socket.socket) -> None:
        self.agent_open = True
        self.agent_reads = True
        self._daemon = daemon
        self._daemon_open = True
        self._told_end = False
        self._upward = bytearray()
        self._downward = bytearray()

    @property
    def done(self) -> bool:
        return not self.agent_reads or not (self._daemon_open or self._downward)

    def turn(self) -> None:
        """Wait until something can be done, and do it."""
        ready = dict(self._interest().poll())
        if ready.get(_STDIN):
            block = os.read(_STDIN, _CHUNK)
            self.agent_open = bool(block)
            self._upward += block
        events = ready.get(self._daemon.fileno(), 0)
        if events & select.POLLOUT:
            self._send_up()
        if events & ~select.POLLOUT:
            self._receive()
        if ready.get(_STDOUT):
            self._hand_down()
        self._pass_end()

    def _interest(self) -> select.poll:
        poll = select.poll()
        if self.agent_open and len(self._upward) < _HELD_MAX:
            poll.register(_STDIN, select.POLLIN)
        # Of standard output one always wants to know that its reader is gone.
        poll.register(_STDOUT, select.POLLOUT if self._downward else 0)
        wanted = select.POLLIN if self._daemon_open and len(self._downward) < _HELD_MAX else 0
        wanted |= select.POLLOUT if self._upward else 0
        if wanted:
            poll.register(self._daemon, wanted)
        return poll

    def _send_up(self) -> None:
        try:
            del self._upward[: self._daemon.send(self._upward[:_CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self._upward.clear()  # it is going; what it still has to say is read first

    def _receive(self) -> None:
        try:
            block = self._daemon.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        self._daemon_open = bool(block)
        self._downward += block
        if not block:
            self._upward.clear()

    def _hand_down(self) -> None:
        if not self._downward:
            self.agent_reads = False
            return
        try:
            # A pipe that is ready takes this much without blocking (POSIX, PIPE_BUF).
            del self._downward[: os.write(_STDOUT, self._downward[: select.PIPE_BUF])]
        except OSError:
            self.agent_reads = False

    def _pass_end(self) -> None:
        if self.agent_open or self._upward or self._told_end:
            return
        self._told_end = True
        with suppress(OSError):  # it may be gone already; reading will tell
            self._daemon.shutdown(socket.SHUT_WR)


def _fail(code: int, text: str) -> int:
    sys.stderr.write(f"readytrader mcp: {text}\n")
    return code
