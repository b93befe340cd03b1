"""Calls through ccxt: reads are repeated within their time, what moves value is sent once, cancels wait for nobody.

Every error leaves as one of the SDK's, with a code of ours. A request that moves value goes out only if it carries the
order's ID: ccxt drops what it does not know, and an order without our name could not be asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar

from readytrader_sdk.errors import OutcomeUnknown, PluginError, Unavailable, Unsupported
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import MarketType, Symbol

from builtin_plugins.ccxt_exchange.amounts import Unreadable
from builtin_plugins.ccxt_exchange.errors import RETRIED, Judged, Verdict, judged, says_not_found
from builtin_plugins.ccxt_exchange.nonce import RisingNonce
from builtin_plugins.ccxt_exchange.orders import Refused
from builtin_plugins.ccxt_exchange.symbols import Market, demanded, readable_markets
from builtin_plugins.ccxt_loading import Choice, exchange_class, made

T = TypeVar("T")
ATTEMPTS, FIRST_PAUSE_S = 4, 0.15
"""Of a read, doubled each time."""
READ_S, LIST_S, LOADING_S = 9.0, 27.0, 55.0
"""Within the times that the core waits: for one order, for lists, for all instruments."""
NONCES_RISE = frozenset({"kraken"})
"""Exchanges that take a request only if its nonce is above that of the one before."""

_urgent: ContextVar[bool] = ContextVar("urgent", default=False)
_carried: ContextVar[str] = ContextVar("carried", default="")


class NotCarried(Exception):
    """The request that was about to be sent does not carry our client order ID."""


class NotThere(Exception):
    """The venue says that it has no such order."""


class Client:
    """One account at one exchange."""

    def __init__(
        self,
        choice: Choice,
        context: PluginContext,
        keys: Mapping[str, str],
        *,
        streaming: bool,
        only: frozenset[Symbol] = frozenset(),
    ) -> None:
        """`only` are the symbols that there are, of all that the venue has. Raises `Misconfigured`."""
        self.name = context.name
        self.state_folder = context.state_folder
        self.only = only
        self.market_type: MarketType = choice.market_type
        kind = _guarded(exchange_class(choice.exchange_id, streaming=streaming))
        self.api: Any = made(choice, context.name, keys=keys, class_of=kind)
        """ccxt's object: methods by the venue's endpoints, parsers, signatures."""
        rising = self.nonces_rise = choice.exchange_id in NONCES_RISE
        if rising:
            self.api.nonce = RisingNonce(context.state_folder)
        self._reading: AbstractAsyncContextManager[object] = asyncio.Lock() if rising else nullcontext()
        self._sending: AbstractAsyncContextManager[object] = asyncio.Lock() if rising else nullcontext()
        self.streaming = asyncio.Lock()
        """Held by the one stream of reports: the one before must have closed its sockets."""
        self._markets: dict[Symbol, Market] = {}
        self._loading = asyncio.Lock()

    async def markets(self, *, fresh: bool = False) -> Mapping[Symbol, Market]:
        """The markets of the instance's type. Raises `Unavailable`."""
        async with self._loading:
            if fresh or not self._markets:
                found = await self.read(lambda: self.api.load_markets(reload=True), within_s=LOADING_S)
                readable = readable_markets(found, self.market_type, self.api.precisionMode)
                self._markets = {name: one for name, one in readable.items() if not self.only or name in self.only}
            return self._markets

    def known(self, symbol: Symbol) -> Market | None:
        """One of the markets that were loaded."""
        return self._markets.get(symbol)

    async def market(self, symbol: Symbol) -> Market:
        """One market. Raises `Unavailable`, and `Unsupported` for a symbol that is none of them."""
        return demanded(await self.markets(), symbol, self.market_type)

    async def read(self, call: Callable[[], Awaitable[T]], *, within_s: float = READ_S) -> T:
        """Make a call that changes nothing, again where that may help. Raises `Unavailable`, and `NotThere`."""
        try:
            async with asyncio.timeout(within_s):
                return await self._repeated(call)
        except TimeoutError:
            raise Unavailable("no_answer_in_time") from None

    async def _repeated(self, call: Callable[[], Awaitable[T]]) -> T:
        pause = FIRST_PAUSE_S
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with nullcontext() if _urgent.get() else self._reading:
                    await self._let_pass()
                    return await call()
            except (PluginError, NotThere):
                raise
            except Exception as error:  # noqa: BLE001 - whatever ccxt raises, a read that failed is `Unavailable`
                if says_not_found(error):
                    raise NotThere from None
                found = judged(error)
                if attempt == ATTEMPTS or found.code not in RETRIED:
                    raise Unavailable(str(found)) from None
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    async def _let_pass(self) -> None:
        """Where nonces rise: wait for an order that is on its way, which a later nonce could overtake and undo."""
        if self.nonces_rise and not _urgent.get():
            async with self._sending:
                return

    async def send(self, wire_id: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that moves value, once.

        Raises `Refused` with a code, `Unavailable` when it provably did not arrive, else `OutcomeUnknown`.
        """
        token = _carried.set(wire_id)
        try:
            async with self._sending:
                return await call()
        except (PluginError, Refused):
            raise
        except NotCarried:
            raise Unsupported("this exchange would be sent an order without its client order ID") from None
        except Exception as error:  # noqa: BLE001 - every error is judged; what is not known is unknown
            raise _of_sending(judged(error)) from None
        finally:
            _carried.reset(token)

    async def urgent(self, call: Callable[[], Awaitable[T]], *, within_s: float = READ_S) -> T:
        """A cancellation, or a question about the time: waits for no rate limiter and for no other call.

        It may be made again.
        """
        token = _urgent.set(True)
        try:
            return await self.read(call, within_s=within_s)
        finally:
            _urgent.reset(token)


def _of_sending(found: Judged) -> Exception:
    if found.code == "not_supported":
        return Unsupported("not_supported")
    if found.verdict is Verdict.NOT_SENT:
        return Unavailable(str(found))
    if found.verdict is Verdict.REFUSED:
        return Refused(found.code)
    return OutcomeUnknown(str(found))


def _guarded(base: type[Any]) -> type[Any]:
    """The exchange's class, with our rules in its two narrow places: before the queue, and before the socket."""

    class Guarded(base):  # type: ignore[misc] # its base is known only when it is loaded
        async def throttle(self, cost: object = None) -> None:
            """Cancellations do not queue."""
            if not _urgent.get():
                await super().throttle(cost)

        async def fetch(self, url: str, method: str = "GET", headers: object = None, body: str | None = None) -> object:
            """Nothing that must carry an ID leaves without it."""
            wanted = _carried.get()
            if wanted and wanted not in url and wanted not in (body or ""):
                raise NotCarried
            return await super().fetch(url, method, headers, body)

    Guarded.__name__ = base.__name__
    return Guarded


def answer(value: object, *path: str) -> Any:
    """A part of a venue's answer. Raises `Unreadable` that names what is missing."""
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise Unreadable(f"no {name} in the answer")
        value = value[name]
    return value


def listed(value: object, *path: str) -> list[Any]:
    """A list in a venue's answer. Raises `Unreadable`."""
    found = answer(value, *path)
    if not isinstance(found, list):
        raise Unreadable(f"{path[-1] if path else 'the answer'} is no list")
    return found
