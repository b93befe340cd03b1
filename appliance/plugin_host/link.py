"""The core's end of one worker's link: calls go out, and nothing that comes back is believed before it was checked.

A worker may answer what it was asked, once, with a value of the method's type; send stream items within the credit that
it was given; answer pings; and log. Whatever else it sends ends the link. When a link ends, every call in flight fails:
as *outcome unknown* where it may have moved value, as *unavailable* where it can be made again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import count
from time import monotonic_ns

import msgspec
from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, PluginError, Unavailable, Unsupported

from appliance.domain.decision import SignedPermit
from appliance.plugin_host.frames import FrameProtocol, LinkBroken, open_link
from appliance.plugin_host.gate import NotSent, PermitRefused
from appliance.plugin_host.hearsay import PluginLog, printable
from appliance.plugin_host.kinds import Method
from appliance.plugin_host.messages import (
    Call,
    CallId,
    Cancel,
    Credit,
    Ended,
    Failed,
    Fault,
    FromCore,
    FromWorker,
    Halted,
    Items,
    Logged,
    Ping,
    Pong,
    Ready,
    Refused,
    Returned,
    Start,
    encode,
    encode_value,
    seconds_to_wait,
)
from appliance.plugin_host.results import Impossible, items_of, result_of
from appliance.plugin_host.specs import WorkerSpec

IN_FLIGHT_MAX = 256
ABANDONED_MAX = 1024
"""Calls that nobody waits for any more whose late answer is still taken for one; of the older ones it is an offence."""
CREDIT = 1024
"""Items of a stream that a worker may be ahead."""
STREAM_BYTES_MAX = 32 * 1024 * 1024
"""Bytes of a stream that may wait to be looked at."""

_log = logging.getLogger(__name__)
_decode = msgspec.msgpack.Decoder(FromWorker).decode
_NOTHING_SENT = {Fault.MISCONFIGURED: Misconfigured, Fault.UNSUPPORTED: Unsupported}


class _Lost(Struct, frozen=True):
    """In place of an answer: there will be none."""

    reason: str


class CallAnswered(Struct, frozen=True, kw_only=True):
    """One call of a worker that was answered, for measurements. Times are of the host's monotonic clock, in ns."""

    worker: str
    method: str
    asked_ns: int
    answered_ns: int
    began_ns: int
    """When the worker says that it began: its word, kept within the two times above; and so the next."""
    ended_ns: int
    fault: str | None
    """How it failed; None for a result."""


OnAnswer = Callable[[CallAnswered], None]
"""Called in the context of whoever made the call; it neither blocks nor raises."""


