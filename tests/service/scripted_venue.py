"""A venue that does what a test tells it to, and a worker's handle on it without a process: the real gate before it."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from readytrader_sdk.instruments import Asset, Instrument, Symbol, VenueId
from readytrader_sdk.orders import (
    Balance,
    ClientOrderId,
    ExecutionReport,
    Fill,
    Liquidity,
    OrderRequest,
    OrderState,
    OrderType,
    Side,
)
from readytrader_sdk.ports import KeyRights

from appliance.domain.decision import SignedPermit
from appliance.plugin_host.gate import Gate, Movable, NotSent
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.specs import WorkerSpec

EVERY_OPTION = frozenset(
    {"replace_order", "cancel_all_orders", "cancel_all_after", "key_rights", "venue_time", "stream_reports"}
)
HARMLESS = KeyRights(can_trade=True, can_withdraw=False)
ENDED = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED})


class Book(msgspec.Struct, kw_only=True):
    """One order as the venue has it."""

    order: OrderRequest
    state: OrderState = OrderState.OPEN
    fills: tuple[Fill, ...] = ()


class ScriptedVenue:
    """Takes what it is sent: market orders fill at once, limit orders rest until the test fills or ends them."""

    def __init__(self, clock: Callable[[], datetime], instrument: Instrument) -> None:
        self.book: dict[ClientOrderId, Book] = {}
        self.money: dict[Asset, Decimal] = {Asset("USDT"): Decimal(100_000), Asset("BTC"): Decimal(1)}
        self.sent: list[ClientOrderId] = []
        """What reached the venue to move value, in order."""
        self.asked: list[str] = []
        """The names of the other calls, in order."""
        self.hidden: set[ClientOrderId] = set()
        """Orders that no list shows and no question finds."""
        self.foreign: list[str] = []
        self.before: dict[str, deque[BaseException]] = defaultdict(deque)
        """Per method, what is raised instead of acting, once each."""
        self.after: dict[str, deque[BaseException]] = defaultdict(deque)
        """Per method, what is raised after having acted, once each."""
        self.always: dict[str, BaseException] = {}
        """Per method, what is raised instead of acting, until taken away."""
        self.on_ask: Callable[[str], None] = lambda _method: None
        self.skew = timedelta(0)
        self.rights = HARMLESS
        self.rules: tuple[Instrument, ...] = (instrument,)
        self.armed: list[int] = []
        """The seconds of each call of the dead-man's switch."""
        self.news: asyncio.Queue[ExecutionReport | BaseException] = asyncio.Queue()
        self._clock = clock
        self._fills = 0

    # what a test does there

    def fill(self, client_order_id: ClientOrderId, quantity: str, price: str = "50000", *, told: bool = True) -> Fill:
        """A part of a resting order is executed; the stream says so, or misses it."""
        book, self._fills = self.book[client_order_id], self._fills + 1
        fill = Fill(
            fill_id=f"t{self._fills}",
            price=Decimal(price),
            quantity=Decimal(quantity),
            fee=Decimal(0),
            fee_asset=Asset("USDT"),
            liquidity=Liquidity.MAKER,
            filled_at=self._clock(),
        )
        sign = 1 if book.order.side is Side.BUY else -1
        self.money[Asset("BTC")] += sign * fill.quantity
        self.money[Asset("USDT")] -= sign * fill.quantity * fill.price
        book.fills += (fill,)
        if book.state not in ENDED or self.filled(client_order_id) == book.order.quantity:
            whole = self.filled(client_order_id) == book.order.quantity
            book.state = OrderState.FILLED if whole else OrderState.PARTLY_FILLED
        if told:
            self.tell(msgspec.structs.replace(self.report(client_order_id), fills=(fill,)))
        return fill

    def end(self, client_order_id: ClientOrderId, state: OrderState, *, told: bool = True) -> None:
        """The venue ends an order by itself."""
        self.book[client_order_id].state = state
        if told:
            self.tell(msgspec.structs.replace(self.report(client_order_id), fills=()))

    def tell(self, report: ExecutionReport) -> None:
        """Say something over the stream."""
        self.news.put_nowait(report)

    def filled(self, client_order_id: ClientOrderId) -> Decimal:
        return sum((fill.quantity for fill in self.book[client_order_id].fills), Decimal(0))

    def report(self, client_order_id: ClientOrderId) -> ExecutionReport:
        """The order as it is, with all its fills."""
        book = self.book[client_order_id]
        return ExecutionReport(
            client_order_id=client_order_id, state=book.state, reported_at=self._clock(), fills=book.fills
        )

    def open_ids(self) -> set[ClientOrderId]:
        return {one for one, book in self.book.items() if book.state not in ENDED}

    # `ExchangePort` and its optional ports

    def _arrive(self, method: str) -> None:
        self.asked.append(method)
        self.on_ask(method)
        if self.before[method]:
            raise self.before[method].popleft()
        if method in self.always:
            raise self.always[method]

    def _leave(self, method: str) -> None:
        if self.after[method]:
            raise self.after[method].popleft()

    async def instruments(self) -> Sequence[Instrument]:
        self._arrive("instruments")
        return self.rules

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        self._arrive("place_order")
        report = self._take(order)
        self._leave("place_order")
        return report

    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        self._arrive("replace_order")
        self.book[replaced].state = OrderState.CANCELLED
        self.tell(self.report(replaced))
        report = self._take(order)
        self._leave("replace_order")
        return report

    def _take(self, order: OrderRequest) -> ExecutionReport:
        self.sent.append(order.client_order_id)
        self.book[order.client_order_id] = Book(order=order)
        if order.order_type is OrderType.MARKET:
            price = "50010" if order.side is Side.BUY else "50000"
            self.fill(order.client_order_id, str(order.quantity), price, told=False)
        return self.report(order.client_order_id)

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        self._arrive("cancel_order")
        book = self.book.get(client_order_id)
        if book is None:
            return _never_seen(client_order_id, self._clock())
        if book.state not in ENDED:
            book.state = OrderState.CANCELLED
        self._leave("cancel_order")
        return self.report(client_order_id)

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        self._arrive("find_order")
        seen = client_order_id in self.book and client_order_id not in self.hidden
        return self.report(client_order_id) if seen else None

    async def open_orders(self) -> Sequence[ExecutionReport]:
        self._arrive("open_orders")
        own = [self.report(one) for one in self.open_ids() - self.hidden]
        strangers = [
            ExecutionReport(client_order_id=ClientOrderId(name), state=OrderState.OPEN, reported_at=self._clock())
            for name in self.foreign
        ]
        return own + strangers

    async def balances(self) -> Sequence[Balance]:
        self._arrive("balances")
        return [Balance(asset=asset, total=total, free=total) for asset, total in self.money.items() if total]

    async def cancel_all_orders(self) -> None:
        self._arrive("cancel_all_orders")
        self.foreign.clear()
        for client_order_id in self.open_ids():
            self.end(client_order_id, OrderState.CANCELLED)

    async def cancel_all_after(self, seconds: int) -> None:
        self._arrive("cancel_all_after")
        self.armed.append(seconds)

    async def key_rights(self) -> KeyRights:
        self._arrive("key_rights")
        return self.rights

    async def caveats(self) -> Sequence[str]:
        return ("it has no list of orders that ended",)

    async def venue_time(self) -> datetime:
        self._arrive("venue_time")
        return self._clock() + self.skew

    async def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        while True:
            news = await self.news.get()
            if isinstance(news, BaseException):
                raise news
            yield news


