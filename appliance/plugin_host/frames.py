"""Frames over a stream socket: four bytes of length, big-endian, and that many bytes of body.

Both ends hold to the same bounds. A frame that claims to be longer than the cap ends the link before its body is read;
a peer that does not read ends it once more than `UNSENT_BYTES_MAX` waits for it. What arrives takes the memory of one
frame and one read at most, and is copied a fixed number of times, however the peer cuts it into pieces.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from appliance.plugin_host.messages import FRAME_BYTES_MAX

HEADER_BYTES = 4
UNSENT_BYTES_MAX = 2 * FRAME_BYTES_MAX
"""What may wait for a peer that is slow to read; beyond it the link is closed."""
PEER_GONE = "the peer is gone"
"""The reason where the other side closed the link, or ended."""

OnFrame = Callable[[bytes], None]
OnClosed = Callable[[str], None]


class LinkBroken(Exception):
    """The link is no more, or what came over it is no frame. The message says which."""


class FrameProtocol(asyncio.Protocol):
    """One end of a link on an event loop.

    `on_frame` is called with each whole body, in order; `on_closed` once, with the reason, when the link is gone,
    whichever side ended it and however. After `close` neither side's further frames are looked at.
    """

    def __init__(
        self,
        on_frame: OnFrame,
        on_closed: OnClosed,
        *,
        frame_bytes_max: int = FRAME_BYTES_MAX,
        unsent_bytes_max: int = UNSENT_BYTES_MAX,
    ) -> None:
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._frame_bytes_max = frame_bytes_max
        self._unsent_bytes_max = unsent_bytes_max
        self._transport: asyncio.Transport | None = None
        self._pending = bytearray()
        self._start = 0
        """Where in `_pending` the next frame begins."""
        self._wanted = HEADER_BYTES
        """Until so many bytes are there from `_start` on, there is nothing to do."""
        self._reading = True
        self._writable = asyncio.Event()
        self._writable.set()
        self._reason: str | None = None

    # for the user of the link

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self._transport is not None and self._reason is None

    def send(self, body: bytes) -> None:
        """Send one frame, or keep it until the peer reads. Raises `LinkBroken` when the link is closed.

        Raises `ValueError` for a body that is empty or above the cap: that is the sender's own fault, and the link
        stays as it is.
        """
        frame = _frame(body, self._frame_bytes_max)
        transport = self._transport
        if transport is None or self._reason is not None:
            raise LinkBroken(self._reason or "not connected")
        transport.write(frame)
        if transport.get_write_buffer_size() > self._unsent_bytes_max:
            self.close(f"the peer does not read: more than {self._unsent_bytes_max} bytes wait for it")

    async def drained(self) -> None:
        """Wait until the peer keeps up again; returns at once where it does, or when the link is closed."""
        await self._writable.wait()

    def pause_reading(self) -> None:
        """Take no more frames for now: the peer's own sending will stall. Harmless when paused already."""
        self._reading = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take frames again, those first that had arrived. Harmless when not paused."""
        if self._reading:
            return
        self._reading = True
        self._deliver()
        if self._reading and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, reason: str) -> None:
        """End the link now; what waits to be sent is dropped. The first reason given is the one that is reported."""
        if self._reason is None:
            self._reason = reason
        self._pending.clear()
        self._writable.set()
        if self._transport is not None:
            self._transport.abort()

    # for the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.BaseProtocol`."""
        self._transport = cast(asyncio.Transport, transport)
        if self._reason is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        self._pending += data
        self._deliver()

    def eof_received(self) -> bool:
        """As `asyncio.Protocol`: a peer that sends no more is gone."""
        return False

    def pause_writing(self) -> None:
        """As `asyncio.BaseProtocol`."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """As `asyncio.BaseProtocol`."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.BaseProtocol`."""
        if self._reason is None:
            gone = exc is None or isinstance(exc, ConnectionError)
            self._reason = PEER_GONE if gone else f"the link failed: {type(exc).__name__}"
        self._transport = None
        self._pending.clear()
        self._writable.set()
        self._on_closed(self._reason)

    def _deliver(self) -> None:
        """Hand out every frame that is whole. `on_frame` may pause, resume or close the link in the middle."""
        pending = self._pending
        while self._reading and self._reason is None and len(pending) - self._start >= self._wanted:
            start = self._start
            if self._wanted == HEADER_BYTES:
                length = int.from_bytes(pending[start : start + HEADER_BYTES], "big")
                if not 0 < length <= self._frame_bytes_max:
                    self.close(f"a frame of {length} bytes; 1 to {self._frame_bytes_max} are allowed")
                    return
                self._wanted = HEADER_BYTES + length
                continue
            self._start += self._wanted
            self._wanted = HEADER_BYTES
            self._on_frame(bytes(memoryview(pending)[start + HEADER_BYTES : self._start]))
        del pending[: self._start]
        self._start = 0


async def open_link(
    sock: socket.socket,
    on_frame: OnFrame,
    on_closed: OnClosed,
    *,
    frame_bytes_max: int = FRAME_BYTES_MAX,
    unsent_bytes_max: int = UNSENT_BYTES_MAX,
) -> FrameProtocol:
    """A link on a connected stream socket, which it owns from now on. On the running loop."""
    sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    _, protocol = await asyncio.get_running_loop().create_connection(
        lambda: FrameProtocol(on_frame, on_closed, frame_bytes_max=frame_bytes_max, unsent_bytes_max=unsent_bytes_max),
        sock=sock,
    )
    return protocol


def read_frame(sock: socket.socket, frame_bytes_max: int = FRAME_BYTES_MAX) -> bytes:
    """One frame from a blocking socket, and not a byte beyond it. Raises `LinkBroken`, or what the socket raises."""
    length = int.from_bytes(_read_exactly(sock, HEADER_BYTES), "big")
    if not 0 < length <= frame_bytes_max:
        raise LinkBroken(f"a frame of {length} bytes; 1 to {frame_bytes_max} are allowed")
    return _read_exactly(sock, length)


def write_frame(sock: socket.socket, body: bytes, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
    """Send one frame over a blocking socket. Raises `ValueError` for a wrong size, and what the socket raises."""
    sock.sendall(_frame(body, frame_bytes_max))


def _frame(body: bytes, frame_bytes_max: int) -> bytes:
    if not 0 < len(body) <= frame_bytes_max:
        raise ValueError(f"a frame of {len(body)} bytes; 1 to {frame_bytes_max} are allowed")
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def _read_exactly(sock: socket.socket, count: int) -> bytes:
    """`count` bytes; memory grows only as they arrive, whatever the peer claimed."""
    read = bytearray()
    while len(read) < count:
        piece = sock.recv(min(count - len(read), 1 << 16))
        if not piece:
            raise LinkBroken(PEER_GONE)
        read += piece
    return bytes(read)