class _Listening:
    """A stream that somebody listens to: what has arrived, and how much more may."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[Items | Ended | Failed | _Lost] = asyncio.Queue()
        self.credit = CREDIT
        self.bytes_waiting = 0


class Link:
    """One worker's, from `connect` until it closes; never used again after that."""

    def __init__(self, name: str, on_answer: OnAnswer = lambda _answered: None) -> None:
        self.name = name
        self._on_answer = on_answer
        self.close_reason: str | None = None
        """None while it is open."""
        self._loop = asyncio.get_running_loop()
        self._protocol: FrameProtocol | None = None
        self._closed = asyncio.Event()
        self._hello: asyncio.Future[Ready | Refused | _Lost] = self._loop.create_future()
        self._ids = count(1)
        self._calls: dict[CallId, asyncio.Future[Returned | Failed | _Lost]] = {}
        self._streams: dict[CallId, _Listening] = {}
        self._abandoned: OrderedDict[CallId, int] = OrderedDict()
        """What nobody waits for any more, with the credit that a stream had left."""
        self._plugin_log = PluginLog(name, self._loop.time)
        self._pong = asyncio.Event()
        self._pong.set()

    # life

    async def connect(self, sock: socket.socket) -> None:
        """Take over our end of the worker's channel, which is the link's to close from now on."""
        self._protocol = await open_link(sock, self._take, self._end)

    async def start(self, spec: WorkerSpec) -> Ready | Refused:
        """Tell the worker what it is, and wait for its word. Raises `LinkBroken`."""
        self._send(Start(spec=spec))
        word = await asyncio.shield(self._hello)
        if isinstance(word, _Lost):
            raise LinkBroken(word.reason)
        return word

    async def closed(self) -> str:
        """Wait until the link is closed; why."""
        await self._closed.wait()
        return self.close_reason or ""

    def close(self, reason: str) -> None:
        """Close it now: what is in flight fails with this reason."""
        if self._protocol is not None:
            self._protocol.close(reason)

    async def aclose(self) -> None:
        """Close it, where it is not closed; its socket is closed when this returns."""
        if self._protocol is not None:
            self.close("the worker is ended")
            await self._closed.wait()

    async def keep_asking(self, every_s: float, answer_s_max: float) -> None:
        """Ping for ever; close the link when an answer takes too long. Returns when the link is closed."""
        while self.close_reason is None:
            await asyncio.sleep(every_s)
            self._pong.clear()
            try:
                self._send(Ping())
                async with asyncio.timeout(answer_s_max):
                    await self._pong.wait()
            except LinkBroken:
                return
            except TimeoutError:
                self.close(f"no answer to a ping for {answer_s_max:g} s")

    def tell_halted(self, *, halted: bool) -> None:
        """Tell the worker's gate. Harmless when the link is closed: the next one is told at its start."""
        self._tell(Halted(halted=halted))

    @property
    def in_flight(self) -> int:
        """Calls and streams that somebody waits for."""
        return len(self._calls) + len(self._streams)

    # calls

    async def call(
        self, method: Method, args: tuple[object, ...], permit: SignedPermit | None, timeout_s: float
    ) -> object:
        """Make one call. Raises the SDK's errors, `NotSent` and `PermitRefused`."""
        call_id, asked_ns = self._open(method), monotonic_ns()
        answer: asyncio.Future[Returned | Failed | _Lost] = self._loop.create_future()
        self._calls[call_id] = answer
        try:
            self._ask(call_id, method, args, permit, timeout_s)
        except BaseException:
            self._calls.pop(call_id, None)
            raise
        timer = self._loop.call_later(timeout_s, self._give_up, call_id, method.name, timeout_s)
        try:
            reply = await answer
        except asyncio.CancelledError:
            self._abandon(call_id)
            raise
        finally:
            timer.cancel()
        self._on_answer(_answered(self.name, method.name, asked_ns, reply))
        if not isinstance(reply, Returned):
            raise self._error(method, reply)
        try:
            return result_of(method, reply.value)
        except Impossible as error:
            raise self._error(method, self._offended(f"{method.name} returned {error}")) from error

    async def stream(self, method: Method, args: tuple[object, ...]) -> AsyncGenerator[Sequence[object], None]:
        """Open a stream; its items, some at a time. Raises the SDK's errors. Closing the generator cancels it."""
        call_id = self._open(method)
        listening = _Listening()
        self._streams[call_id] = listening
        consumed = 0
        try:
            self._ask(call_id, method, args, None, 0)
            self._tell(Credit(call_id=call_id, items=CREDIT))
            while isinstance(message := await listening.arrived.get(), Items):
                listening.bytes_waiting -= len(message.values)
                try:
                    yield items_of(method, message.values, message.count)
                except Impossible as error:
                    raise self._error(method, self._offended(f"{method.name} delivered {error}")) from error
                consumed += message.count
                if consumed >= CREDIT // 2 and call_id in self._streams:
                    listening.credit += consumed
                    self._tell(Credit(call_id=call_id, items=consumed))
                    consumed = 0
            if not isinstance(message, Ended):
                raise self._error(method, message)
        finally:
            self._abandon(call_id)

    def _open(self, method: Method) -> CallId:
        if self.close_reason is not None:
            raise NotSent(f"{self.name}: {method.name} was not sent: {self.close_reason}")
        if self.in_flight >= IN_FLIGHT_MAX:
            raise NotSent(f"{self.name}: {method.name} was not sent: {self.in_flight} calls are in flight already")
        return next(self._ids)

    def _ask(
        self,
        call_id: CallId,
        method: Method,
        args: tuple[object, ...],
        permit: SignedPermit | None,
        timeout_s: float,
    ) -> None:
        """Raises `NotSent`."""
        text = encode_value(args)
        try:
            self._send(Call(call_id=call_id, method=method.name, args=text, timeout_s=timeout_s, permit=permit))
        except (LinkBroken, ValueError) as error:
            raise NotSent(f"{self.name}: {method.name} was not sent: {error}") from error

    def _give_up(self, call_id: CallId, method: str, timeout_s: float) -> None:
        answer = self._calls.get(call_id)
        if answer is not None and not answer.done():
            self._abandon(call_id)
            answer.set_result(_Lost(f"{method} was not answered within {timeout_s:g} s"))

    def _abandon(self, call_id: CallId) -> None:
        """Nobody waits for it any more: tell the worker, and expect a late answer. Harmless when it was answered."""
        listening = self._streams.pop(call_id, None)
        if listening is None and self._calls.pop(call_id, None) is None:
            return
        self._abandoned[call_id] = listening.credit if listening is not None else 0
        if len(self._abandoned) > ABANDONED_MAX:
            self._abandoned.popitem(last=False)
        self._tell(Cancel(call_id=call_id))

    def _error(self, method: Method, reply: Failed | _Lost) -> PluginError | PermitRefused:
        """What the caller is to know of a failure. In doubt, what may have moved value has."""
        in_doubt = OutcomeUnknown if method.action is not None else Unavailable
        if isinstance(reply, _Lost):
            return in_doubt(f"{self.name}: {reply.reason}")
        text = f"{self.name}: {printable(reply.text)}"
        if reply.fault is Fault.PERMIT_REFUSED:
            return PermitRefused(text)
        if reply.fault is Fault.UNAVAILABLE:
            return Unavailable(text, retry_after_s=seconds_to_wait(reply.retry_after_s))
        return _NOTHING_SENT.get(reply.fault, in_doubt)(text)

    # what arrives

    def _take(self, body: bytes) -> None:
        try:
            message = _decode(body)
        except Exception as error:  # noqa: BLE001 - whatever foreign bytes make a decoder raise, they are no message
            self._offended(f"sent what is no message ({type(error).__name__})")
            return
        if isinstance(message, Returned | Failed) and (answer := self._calls.pop(message.call_id, None)) is not None:
            if not answer.done():
                answer.set_result(message)
        elif isinstance(message, Logged):
            if not self._plugin_log.take(message.level, message.text):
                self._offended("logs without end")
        elif not self._hello.done():
            self._take_hello(message)
        elif isinstance(message, Pong) and not self._pong.is_set():
            self._pong.set()
        elif isinstance(message, Returned | Failed | Items | Ended):
            self._take_of_stream(message)
        else:
            self._offended(f"sent {type(message).__name__} unasked")

    def _take_hello(self, message: FromWorker) -> None:
        if isinstance(message, Ready | Refused):
            self._hello.set_result(message)
        else:
            self._offended(f"sent {type(message).__name__} before it was ready")

    def _take_of_stream(self, message: Returned | Failed | Items | Ended) -> None:
        """Or the late answer to something abandoned, which is dropped."""
        call_id = message.call_id
        listening = self._streams.get(call_id)
        if listening is None and call_id not in self._abandoned:
            self._offended(f"answered call {call_id}, which is not open")
        elif isinstance(message, Items):
            credit = listening.credit if listening is not None else self._abandoned[call_id]
            if not 0 < message.count <= credit:
                self._offended(f"sent {message.count} items with a credit of {credit}")
            elif listening is None:
                self._abandoned[call_id] = credit - message.count
            else:
                self._queue(listening, message)
        elif listening is None:
            del self._abandoned[call_id]
        elif isinstance(message, Returned):
            self._offended(f"answered stream {call_id} like a call")
        else:
            del self._streams[call_id]
            listening.arrived.put_nowait(message)

    def _queue(self, listening: _Listening, items: Items) -> None:
        listening.credit -= items.count
        listening.bytes_waiting += len(items.values)
        if listening.bytes_waiting > STREAM_BYTES_MAX:
            self._offended(f"sent more than {STREAM_BYTES_MAX} bytes of a stream ahead")
        else:
            listening.arrived.put_nowait(items)

    def _offended(self, offence: str) -> _Lost:
        """It did what no worker of ours does: end the link, and say so by name."""
        _log.warning("worker %s %s: its link is closed", self.name, offence)
        self.close(offence)
        return _Lost(offence)

    def _send(self, message: FromCore) -> None:
        if self._protocol is None:
            raise LinkBroken("not connected")
        self._protocol.send(encode(message))

    def _tell(self, message: FromCore) -> None:
        """Send what needs no answer. On a closed link it has no meaning: whoever waits is told by `_end`."""
        if self._protocol is not None and self._protocol.is_open:
            self._protocol.send(encode(message))

    def _end(self, reason: str) -> None:
        """Called once, when the link is gone."""
        self.close_reason = reason
        lost = _Lost(reason)
        if not self._hello.done():
            self._hello.set_result(lost)
        for answer in self._calls.values():
            if not answer.done():
                answer.set_result(lost)
        for listening in self._streams.values():
            listening.arrived.put_nowait(lost)
        self._calls.clear()
        self._streams.clear()
        self._pong.set()
        self._closed.set()


def _answered(worker: str, method: str, asked_ns: int, reply: Returned | Failed | _Lost) -> CallAnswered:
    """What a call was like, with a worker's own times only as far as they can be true."""
    answered_ns = monotonic_ns()
    began_ns, ended_ns = (asked_ns, answered_ns) if isinstance(reply, _Lost) else (reply.began_ns, reply.ended_ns)
    began_ns = min(max(began_ns, asked_ns), answered_ns)
    fault = "lost" if isinstance(reply, _Lost) else reply.fault.value if isinstance(reply, Failed) else None
    return CallAnswered(
        worker=worker,
        method=method,
        asked_ns=asked_ns,
        answered_ns=answered_ns,
        began_ns=began_ns,
        ended_ns=min(max(ended_ns, began_ns), answered_ns),
        fault=fault,
    )
