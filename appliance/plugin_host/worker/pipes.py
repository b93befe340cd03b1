"""A worker's half of egress: pipes from the broker, and the HTTP CONNECT that leads one of them to a host."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time

_ASK = b"?"
_HEAD_END = b"\r\n\r\n"
_HEAD_BYTES_MAX = 1024
_REASON_BYTES_MAX = 1024
_ESTABLISHED = 200
_ERRORS = {403: errno.EACCES, 408: errno.ETIMEDOUT, 502: errno.ECONNREFUSED, 504: errno.ETIMEDOUT}
"""Which `OSError` a refusal becomes: PermissionError, TimeoutError, ConnectionRefusedError."""


class Deadline:
    """A moment by which something must be done, or none."""

    def __init__(self, timeout_s: float | None) -> None:
        self._at = None if timeout_s is None else time.monotonic() + timeout_s

    def left(self) -> float | None:
        """Seconds that are left. Raises `TimeoutError` when there are none."""
        if self._at is None:
            return None
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "timed out")
        return left


class Channel:
    """The worker's channel to the broker. Any thread may ask."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._owed = 0
        """Answers that are still to come; those before the last belong to askers that gave up."""

    def pipe(self, deadline: Deadline) -> socket.socket:
        """A fresh pipe to the broker. Raises `TimeoutError`, or `OSError` where there is none to be had."""
        left = deadline.left()
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise TimeoutError(errno.ETIMEDOUT, "timed out")
        try:
            self._channel.settimeout(deadline.left())
            self._channel.send(_ASK)
            self._owed += 1
            while True:
                self._channel.settimeout(deadline.left())
                pipe = self._next_answer()
                if self._owed == 0:
                    break
                if pipe is not None:
                    pipe.close()
        finally:
            self._lock.release()
        if pipe is None:
            raise OSError(errno.EMFILE, "too many connections are open")
        return pipe

    def _next_answer(self) -> socket.socket | None:
        answer, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1, socket.MSG_CMSG_CLOEXEC)
        if not answer:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the egress broker is gone")
        self._owed -= 1
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptors[0]) if descriptors else None


class Reply:
    """Reads the broker's answer to one request, and not one byte of what follows a good one.

    Feed it what was received, at most `wanted` bytes at a time, until `wanted` is 0.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._read = bytearray()
        self._status = 0
        self._has_ended = False

    @property
    def wanted(self) -> int:
        """How many bytes may be received now. The end of the head is never overrun: it takes at least so many."""
        if self._has_ended or self._status == _ESTABLISHED:
            return 0
        if self._status:
            return _REASON_BYTES_MAX - len(self._read)
        partly = next(n for n in (3, 2, 1, 0) if self._read.endswith(_HEAD_END[:n]))
        return len(_HEAD_END) - partly

    def feed(self, data: bytes) -> None:
        """Take what was received; nothing means that the broker has ended the pipe. Raises `OSError` for nonsense."""
        self._has_ended = not data
        self._read += data
        if not self._status and self._read.endswith(_HEAD_END):
            version, _, rest = bytes(self._read).partition(b" ")
            if version != b"HTTP/1.1" or not rest[:3].isdigit():
                raise OSError(errno.EPROTO, f"{self._target}: the egress broker's answer makes no sense")
            self._status = int(rest[:3])
            self._read.clear()
        elif not self._status and len(self._read) > _HEAD_BYTES_MAX:
            raise OSError(errno.EPROTO, f"{self._target}: the egress broker's answer makes no sense")

    def check(self) -> None:
        """Raises the `OSError` that the answer means; returns when the pipe leads to the target."""
        if self._status == _ESTABLISHED:
            return
        if not self._status:
            raise ConnectionAbortedError(errno.ECONNABORTED, f"{self._target}: the egress broker ended the connection")
        reason = self._read.decode("ascii", "replace").strip()
        raise OSError(_ERRORS.get(self._status, errno.EPROTO), f"{self._target}: {reason}")


def request(target: str) -> bytes:
    """The CONNECT request for `host:port`. Raises `OSError` for what cannot be a host: it would not be one request."""
    if not target.isascii() or not target.isprintable() or " " in target:
        raise OSError(errno.EINVAL, f"{target[:80]!a} is no host and port")
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii")


def connect(channel: Channel, target: str, deadline: Deadline) -> socket.socket:
    """A pipe that leads to `host:port`. Blocks until the deadline; raises `OSError`."""
    pipe = channel.pipe(deadline)
    try:
        pipe.settimeout(deadline.left())
        pipe.sendall(request(target))
        reply = Reply(target)
        while reply.wanted:
            pipe.settimeout(deadline.left())
            reply.feed(pipe.recv(reply.wanted))
        reply.check()
    except BaseException:
        pipe.close()
        raise
    return pipe


def take_place_of(sock: socket.socket, pipe: socket.socket) -> None:
    """Put a pipe behind another socket's descriptor, in that socket's blocking mode. The pipe object is used up."""
    with pipe:
        os.dup2(pipe.fileno(), sock.fileno(), inheritable=False)
    sock.settimeout(sock.gettimeout())
