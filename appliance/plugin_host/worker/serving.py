"""Serves one plugin's port to the core until the core is gone: every call is answered once, whatever the plugin does.

A call that moves value goes through the gate, with its permit. A plugin that raises, hangs, lies about types or
swallows its cancellation spoils its own call and no other. The core is believed; what it sends and is no message of
ours ends the worker, as nobody knows then what it meant.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic_ns
from typing import Any

import msgspec
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, Unavailable, Unsupported

from appliance.domain.decision import SignedPermit
from appliance.plugin_host.frames import FrameProtocol
from appliance.plugin_host.hearsay import TEXT_MAX
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
    Ping,
    Pong,
    Returned,
    encode,
    seconds_to_wait,
)
from appliance.plugin_host.worker.loading import is_coroutine
from appliance.plugin_host.worker.methods import ImpossibleResult, Prepared
from appliance.plugin_host.worker.output import Output, where
from appliance.plugin_host.worker.streams import Stream

IN_FLIGHT_MAX = 256
LINGERING_MAX = 512
"""Calls that were answered for the plugin and still run; with more, the worker ends."""
TIMEOUT_S_MAX = 3600.0
THREADS = 4

SERVED, MALFORMED = 0, 2
"""Exit codes: the core has gone; the core sent what is no message."""

Perform = Callable[[SignedPermit, Any], Awaitable[Any]]
"""As `gate.Gate.perform`."""

MakeGate = Callable[[object, Callable[[], bool]], Perform]
"""A gate's `perform`, before a port, while the function does not say that trading is halted."""

Gates = tuple[MakeGate, tuple[type[Exception], ...]]
"""With it, what a gate raises when it did not call the port. A plain tuple: nothing exchanges its parts by name."""

_decode: Callable[[bytes], FromCore] = msgspec.msgpack.Decoder(FromCore).decode
_FAULTS = (
    (Unavailable, Fault.UNAVAILABLE),
    (OutcomeUnknown, Fault.OUTCOME_UNKNOWN),
    (Misconfigured, Fault.MISCONFIGURED),
    (Unsupported, Fault.UNSUPPORTED),
)
_PONG = encode(Pong())


class CallRefused(Exception):
    """A call that moves value has no permit that could be for it; the plugin was not called."""


class _InFlight:
    """A call, or a stream, that was not answered yet."""

    __slots__ = ("began_ns", "call_id", "deadline", "method", "stream", "task")

    def __init__(self, call_id: CallId, method: Method) -> None:
        self.call_id = call_id
        self.method = method
        self.began_ns = monotonic_ns()
        self.deadline: asyncio.TimerHandle | None = None
        self.stream: Stream | None = None
        self.task: asyncio.Task[None] | None = None


