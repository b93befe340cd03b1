"""What is pushed over `WS /ws`: the newest of each thing, to whoever is signed in, as fast as they take it.

A push is a hint. Nothing queues: per client one newest message per key is kept, so whoever is slow sees less, not late.
What happens in the core only marks a key as changed, which takes no time; messages are made twenty times a second, once
for all clients, and only while there are any.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec
from msgspec import Struct
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Quote
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.events import (
    ApprovalGiven,
    CancelRequested,
    Event,
    OrderPermitted,
    OrderReported,
    ProposalDecided,
    ProposalMade,
)
from appliance.service.core import Core
from appliance.transport.amounts import amount_text, number_text
from appliance.transport.operator_views import operator_order, portfolio_view, status_view
from appliance.transport.tool_results import units_of

log = logging.getLogger(__name__)

EVERY_S = 0.05
LOOK_EVERY = 20
"""Rounds from one look at status and portfolio to the next."""
STATUS_EVERY = 200
"""Rounds from one status to the next, where nothing changed."""
KEYS_MAX = 1000
"""Messages that wait for one client; beyond, the oldest goes."""

Key = tuple[str, str]


class Push(Struct, frozen=True, kw_only=True):
    type: str
    data: Any


class Ticker(Struct, frozen=True, kw_only=True, omit_defaults=True):
    symbol: str
    bid: str
    ask: str
    last: str | None = None
    timestamp_ms: int
    source: str


class Worth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    equity: str | None = None
    nav: str | None = None
    drawdown_pct: str | None = None


class ApprovalChange(Struct, frozen=True, kw_only=True):
    request_id: str
    state: str


class Client:
    """What waits to be sent to one of them."""

    def __init__(self) -> None:
        self.symbols: frozenset[str] | None = None
        """Whose prices are wanted; None: of all."""
        self._waiting: dict[Key, bytes] = {}
        self._woken = asyncio.Event()

    def put(self, key: Key, message: bytes) -> None:
        """Let it wait, in place of what waited under the key."""
        if key[0] == "TICKER_UPDATE" and self.symbols is not None and key[1] not in self.symbols:
            return
        self._waiting.pop(key, None)
        if len(self._waiting) >= KEYS_MAX:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[key] = message
        self._woken.set()

    async def take(self) -> list[bytes]:
        """Everything that waits, once there is something."""
        await self._woken.wait()
        self._woken.clear()
        taken, self._waiting = list(self._waiting.values()), {}
        return taken


class LiveUpdates:
    """Listens to the core, and makes messages for the clients."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._encode = msgspec.json.Encoder().encode
        self._clients: set[Client] = set()
        self._quotes: dict[str, tuple[str, Quote]] = {}
        self._orders: dict[str, None] = {}
        self._approvals: dict[str, str] = {}
        self._told: dict[Key, bytes] = {}
        self._pumping: asyncio.Task[None] | None = None
        core.bus.subscribe(self._on_tick)
        core.recorder.listen(self._on_event)

    def join(self) -> Client:
        """A client that gets everything from now on, and how things stand."""
        client = Client()
        self._clients.add(client)
        for message in (self._status(), self._worth()):
            client.put(*message)
        for key, told in self._told.items():
            client.put(key, told)
        if self._pumping is None or self._pumping.done():
            self._pumping = asyncio.create_task(self._pump(), name="live-updates")
        return client

    def leave(self, client: Client) -> None:
        """Nothing more for this one."""
        self._clients.discard(client)

    def _on_tick(self, source: str, tick: object) -> None:
        if isinstance(tick, Quote) and self._clients:
            self._quotes[tick.symbol] = (source, tick)

    def _on_event(self, event: Event) -> None:
        if not self._clients:
            return
        match event:
            case OrderPermitted(request=request):
                self._orders[request.request_id] = None
            case OrderReported(report=report):
                self._orders[report.client_order_id] = None
            case CancelRequested(client_order_id=order_id):
                self._orders[order_id] = None
            case ProposalMade(request=request):
                self._approvals[request.request_id] = "pending"
            case ProposalDecided(request_id=request_id, state=state):
                self._approvals[request_id] = state
            case ApprovalGiven(request_id=request_id):
                self._approvals[request_id] = "pending"

    async def _pump(self) -> None:
        count, status_before = 0, self._gist()
        while self._clients:
            await asyncio.sleep(EVERY_S)
            count += 1
            try:
                self._tell_changes()
                if count % LOOK_EVERY == 0:
                    self._tell_if_new(*self._worth())
                    gist = self._gist()
                    if gist != status_before or count % STATUS_EVERY == 0:
                        status_before = gist
                        self._tell(*self._status())
            except Exception:
                log.exception("a live update failed")
        self._told.clear()

    def _tell_changes(self) -> None:
        quotes, self._quotes = self._quotes, {}
        for symbol, (source, quote) in quotes.items():
            key = ("TICKER_UPDATE", symbol)
            self._told[key] = self._message(key, _ticker(source, quote))
            self._tell(key, self._told[key])
        orders, self._orders = self._orders, {}
        for order_id in orders:
            order = self._core.state.orders.get(ClientOrderId(order_id))
            if order is not None:
                key = ("ORDER_UPDATE", order_id)
                self._tell(key, self._message(key, operator_order(order)))
        approvals, self._approvals = self._approvals, {}
        for request_id, state in approvals.items():
            key = ("APPROVAL_UPDATE", request_id)
            self._tell(key, self._message(key, ApprovalChange(request_id=request_id, state=state)))

    def _tell(self, key: Key, message: bytes) -> None:
        for client in self._clients:
            client.put(key, message)

    def _tell_if_new(self, key: Key, message: bytes) -> None:
        if self._told.get(key) != message:
            self._told[key] = message
            self._tell(key, message)

    def _message(self, key: Key, data: Struct) -> bytes:
        return self._encode(Push(type=key[0], data=data))

    def _status(self) -> tuple[Key, bytes]:
        key = ("STATUS_UPDATE", "")
        return key, self._message(key, status_view(self._core))

    def _gist(self) -> object:
        """What of the status is news."""
        core = self._core
        workers = () if core.plugins is None else tuple((it.name, it.state) for it in core.plugins.health())
        return (
            core.halt.is_halted(),
            tuple(core.state.scopes.values()),
            core.recorder.failure,
            len(core.approvals.pending()),
            len(core.state.live_orders),
            workers,
            tuple(one.health().problem for one in core.venues),
            tuple(it.notice_id for it in core.notices.failed()),
        )

    def _worth(self) -> tuple[Key, bytes]:
        key, view = ("PORTFOLIO_UPDATE", ""), portfolio_view(self._core)
        marks = self._core.portfolio.performance(
            self._core.portfolio.equity(self._core.clock()).total, self._core.clock()
        )
        drawdown = None
        if marks.nav is not None and marks.nav_peak:
            drawdown = number_text(round((marks.nav_peak - marks.nav) / marks.nav_peak * 100, 4))
        return key, self._message(key, Worth(equity=view.equity, nav=view.nav, drawdown_pct=drawdown))


def _ticker(source: str, quote: Quote) -> Ticker:
    unit = units_of(Symbol(quote.symbol))[1]
    return Ticker(
        symbol=quote.symbol,
        bid=amount_text(quote.bid, unit),
        ask=amount_text(quote.ask, unit),
        last=None if quote.last is None else amount_text(quote.last, unit),
        timestamp_ms=int(quote.observed_at.timestamp() * 1000),
        source=source,
    )
