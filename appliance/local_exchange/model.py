"""The local exchange itself, whatever wire it is spoken to over: accounts, orders, markets, and what they do.

Everything is synchronous and takes effect at once; `paper.MatchingEngine`, one for each account, does the matching
against what is displayed. Accounts do not trade with one another. Timers (dated orders, the dead-man's switch, delays
of faults) run on the event loop. Each thing that happens is in the record before anybody is told.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Book, Quote, Trade
from readytrader_sdk.money import EXACT, ZERO
from readytrader_sdk.orders import ClientOrderId, Fill, OrderState

from appliance.local_exchange.account import Account, Key
from appliance.local_exchange.board import Board, MarketListener, market_print, print_of
from appliance.local_exchange.faults import Fault, Faults, Stopwatch
from appliance.local_exchange.news import Listener, Newsroom, Unsubscribe
from appliance.local_exchange.queries import Queries
from appliance.local_exchange.record import Record
from appliance.local_exchange.terms import (
    amended_request,
    engine_request,
    next_engine_id,
    raced_fill,
    raced_quantity,
    venue_fill,
    with_fill,
)
from appliance.local_exchange.values import (
    ClientIds,
    Event,
    EventKind,
    Refusal,
    Refused,
    Request,
    VenueOrder,
)
from appliance.paper.engine import Reports
from appliance.paper.reasons import Reason
from appliance.paper.settings import PaperSettings

Clock = Callable[[], datetime]

FIRST_ORDER_ID = 1_000_001
FIRST_TRADE_ID = 5_000_001
ENDED_BY_THE_CLIENT = frozenset({Reason.REQUESTED, Reason.REPLACED})


class LocalExchange(Queries):
    """One venue. All methods are for its wires and for who started it; close it when done."""

    def __init__(
        self,
        instruments: Iterable[Instrument],
        clock: Clock,
        *,
        ledger_path: Path | None = None,
        faults: Faults | None = None,
        settings: PaperSettings | None = None,
        client_ids: ClientIds = ClientIds.UNIQUE_AMONG_OPEN,
    ) -> None:
        self.faults = Faults() if faults is None else faults
        self.settings = PaperSettings() if settings is None else settings
        self._board = Board(instruments)
        self.displays = self._board.displays
        self._clock = clock
        self._client_ids = client_ids
        self._record = Record(ledger_path)
        self._keys: dict[str, tuple[Key, Account]] = {}
        self._accounts: dict[str, Account] = {}
        self._newsrooms: dict[str, Newsroom] = {}
        self._order_ids = itertools.count(FIRST_ORDER_ID)
        self._trade_ids = itertools.count(FIRST_TRADE_ID)
        self.switches: dict[str, asyncio.TimerHandle] = {}
        self._due_timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Stop the timers and let go of the record."""
        for timer in (*self.switches.values(), self._due_timer):
            if timer is not None:
                timer.cancel()
        self._record.close()

    # who may come in

    def register_key(
        self,
        key: str,
        secret: str,
        *,
        can_trade: bool = True,
        can_withdraw: bool = False,
        balances: Mapping[Asset, Decimal] | None = None,
        account: str | None = None,
    ) -> Account:
        """Let `key` in. Keys registered under one `account` name share it; without a name a key has its own.

        `balances` are added to the account's. Raises `InvalidAmount`, and `ValueError` for a key that is there.
        """
        if key in self._keys:
            raise ValueError(f"key {key[:8]}…: registered twice")
        name = f"account-{len(self._accounts) + 1}" if account is None else account
        if name not in self._accounts:
            instruments = [display.instrument for display in self.displays.values()]
            opened = self._accounts[name] = Account(name, instruments, self.settings)
            self._newsrooms[name] = Newsroom(self.faults)
            now = self._clock()
            for shown in self._board.books(now):
                opened.engine.on_book(shown, now)
        found = self._accounts[name]
        self._keys[key] = (Key(name=key, secret=secret, can_trade=can_trade, can_withdraw=can_withdraw), found)
        self.deposit(found, balances or {})
        return found

    def key(self, name: str) -> tuple[Key, Account] | None:
        """The key of that name with its account, or None."""
        return self._keys.get(name)

    def account(self, name: str) -> Account:
        """The account of that name. Raises `KeyError`."""
        return self._accounts[name]

    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order opened."""
        return tuple(self._accounts.values())

    def deposit(self, account: Account, balances: Mapping[Asset, Decimal]) -> None:
        """Add play money. Raises `InvalidAmount`."""
        for asset, amount in balances.items():
            if amount:
                account.ledger.deposit(asset, amount)
                self._record.write("deposit", self.now_ms(), account.name, asset=asset, amount=amount)
        self._tell_balances(account)

    # what time it is

    def now_ms(self) -> int:
        """The venue's clock in Unix milliseconds, a skew included."""
        return self._ms(self._clock())

    def _ms(self, at: datetime) -> int:
        return int(at.timestamp() * 1000) + self.faults.skew_ms

    # orders

    def place(self, account: Account, request: Request) -> VenueOrder:
        """Take one order and work it. Raises `Refused`; then there is no such order."""
        try:
            order = self._place(account, request)
        except Refused as refusal:
            facts = {"client_order_id": request.client_order_id, "reason": refusal.reason}
            self._record.write("rejected", self.now_ms(), account.name, symbol=request.symbol, **facts)
            raise
        self._tell_balances(account)
        self._arm(account)
        return order

    def _place(self, account: Account, request: Request) -> VenueOrder:
        display = self.displays.get(request.symbol)
        if display is None:
            raise Refused(Reason.UNKNOWN_INSTRUMENT)
        account.require_free(request.client_order_id, self._client_ids)
        if request.quote_quantity is not None:
            quantity = display.quantity_for(request.side, request.quote_quantity)
            request = msgspec.structs.replace(request, quantity=quantity)
        number, now = next(self._order_ids), self._clock()
        now_ms = self._ms(now)
        engine_id = str(number)
        wanted = engine_request(request, engine_id, request.quantity, display)
        reports = account.engine.submit(wanted, now)
        last = reports[-1]
        if last.state is OrderState.REJECTED:
            raise Refused(Reason(last.reason or Reason.UNKNOWN_ORDER))
        order = VenueOrder(
            order_id=number,
            request=request,
            state=OrderState.OPEN,
            created_ms=now_ms,
            updated_ms=now_ms,
            is_working=request.stop_price is None,
            engine_id=engine_id,
        )
        account.keep(order)
        account.by_engine_id[engine_id] = number
        hidden_ms = self.faults.take_ms(Fault.ORDER_UNKNOWN_FOR_A_WHILE)
        if hidden_ms is not None:
            account.hidden[number] = Stopwatch(hidden_ms)
        late_ms = self.faults.take_ms(Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT)
        if late_ms is not None:
            self._newsrooms[account.name].delay(number, late_ms)
            account.answer_is_lost = True
        self._note(account, EventKind.ACCEPTED, order)
        self._absorb(account, reports)
        return account.orders[number]

    def cancel(self, account: Account, order_id: int) -> VenueOrder:
        """Cancel what is left of an order. Raises `Refused`: unknown, ended, or the venue will not."""
        order = self.find(account, order_id)
        if order is None:
            raise Refused(Reason.UNKNOWN_ORDER)
        if not order.is_open:
            raise Refused(Reason.NOT_OPEN)
        if self.faults.take(Fault.CANCEL_REFUSED):
            raise Refused(Refusal.CANCEL_REFUSED)
        told = self._cancel(account, order)
        self._tell_balances(account)
        return told

    def _cancel(self, account: Account, order: VenueOrder) -> VenueOrder:
        """The order as the venue tells it: a fill that raced with the cancellation is told later."""
        display = self.displays[order.request.symbol]
        raced = raced_quantity(order, display)
        ms = self.faults.take_ms(Fault.FILL_AFTER_CANCEL) if raced else None
        if ms is None:
            self._absorb(account, account.engine.cancel(ClientOrderId(order.engine_id), self._clock()))
            return account.orders[order.order_id]
        account.engine.cancel(ClientOrderId(order.engine_id), self._clock())
        told = msgspec.structs.replace(
            order, state=OrderState.CANCELLED, reason=Reason.REQUESTED, updated_ms=self.now_ms()
        )
        fee_rate = self.settings.maker_fee_rate
        fill = raced_fill(order, raced, fee_rate, display, next(self._trade_ids), told.updated_ms)
        account.book_raced_fill(fill, display.instrument.base)
        account.keep_fill(fill)
        self._record.write_fill(account.name, order.request.client_order_id, fill)
        truth = account.keep(with_fill(told, fill))
        self._record.write_order(EventKind.CANCELLED.value, account.name, truth)
        newsroom = self._newsrooms[account.name]
        newsroom.tell(Event(kind=EventKind.CANCELLED, at_ms=told.updated_ms, order=told))
        newsroom.tell_later(Event(kind=EventKind.FILL, at_ms=fill.at_ms, order=truth, fill=fill), ms)
        return told

    def cancel_all(self, account: Account, symbol: Symbol | None = None) -> list[VenueOrder]:
        """Cancel every open order, of one instrument or of all."""
        orders = [order for order in account.open.values() if symbol is None or order.request.symbol == symbol]
        cancelled = [self._cancel(account, order) for order in orders]
        self._tell_balances(account)
        return cancelled

    def cancel_all_after(self, account: Account, seconds: int) -> None:
        """The dead-man's switch: cancel everything `seconds` from now unless called again before; 0 disarms it."""
        armed = self.switches.pop(account.name, None)
        if armed is not None:
            armed.cancel()
        if seconds:
            loop = asyncio.get_running_loop()
            self.switches[account.name] = loop.call_later(seconds, self.cancel_all, account)

    def amend(
        self,
        account: Account,
        order_id: int,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        client_order_id: str | None = None,
    ) -> VenueOrder:
        """Change an open order in one step; it keeps its number. `quantity` is the whole, filled parts included.

        Raises `Refused`; the order is then as it was.
        """
        order = self.find(account, order_id)
        if order is None:
            raise Refused(Reason.UNKNOWN_ORDER)
        if not order.is_open:
            raise Refused(Reason.NOT_OPEN)
        asked = order.request
        request = amended_request(asked, quantity, limit_price, stop_price, client_order_id)
        if client_order_id not in (None, asked.client_order_id):
            account.require_free(client_order_id, self._client_ids)
        remaining = EXACT.subtract(request.quantity, order.filled)
        if remaining <= ZERO:
            raise Refused(Refusal.AMEND)
        engine_id = next_engine_id(order.engine_id)
        wanted = engine_request(request, engine_id, remaining, self.displays[request.symbol])
        reports = account.engine.replace(ClientOrderId(order.engine_id), wanted, self._clock())
        if reports[-1].state is OrderState.REJECTED:
            raise Refused(Reason(reports[-1].reason or Reason.UNKNOWN_ORDER))
        del account.by_engine_id[order.engine_id]
        account.by_engine_id[engine_id] = order_id
        amended = msgspec.structs.replace(order, request=request, engine_id=engine_id, updated_ms=self.now_ms())
        account.keep(amended)
        self._note(account, EventKind.AMENDED, amended, previous_client_order_id=asked.client_order_id)
        self._absorb(account, reports)
        self._tell_balances(account)
        self._arm(account)
        return account.orders[order_id]

    # what can be asked

    def listen(self, account: Account, listener: Listener) -> Unsubscribe:
        """Tell `listener` everything that happens to the account, until the function returned is called."""
        return self._newsrooms[account.name].listen(listener)

    def watch(self, listener: MarketListener) -> Unsubscribe:
        """Tell `listener` everything that changes in the markets, until the function returned is called."""
        return self._board.watch(listener)

    # the market moves

    def show(self, tick: Quote | Book | Trade) -> None:
        """Display another market or print a trade; what rests and is reached fills.

        Raises `InvalidMarket` for what no market can have (nothing is displayed then), `KeyError` for an instrument
        that is not traded here.
        """
        now, now_ms = self._clock(), self.now_ms()
        if isinstance(tick, Trade):
            self._board.show_trade(market_print(tick, next(self._trade_ids), now_ms))
            return
        moved = []
        for account in self._accounts.values():
            engine = account.engine
            reports = engine.on_quote(tick, now) if isinstance(tick, Quote) else engine.on_book(tick, now)
            if reports:
                moved.append((account, reports))
        self._board.show(tick, now_ms)
        for account, reports in moved:
            self._absorb(account, reports)
            self._tell_balances(account)

    # what the engine says

    def _absorb(self, account: Account, reports: Reports) -> None:
        """Take over what the engine reports, piece by piece: each is recorded, remembered and told."""
        for report in reports:
            number = account.by_engine_id.get(report.client_order_id)
            if number is None:
                continue
            order = account.orders[number]
            for fill in report.fills:
                order = self._take_fill(account, order, fill)
            if report.state in (OrderState.CANCELLED, OrderState.EXPIRED):
                reason = Reason(report.reason) if report.reason is not None else None
                by_client = reason in ENDED_BY_THE_CLIENT
                ended = msgspec.structs.replace(
                    order,
                    state=OrderState.CANCELLED if by_client else OrderState.EXPIRED,
                    reason=reason,
                    updated_ms=self.now_ms(),
                )
                account.keep(ended)
                self._note(account, EventKind.CANCELLED if by_client else EventKind.EXPIRED, ended)
            elif report.reason == Reason.TRIGGERED:
                account.keep(msgspec.structs.replace(order, is_working=True))

    def _take_fill(self, account: Account, order: VenueOrder, fill: Fill) -> VenueOrder:
        display = self.displays[order.request.symbol]
        taken = venue_fill(order, fill, display, next(self._trade_ids), self._ms(fill.filled_at))
        order = account.keep(with_fill(order, taken))
        account.keep_fill(taken)
        self._record.write_fill(account.name, order.request.client_order_id, taken)
        self._newsrooms[account.name].tell(Event(kind=EventKind.FILL, at_ms=taken.at_ms, order=order, fill=taken))
        self._board.show_trade(print_of(taken))
        return order

    def _note(
        self, account: Account, kind: EventKind, order: VenueOrder, previous_client_order_id: str | None = None
    ) -> None:
        self._record.write_order(kind.value, account.name, order)
        event = Event(kind=kind, at_ms=order.updated_ms, order=order, previous_client_order_id=previous_client_order_id)
        self._newsrooms[account.name].tell(event)

    def _tell_balances(self, account: Account) -> None:
        before = account.told_balances()
        changed = account.changed_balances()
        if not changed:
            return
        lag_ms = self.faults.take_ms(Fault.BALANCE_LAG)
        if lag_ms is not None:
            account.lag(lag_ms, before)
        event = Event(kind=EventKind.BALANCE, at_ms=self.now_ms(), balances=changed)
        self._newsrooms[account.name].tell_later(event, lag_ms or 0)

    # timers

    def _arm(self, account: Account) -> None:
        """See to it that dated orders expire with nobody asking."""
        due_at = account.engine.next_due_at()
        if due_at is None or self._due_timer is not None:
            return
        wait_s = max((due_at - self._clock()).total_seconds(), 0)
        self._due_timer = asyncio.get_running_loop().call_later(wait_s, self._advance)

    def _advance(self) -> None:
        self._due_timer = None
        for account in self._accounts.values():
            self._absorb(account, account.engine.advance(self._clock()))
            self._tell_balances(account)
            self._arm(account)