class Server:
    """One worker's. `take` is given every frame; `ended` tells when there is no more to do."""

    def __init__(
        self,
        methods: Mapping[str, Prepared],
        port: object,
        optional: Collection[str],
        gates: Gates | None,
        output: Output,
    ) -> None:
        """`optional` are the optional methods that the plugin has. Without `gates`, nothing that moves value passes."""
        self._methods = methods
        self._calls: Mapping[str, Callable[..., Any]] = {
            name: getattr(port, name) for name, one in methods.items() if not one.method.optional or name in optional
        }
        self._perform: Perform | None = None
        self._refusals: tuple[type[Exception], ...] = (CallRefused,)
        if gates is not None:
            make_gate, refusals = gates
            self._perform = make_gate(port, lambda: self._is_halted)
            self._refusals += refusals
        self._is_halted = True
        """By the core's last word; until it says otherwise."""
        self._output = output
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="call")
        self._in_flight: dict[CallId, _InFlight] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._link: FrameProtocol | None = None
        self.ended: asyncio.Future[int] = self._loop.create_future()

    # the link

    def connect(self, link: FrameProtocol) -> None:
        """Answer over this link, which gives its frames to `take`, and its end to `closed`."""
        self._link = link

    def send(self, message: FromWorker) -> None:
        """Send a message; on a closed link it has no meaning any more."""
        self._send_frame(encode(message))

    def closed(self, _reason: str) -> None:
        """The core is gone."""
        self._end(SERVED)

    def take(self, body: bytes) -> None:
        """One frame from the core."""
        try:
            message = _decode(body)
        except (msgspec.MsgspecError, ValueError) as error:
            self._malformed(f"no message: {type(error).__name__}")
            return
        if isinstance(message, Call):
            self._take_call(message)
        elif isinstance(message, Ping):
            self._send_frame(_PONG)
        elif isinstance(message, Credit):
            self._take_credit(message)
        elif isinstance(message, Cancel):
            self._give_up(message.call_id, "cancelled")
        elif isinstance(message, Halted):
            self._is_halted = message.halted
        else:
            self._malformed(f"{type(message).__name__} to a worker that is started")

    def _send_frame(self, body: bytes) -> None:
        if self._link is not None and self._link.is_open:
            self._link.send(body)

    def _malformed(self, what: str) -> None:
        self._output.announce(logging.ERROR, f"the worker ends: the core sent {what}")
        self._end(MALFORMED)

    def _end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)

    # calls

    def _take_call(self, message: Call) -> None:
        known = self._methods.get(message.method)
        if known is None or message.call_id in self._in_flight:
            self._malformed(f"a call of {message.method[:40]!r}, or one of a number that is in use")
            return
        method = known.method
        try:
            arguments = known.arguments(message.args)
        except (msgspec.MsgspecError, ValueError):
            self._malformed(f"wrong arguments for {method.name}")
            return
        if not method.streams and not (math.isfinite(message.timeout_s) and 0 < message.timeout_s <= TIMEOUT_S_MAX):
            self._malformed(f"{method.name} with a timeout of {message.timeout_s} s")
        elif len(self._in_flight) >= IN_FLIGHT_MAX:
            self._refuse(message.call_id, Fault.UNAVAILABLE, f"{IN_FLIGHT_MAX} calls are in flight already")
        elif method.name not in self._calls:
            self._refuse(message.call_id, Fault.UNSUPPORTED, f"this plugin has no {method.name}")
        else:
            self._start(message, known, arguments)

    def _start(self, message: Call, known: Prepared, arguments: tuple[Any, ...]) -> None:
        call = _InFlight(message.call_id, known.method)
        self._in_flight[message.call_id] = call
        if known.method.streams:
            call.stream = Stream(call.call_id, known.encode, self.send, self._drained)
            work = self._run_stream(call, call.stream, arguments)
        else:
            call.deadline = self._loop.call_later(
                message.timeout_s, self._give_up, call.call_id, f"no answer within {message.timeout_s:g} s"
            )
            work = self._run(call, known, arguments, message.permit)
        call.task = self._loop.create_task(work)
        self._running.add(call.task)
        call.task.add_done_callback(self._running.discard)
        if len(self._running) > IN_FLIGHT_MAX + LINGERING_MAX:
            self._output.announce(logging.ERROR, "the worker ends: too many calls outlive their cancellation")
            self._end(SERVED)

    def _take_credit(self, message: Credit) -> None:
        call = self._in_flight.get(message.call_id)
        if message.items <= 0 or (call is not None and call.stream is None):
            self._malformed("credit that none can be")
        elif call is not None and call.stream is not None:
            call.stream.grant(message.items)

    async def _run(
        self, call: _InFlight, known: Prepared, arguments: tuple[Any, ...], permit: SignedPermit | None
    ) -> None:
        try:
            value = known.encode(await self._invoke(known.method, arguments, permit))
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, an exit too; it fails its call
            self._failed(call, error)
        else:
            times = call.began_ns, monotonic_ns()
            self._finish(call, Returned(call_id=call.call_id, value=value, began_ns=times[0], ended_ns=times[1]))

    async def _run_stream(self, call: _InFlight, stream: Stream, arguments: tuple[Any, ...]) -> None:
        try:
            await stream.pump(self._calls[call.method.name](*arguments))
        except BaseException as error:  # noqa: BLE001 - as in `_run`
            self._failed(call, error)
        else:
            self._finish(call, Ended(call_id=call.call_id))

    def _invoke(self, method: Method, arguments: tuple[Any, ...], permit: SignedPermit | None) -> Awaitable[Any]:
        if method.action is not None:
            return self._move(method, arguments, permit)
        function = self._calls[method.name]
        if is_coroutine(method):
            result: Awaitable[Any] = function(*arguments)
            return result
        return self._loop.run_in_executor(self._threads, function, *arguments)

    async def _move(self, method: Method, arguments: tuple[Any, ...], permit: SignedPermit | None) -> Any:
        """Through the gate, or not at all."""
        if self._perform is None:
            raise CallRefused(f"{method.name}: this worker has no key to check a permit with")
        if permit is None:
            raise CallRefused(f"{method.name}: there is no permit")
        if permit.permit.action is not method.action:
            raise CallRefused(f"{method.name}: the permit is for {permit.permit.action}")
        *replaced, payload = arguments
        if replaced and replaced[0] != permit.permit.replaces:
            raise CallRefused(f"{method.name}: the permit replaces another order")
        return await self._perform(permit, payload)

    async def _drained(self) -> None:
        if self._link is not None:
            await self._link.drained()

    # answers

    def _failed(self, call: _InFlight, error: BaseException) -> None:
        """Answer with the fault that an error is, unless the call was answered already."""
        if not self._is_open(call):
            return
        if isinstance(error, self._refusals):
            self._fail(call, Fault.PERMIT_REFUSED, _text(error))
            return
        if isinstance(error, ImpossibleResult):
            self._fail(call, Fault.BROKEN, str(error))
            return
        for kind, fault in _FAULTS:
            if isinstance(error, kind):
                self._fail(call, fault, _text(error), seconds_to_wait(getattr(error, "retry_after_s", None)))
                return
        self._output.say(logging.ERROR, f"{call.method.name} raised {where(error)}")
        self._fail(call, Fault.BROKEN, f"{call.method.name} raised {type(error).__name__}")

    def _give_up(self, call_id: CallId, why: str) -> None:
        """Answer a call for the plugin, and cancel it: it may end when it likes."""
        call = self._in_flight.get(call_id)
        if call is None:
            return
        in_doubt = Fault.OUTCOME_UNKNOWN if call.method.action is not None else Fault.UNAVAILABLE
        self._fail(call, in_doubt, f"{call.method.name}: {why}")
        if call.task is not None:
            call.task.cancel()

    def _fail(self, call: _InFlight, fault: Fault, text: str, retry_after_s: float | None = None) -> None:
        failed = Failed(
            call_id=call.call_id,
            fault=fault,
            text=self._output.fit(text, TEXT_MAX),
            began_ns=call.began_ns,
            ended_ns=monotonic_ns(),
            retry_after_s=retry_after_s,
        )
        self._finish(call, failed)

    def _finish(self, call: _InFlight, message: Returned | Failed | Ended) -> None:
        if not self._is_open(call):
            return
        if call.deadline is not None:
            call.deadline.cancel()
        if call.stream is not None:
            call.stream.close()
        del self._in_flight[call.call_id]
        self.send(message)

    def _is_open(self, call: _InFlight) -> bool:
        """Whether it was not answered yet: the core may use its number again once it was."""
        return self._in_flight.get(call.call_id) is call

    def _refuse(self, call_id: CallId, fault: Fault, text: str) -> None:
        self.send(Failed(call_id=call_id, fault=fault, text=text))


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - foreign code makes the text; then there is none
        return f"{type(error).__name__}, whose text cannot be read ({type(broken).__name__})"
