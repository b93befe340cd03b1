"""The process's own standard input and output as MCP lines, out of the reach of stray prints."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from typing import IO

from appliance.transport.lines import LINE_MAX, LineReader, LineWriter, line_streams

_CHUNK = 1 << 16


class _FileTransport(asyncio.WriteTransport):
    """Writes where no readiness can be waited for, such as a file: a write there does not block for long."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._file.write(data)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True


async def open_stdio(on_call: Callable[[], None]) -> tuple[LineReader, LineWriter]:
    """Take the two descriptors away from everybody else, and speak over them.

    From here on descriptor 0 is empty and descriptor 1 leads to standard error: a stray `print`, or a child that
    writes, cannot corrupt the wire. Called once per process.
    """
    incoming, outgoing = _take(0, os.O_RDONLY), _take(1, None)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_MAX, loop=loop)
    if _is_one_socket(incoming, outgoing):
        # inetd and its like: two pipe transports on one socket would each take the other's events for a hang-up.
        os.close(outgoing)
        stream, writer = await asyncio.open_connection(sock=socket.socket(fileno=incoming), limit=LINE_MAX)
        return line_streams(stream, writer, on_call)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    if _can_wait(incoming):
        await loop.connect_read_pipe(lambda: protocol, os.fdopen(incoming, "rb", buffering=0))
    else:
        _read_file(loop, incoming, reader)
    sink = os.fdopen(outgoing, "wb", buffering=0)
    if _can_wait(outgoing):
        # Only for its flow control: nothing is ever read through it.
        unread = asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), loop=loop)
        transport, flow = await loop.connect_write_pipe(lambda: unread, sink)
        return line_streams(reader, asyncio.StreamWriter(transport, flow, None, loop), on_call)
    return line_streams(reader, asyncio.StreamWriter(_FileTransport(sink), protocol, None, loop), on_call)


def _take(descriptor: int, null_flags: int | None) -> int:
    """A private duplicate, while the number itself is turned to the null device or to standard error."""
    private = os.dup(descriptor)
    if null_flags is None:
        os.dup2(2, descriptor)
        return private
    null = os.open(os.devnull, null_flags)
    os.dup2(null, descriptor)
    os.close(null)
    return private


def _can_wait(descriptor: int) -> bool:
    """Whether the event loop can be told when it is ready; a file and the null device cannot be waited for."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


def _is_one_socket(first: int, second: int) -> bool:
    one, other = os.fstat(first), os.fstat(second)
    return stat.S_ISSOCK(one.st_mode) and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _read_file(loop: asyncio.AbstractEventLoop, descriptor: int, reader: asyncio.StreamReader) -> None:
    """Feed a file to the reader from a thread, whole: standard input from a file is a script of requests."""

    def read() -> None:
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            while block := file.read(_CHUNK):
                loop.call_soon_threadsafe(reader.feed_data, block)
        loop.call_soon_threadsafe(reader.feed_eof)

    loop.run_in_executor(None, read)