def _never_seen(client_order_id: ClientOrderId, at: datetime) -> ExecutionReport:
    return ExecutionReport(client_order_id=client_order_id, state=OrderState.ABSENT, reported_at=at)


class Handle:
    """As `supervisor.Worker`, in this process: the gate is the worker's own, the venue behind it the test's."""

    def __init__(self, spec: WorkerSpec, venue: ScriptedVenue, options: frozenset[str], host: ScriptedHost) -> None:
        self.spec = spec
        self.optional_methods = options
        self.is_up = asyncio.Event()
        self.is_up.set()
        self._venue = venue
        key = Ed25519PublicKey.from_public_bytes(spec.permit_key)
        self._gate = Gate(venue, key, host.clock, lambda: host.halted, VenueId(spec.venue))

    async def up(self) -> None:
        await self.is_up.wait()

    async def call(
        self, method: str, *args: object, permit: SignedPermit | None = None, timeout_s: float | None = None
    ) -> object:
        if not self.is_up.is_set():
            raise NotSent(f"{self.spec.name} is down")
        async with asyncio.timeout(timeout_s):
            if permit is not None:
                return await self._gate.perform(permit, cast(Movable, args[-1]))
            return await getattr(self._venue, method)(*args)

    async def stream(self, method: str, *args: object) -> AsyncGenerator[Sequence[object], None]:
        async for item in getattr(self._venue, method)(*args):
            yield (item,)


class ScriptedHost:
    """As `PluginHost`, with one scripted venue for every exchange."""

    def __init__(self, venue: ScriptedVenue, clock: Callable[[], datetime], options: frozenset[str]) -> None:
        self.venue = venue
        self.clock = clock
        self.halted = False
        self.handles: dict[str, Handle] = {}
        self._options = options

    def add(self, specs: Iterable[WorkerSpec]) -> None:
        self.handles = {
            spec.name: Handle(spec, self.venue, self._options, self) for spec in specs if spec.kind is Kind.EXCHANGE
        }

    async def start(self) -> None:
        """They run already."""

    async def aclose(self) -> None:
        """Nothing is left."""

    def __getitem__(self, name: str) -> Any:
        return self.handles[name]

    def set_halted(self, halted: bool) -> None:
        self.halted = halted

    def health(self) -> tuple[()]:
        return ()
