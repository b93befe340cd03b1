"""One account of the local exchange: its money, its orders, its matching engine, and the keys that open it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import Balance, Side

from appliance.local_exchange.faults import Stopwatch
from appliance.local_exchange.values import ClientIds, Refused, VenueFill, VenueOrder
from appliance.paper.engine import MatchingEngine
from appliance.paper.ledger import Account as Party
from appliance.paper.ledger import Ledger, Posting
from appliance.paper.reasons import Reason
from appliance.paper.settings import PaperSettings


class Key(Struct, frozen=True, kw_only=True):
    """One key, and what it may do."""

    name: str
    secret: str
    can_trade: bool = True
    can_withdraw: bool = False


class Account:
    """What one owner has and has ordered. Orders are values: the newest state of each is in `orders`."""

    def __init__(self, name: str, instruments: Iterable[Instrument], settings: PaperSettings) -> None:
        self.name = name
        self.ledger = Ledger()
        self.engine = MatchingEngine(instruments, self.ledger, settings)
        self.orders: dict[int, VenueOrder] = {}
        self.open: dict[int, VenueOrder] = {}
        self.by_engine_id: dict[str, int] = {}
        self.by_client_id: dict[str, int] = {}
        """The newest order under each client order ID."""
        self.order_ids: dict[Symbol, list[int]] = {}
        self.fills: dict[Symbol, list[VenueFill]] = {}
        self.hidden: dict[int, Stopwatch] = {}
        """Orders that nobody can find for now."""
        self.answer_is_lost = False
        """Whether the answer to the order just taken must not arrive; whoever answers asks `loses_answer`."""
        self._told: dict[Asset, tuple[Decimal, Decimal]] = {}
        self._lagging: tuple[Stopwatch, tuple[Balance, ...]] | None = None

    def deposit(self, balances: Mapping[Asset, Decimal]) -> None:
        """Add to the balances. Raises `InvalidAmount`."""
        for asset, amount in balances.items():
            if amount:
                self.ledger.deposit(asset, amount)
        self.changed_balances()

    def keep(self, order: VenueOrder) -> VenueOrder:
        """Remember the newest state of an order."""
        number = order.order_id
        if number not in self.orders:
            self.order_ids.setdefault(order.request.symbol, []).append(number)
        self.orders[number] = order
        if order.request.client_order_id is not None:
            self.by_client_id[order.request.client_order_id] = number
        if order.is_open:
            self.open[number] = order
        else:
            self.open.pop(number, None)
        return order

    def keep_fill(self, fill: VenueFill) -> None:
        """Remember a trade."""
        self.fills.setdefault(fill.symbol, []).append(fill)

    def require_free(self, client_order_id: str | None, client_ids: ClientIds) -> None:
        """Raises `Refused` when the client order ID is taken."""
        number = self.by_client_id.get(client_order_id) if client_order_id is not None else None
        if number is None:
            return
        if client_ids is ClientIds.UNIQUE_FOR_EVER or self.orders[number].is_open:
            raise Refused(Reason.DUPLICATE_CLIENT_ORDER_ID)

    def is_visible(self, order_id: int) -> bool:
        """Whether lists and look-ups know the order already."""
        watch = self.hidden.get(order_id)
        if watch is None:
            return True
        if watch.is_running:
            return False
        del self.hidden[order_id]
        return True

    def loses_answer(self) -> bool:
        """Whether the wire must leave the call that it has just made without an answer."""
        lost, self.answer_is_lost = self.answer_is_lost, False
        return lost

    def balances(self) -> tuple[Balance, ...]:
        """Every non-zero balance, or what it was while a lag holds."""
        if self._lagging is not None:
            watch, before = self._lagging
            if watch.is_running:
                return before
            self._lagging = None
        return self.ledger.balances()

    def lag(self, ms: int, before: tuple[Balance, ...]) -> None:
        """Tell balances as they were, for `ms`."""
        self._lagging = (Stopwatch(ms), before)

    def changed_balances(self) -> tuple[Balance, ...]:
        """The balances that differ from those of the last call."""
        changed = []
        for asset in self.ledger.assets():
            now = (self.ledger.total(asset), self.ledger.free(asset))
            if self._told.get(asset, (ZERO, ZERO)) != now:
                self._told[asset] = now
                changed.append(Balance(asset=asset, total=now[0], free=now[1]))
        return tuple(changed)

    def told_balances(self) -> tuple[Balance, ...]:
        """The balances as of the last call of `changed_balances`."""
        return tuple(
            Balance(asset=asset, total=total, free=free) for asset, (total, free) in self._told.items() if total
        )

    def book_raced_fill(self, fill: VenueFill, base: Asset) -> None:
        """Book a trade that the engine knows nothing of. Raises `Overdraft` when it cannot be paid."""
        quote = Asset(fill.fee_asset)
        seller, buyer = (Party.MARKET, Party.OWNER) if fill.side is Side.BUY else (Party.OWNER, Party.MARKET)
        postings = [Posting(base, seller, buyer, fill.quantity), Posting(quote, buyer, seller, fill.notional)]
        if fill.fee:
            postings.append(Posting(quote, Party.OWNER, Party.FEES, fill.fee))
        self.ledger.post(*postings)
