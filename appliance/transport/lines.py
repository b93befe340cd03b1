"""MCP over a pair of byte streams: one JSON-RPC message per line, for standard input and output and for the socket.

`LineReader` and `LineWriter` are the two streams that the MCP library's server loop takes. They sit directly on
asyncio's streams: no thread and no task stands between a byte and the handler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import anyio
import mcp_types
import msgspec
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

log = logging.getLogger(__name__)

LINE_MAX = 1 << 20
"""Bytes of one message. A longer one is answered with an error and skipped; the connection goes on."""
BLOCKED_MAX = 64
"""Answers that may wait for a peer that does not read; then nothing more is read from it either."""
ANSWER_WAIT_MAX_S = 5.0
"""How long a peer that has said its last word may still be owed answers."""

_encode = msgspec.json.Encoder().encode
_CANCELLED = "notifications/cancelled"
_CALL = "tools/call"


class LineWriter:
    """Sends messages, one a line, no faster than the peer reads them."""

    def __init__(self, stream: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._turn = asyncio.Lock()
        self._blocked = 0
        self._calm = asyncio.Event()
        self._calm.set()
        self._owed: set[str | int] = set()
        self._all_answered = asyncio.Event()

    async def send(self, item: SessionMessage, /) -> None:
        """Write one message and wait until the peer has taken enough of what came before it.

        Raises `anyio.BrokenResourceError` when the peer is gone.
        """
        message = item.message
        await self._write(message.model_dump(mode="json", by_alias=True, exclude_unset=True))
        if isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError) and message.id is not None:
            self.settle(message.id)

    async def send_error(self, code: int, text: str) -> None:
        """Answer something that was no request: an error without an ID (JSON-RPC 2.0, section 5.1)."""
        await self._write({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": text}})

    def owe(self, request_id: str | int) -> None:
        """A request was read that somebody waits for."""
        self._owed.add(request_id)

    def settle(self, request_id: str | int) -> None:
        """Nobody waits for it any more."""
        self._owed.discard(request_id)
        if not self._owed:
            self._all_answered.set()

    async def calm(self) -> None:
        """Wait while too many answers are stuck."""
        await self._calm.wait()

    async def answered(self) -> None:
        """Wait until every request read so far has its answer, a few seconds at most."""
        self._all_answered.clear()
        if not self._owed:
            return
        try:
            async with asyncio.timeout(ANSWER_WAIT_MAX_S):
                await self._all_answered.wait()
        except TimeoutError:
            log.info("a peer left with %d requests unanswered", len(self._owed))

    async def aclose(self) -> None:
        """Flush what can be flushed and close."""
        self._stream.close()

    async def _write(self, message: dict[str, Any]) -> None:
        self._blocked += 1
        if self._blocked >= BLOCKED_MAX:
            self._calm.clear()
        try:
            # The lock keeps what is buffered to one high-water mark, however many handlers finish at once.
            async with self._turn:
                if self._stream.is_closing():
                    raise anyio.BrokenResourceError
                self._stream.write(_encode(message) + b"\n")
                await self._stream.drain()
        except ConnectionError:
            raise anyio.BrokenResourceError from None
        finally:
            self._blocked -= 1
            if self._blocked < BLOCKED_MAX:
                self._calm.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class InvalidRequest(ValueError):
    """JSON that is no JSON-RPC 2.0 message."""


class LineReader:
    """Yields messages. What is no message is answered here and never reaches the server."""

    def __init__(self, stream: asyncio.StreamReader, writer: LineWriter, on_call: Callable[[], None]) -> None:
        self._stream = stream
        self._writer = writer
        self._on_call = on_call

    async def receive(self) -> SessionMessage | Exception:
        """The next message. Raises `anyio.EndOfStream` once the peer has closed and has its answers."""
        while True:
            await self._writer.calm()
            line = await self._line()
            if line is None:
                await self._writer.answered()
                raise anyio.EndOfStream
            message = await self._message(line)
            if message is not None:
                self._keep_account(message)
                return SessionMessage(message)

    async def aclose(self) -> None:
        """Nothing to do: the writer closes the connection."""

    async def _line(self) -> bytes | None:
        """The next line that is not empty, without its end; None at the end of the stream."""
        while True:
            try:
                line = await self._stream.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                return end.partial.strip() or None
            except asyncio.LimitOverrunError as overrun:
                await self._skip_line(overrun.consumed)
                await self._refuse(mcp_types.INVALID_REQUEST, f"a message may have at most {LINE_MAX} bytes")
            except ConnectionError:
                return None
            else:
                if line := line.strip():
                    return line

    async def _skip_line(self, consumed: int) -> None:
        while True:
            await self._stream.readexactly(consumed)
            try:
                await self._stream.readuntil(b"\n")
            except asyncio.LimitOverrunError as overrun:
                consumed = overrun.consumed
            except asyncio.IncompleteReadError:
                return
            else:
                return

    async def _message(self, line: bytes) -> mcp_types.JSONRPCMessage | None:
        try:
            raw = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            await self._refuse(mcp_types.PARSE_ERROR, "not JSON")
            return None
        try:
            _require_good_id(raw)
            return mcp_types.jsonrpc_message_adapter.validate_python(raw, by_name=False)
        except (InvalidRequest, ValidationError, RecursionError):
            await self._refuse(mcp_types.INVALID_REQUEST, "not a JSON-RPC 2.0 message")
            return None

    async def _refuse(self, code: int, text: str) -> None:
        try:
            await self._writer.send_error(code, text)
        except anyio.BrokenResourceError:
            log.debug("a peer sent something malformed and left")

    def _keep_account(self, message: mcp_types.JSONRPCMessage) -> None:
        if isinstance(message, mcp_types.JSONRPCRequest):
            self._writer.owe(message.id)
            if message.method == _CALL:
                self._on_call()
        elif isinstance(message, mcp_types.JSONRPCNotification) and message.method == _CANCELLED:
            # A cancelled request is never answered.
            cancelled = (message.params or {}).get("requestId")
            if isinstance(cancelled, str | int):
                self._writer.settle(cancelled)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _require_good_id(raw: object) -> None:
    """Refuse an ID that is neither text nor a whole number: the message would pass for a notification, unanswered."""
    if isinstance(raw, dict) and "id" in raw and type(raw["id"]) not in (str, int):
        raise InvalidRequest(f"id: expected text or a whole number, got {type(raw['id']).__name__}")


def line_streams(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_call: Callable[[], None]
) -> tuple[LineReader, LineWriter]:
    """The two ends of one connection, for `Server.run`. The reader's limit must be `LINE_MAX`.

    `on_call` hears of every tool call as soon as it was read, long before its handler runs.
    """
    lines = LineWriter(writer)
    return LineReader(reader, lines, on_call), lines
