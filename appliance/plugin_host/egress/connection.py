"""One connection of a worker, from its pipe's first byte to the last: request, judgement, dialling, tunnel."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from msgspec import Struct

from appliance.plugin_host.egress import http_connect
from appliance.plugin_host.egress.ledger import Ledger
from appliance.plugin_host.egress.outside import Outside, ResolverReplaced
from appliance.plugin_host.egress.rules import EgressRules, Verdict, judge, judge_address, shown
from appliance.plugin_host.egress.tunnel import pass_through

_ADDRESSES_MAX = 4
"""So many of a name's addresses are tried. All of them are judged."""


class Bounds(Struct, frozen=True, kw_only=True):
    """What one worker can ask of the broker."""

    head_bytes: int = 4096
    head_s: float = 5
    """Seconds to send a request; a pipe that is held open without one ends then."""
    connect_s: float = 10
    """Seconds to resolve and connect, over all addresses."""
    connections: int = 64
    """At once, those that are still being asked for among them."""
    per_second: float = 20
    """New connections, after a first `connections` at once; what is asked above it waits."""
    resolving: int = 4
    """Names being resolved at once. A look-up cannot be cancelled, so that a slow one keeps its place."""


class Connector:
    """Makes the connections of one worker."""

    def __init__(
        self,
        rules: EgressRules,
        ledger: Ledger,
        outside: Outside,
        bounds: Bounds,
        resolvers: Executor,
        on_resolver_replaced: Callable[[], None],
    ) -> None:
        self._rules = rules
        self._ledger = ledger
        self._outside = outside
        self._bounds = bounds
        self._resolvers = resolvers
        self._on_resolver_replaced = on_resolver_replaced
        self._resolving = asyncio.Semaphore(bounds.resolving)

    async def serve(self, pipe: socket.socket) -> None:
        """Read the pipe's request, connect it, and stay until both sides are done. Owns and closes the pipe."""
        with pipe:
            try:
                outer, rest = await self._establish(pipe)
            except _Refused as refused:
                await _say(pipe, http_connect.refusal(refused.status, refused.reason), self._bounds.head_s)
                return
            except ConnectionError:
                return  # the worker left before it was answered
            self._ledger.opened()
            try:
                await pass_through(
                    pipe,
                    outer,
                    greeting=http_connect.ESTABLISHED,
                    first=rest,
                    on_out=self._ledger.moved_out,
                    on_in=self._ledger.moved_in,
                )
            finally:
                self._ledger.closed()

    async def _establish(self, pipe: socket.socket) -> tuple[socket.socket, bytes]:
        """The connection that the pipe's request asks for, and what the worker sent after the request."""
        head, rest = await self._read_head(pipe)
        try:
            target = http_connect.parse_head(head)
        except http_connect.Unreadable as error:
            raise _Refused(400, str(error)) from error
        verdict = judge(self._rules, target.host, target.port)
        if not verdict.is_allowed:
            raise self._refuse(verdict, verdict.reason)
        try:
            async with asyncio.timeout(self._bounds.connect_s):
                return await self._connect(verdict), rest
        except TimeoutError as error:
            raise _Refused(504, f"no connection within {self._bounds.connect_s:g} s") from error

    async def _read_head(self, pipe: socket.socket) -> tuple[bytes, bytes]:
        """The request without the empty line that ends it, and what came after it."""
        loop = asyncio.get_running_loop()
        read = b""
        try:
            async with asyncio.timeout(self._bounds.head_s):
                while http_connect.HEAD_END not in read:
                    if len(read) >= self._bounds.head_bytes:
                        raise _Refused(431, f"a request of more than {self._bounds.head_bytes} bytes")
                    piece = await loop.sock_recv(pipe, self._bounds.head_bytes - len(read))
                    if not piece:
                        raise ConnectionAbortedError("the worker ended its pipe before its request")
                    read += piece
        except TimeoutError as error:
            raise _Refused(408, f"no request within {self._bounds.head_s:g} s") from error
        head, _, rest = read.partition(http_connect.HEAD_END)
        return head, rest

    async def _connect(self, verdict: Verdict) -> socket.socket:
        """Resolve once, judge every address, and connect to one that was judged."""
        addresses = (verdict.host,) if verdict.is_address else await self._resolve(verdict)
        for address in addresses:
            reason = judge_address(verdict, address, is_own=self._outside.is_own(address))
            if reason:
                raise self._refuse(verdict, reason)
        tried = addresses[:_ADDRESSES_MAX]
        fault: OSError = OSError("the name has no address")
        for address in tried:
            try:
                async with asyncio.timeout(self._bounds.connect_s / len(tried)):
                    return await self._outside.dial(address, verdict.port)
            except OSError as error:  # TimeoutError is one
                fault = error
        if isinstance(fault, TimeoutError):
            raise _Refused(504, "no answer to the attempt to connect") from fault
        raise _Refused(502, os.strerror(fault.errno).lower() if fault.errno else str(fault)) from fault

    async def _resolve(self, verdict: Verdict) -> Sequence[str]:
        await self._resolving.acquire()
        looking = asyncio.get_running_loop().run_in_executor(
            self._resolvers, self._outside.resolve, verdict.host, verdict.port
        )
        looking.add_done_callback(self._resolved)
        try:
            return await asyncio.shield(looking)
        except OSError as error:
            if isinstance(error, ResolverReplaced):
                self._on_resolver_replaced()
            raise _Refused(502, f"the name does not resolve: {error.strerror or type(error).__name__}") from error

    def _resolved(self, looking: asyncio.Future[Sequence[str]]) -> None:
        self._resolving.release()
        if not looking.cancelled():
            looking.exception()  # seen, even where nobody waits for it any more

    def _refuse(self, verdict: Verdict, reason: str) -> _Refused:
        """A refusal that is counted and told: an attempt to go where the worker may not."""
        host = f"[{verdict.host}]" if ":" in verdict.host else verdict.host
        self._ledger.refused(shown(f"{host}:{verdict.port}"), reason)
        return _Refused(403, reason)


class _Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def _say(pipe: socket.socket, answer: bytes, patience_s: float) -> None:
    """Send an answer, if the worker is there to take it."""
    try:
        async with asyncio.timeout(patience_s):
            await asyncio.get_running_loop().sock_sendall(pipe, answer)
    except OSError:  # it left, or does not read: nothing is owed to it
        return
