"""A plain pipe between two connections, both ways, byte for byte: what is read of one is written to the other.

A slow reader stops its writer: memory per direction is one read and one buffer of the event loop's. An end that has
said all it has to say is told to the other, which may go on. A connection that breaks ends the other; a worker sees
that as an end like any other, as a Unix socket knows no reset.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import cast

OnBytes = Callable[[int], None]


async def pass_through(
    inner: socket.socket, outer: socket.socket, *, greeting: bytes, first: bytes, on_out: OnBytes, on_in: OnBytes
) -> None:
    """Join two connected sockets until both are done, and close both.

    `greeting` is said to `inner` before anything of `outer` is, `first` to `outer` before anything of `inner`.
    """
    loop = asyncio.get_running_loop()
    inside, outside = End(on_out), End(on_in)
    try:
        await loop.create_connection(lambda: inside, sock=inner)
        await loop.create_connection(lambda: outside, sock=outer)
        inside.write(greeting)
        outside.write(first)
        on_out(len(first))
        join(inside, outside)
        await asyncio.gather(inside.gone.wait(), outside.gone.wait())
    finally:
        inside.abort()
        outside.abort()
        outer.close()
        inner.close()


class End(asyncio.Protocol):
    """One of the two connections.

    As little as can be is read of it before it has another: some event loops read once after they were told to pause.
    """

    def __init__(self, on_bytes: OnBytes) -> None:
        """`on_bytes` is told how much was read here."""
        self.gone = asyncio.Event()
        self._on_bytes = on_bytes
        self._transport: asyncio.Transport | None = None
        self._early = bytearray()
        self.other: End | None = None
        """Where to write what is read here."""
        self.has_ended = False

    def pass_on_what_was_early(self) -> None:
        """Write to the other what was read before it was there."""
        if self.other is not None:
            self.other.write(bytes(self._early))
        self._early.clear()

    def start(self) -> None:
        """Read from now on, or tell the other of an end that was early as well."""
        if self.gone.is_set():
            self.connection_lost(None)
        elif self.has_ended:
            if not self.eof_received():
                self.close()
        else:
            self.set_reading(to=True)

    def write(self, data: bytes) -> None:
        """Send what the other end, or somebody for it, has said."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End this connection once what waits is written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End this connection now; what waits to be written is dropped."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.BaseProtocol`."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        self._on_bytes(len(data))
        if self.other is None:
            self._early += data
            self.set_reading(to=False)
        else:
            self.other.write(data)

    def eof_received(self) -> bool:
        """As `asyncio.Protocol`: whether the other side may go on. Not when this one was closed as a whole."""
        self.has_ended = True
        if self.other is None:
            return True
        if self.other.has_ended or self._is_closed_by_its_peer():
            return False
        self.other.end_writing()
        return True

    def pause_writing(self) -> None:
        """As `asyncio.BaseProtocol`: the other end is read no more until this one has been written out."""
        if self.other is not None:
            self.other.set_reading(to=False)

    def resume_writing(self) -> None:
        """As `asyncio.BaseProtocol`."""
        if self.other is not None:
            self.other.set_reading(to=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.BaseProtocol`: a broken end breaks the other; a closed one lets it write out what it has."""
        self._transport = None
        self.gone.set()
        if self.other is None:
            return
        if exc is None:
            self.other.close()
        else:
            self.other.abort()

    def end_writing(self) -> None:
        """The other end has said its last."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def set_reading(self, *, to: bool) -> None:
        """Whether to read on; harmless where there is nothing more to read."""
        # The loop would report an end again and again, were it asked to read on after it.
        if self._transport is None or self._transport.is_closing() or self.has_ended:
            return
        if to:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _is_closed_by_its_peer(self) -> bool:
        """Whether the peer closed rather than only ended its half: then a silent other side must not be waited for."""
        poller = select.poll()
        poller.register(cast(asyncio.Transport, self._transport).get_extra_info("socket").fileno(), 0)
        return bool(poller.poll(0))


def join(one: End, other: End) -> None:
    """From now on, what is read of either end is written to the other."""
    one.other, other.other = other, one
    for end in (one, other):
        end.pass_on_what_was_early()
    for end in (one, other):
        end.start()
