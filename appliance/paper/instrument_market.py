"""One instrument in the engine: what is displayed on each side, and our orders that wait for it to move."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from readytrader_sdk.instruments import Instrument
from readytrader_sdk.market import Book, Level, Quote
from readytrader_sdk.money import INTEGER_DIGITS_MAX, ZERO
from readytrader_sdk.orders import Side

from appliance.paper.displayed import DisplayedSide, Shown
from appliance.paper.ledger import is_amount
from appliance.paper.working import OrderQueue, WorkingOrder

SIZE_LIMIT = Decimal(1).scaleb(INTEGER_DIGITS_MAX)


class InvalidMarket(ValueError):
    """A quote or book that no market can have: a price or size that is no sane number, or sides that cross."""


class InstrumentMarket:
    """Displayed sides and waiting orders of one instrument."""

    __slots__ = ("_resting", "_stops", "asks", "bids", "instrument", "waiting")

    def __init__(self, instrument: Instrument, *, share: Decimal) -> None:
        increment = instrument.quantity_increment
        self.instrument = instrument
        self.waiting = 0
        """How many orders rest or wait for their stop price."""
        self.asks = DisplayedSide(taker=Side.BUY, quantity_increment=increment, share=share)
        self.bids = DisplayedSide(taker=Side.SELL, quantity_increment=increment, share=share)
        self._resting = {Side.BUY: OrderQueue(highest_first=True), Side.SELL: OrderQueue(highest_first=False)}
        # A rising ask triggers the lowest buy stop first, a falling bid the highest sell stop.
        self._stops = {Side.BUY: OrderQueue(highest_first=False), Side.SELL: OrderQueue(highest_first=True)}

    def show_quote(self, quote: Quote) -> None:
        """Both sides become one level each. Raises `InvalidMarket`; nothing has changed then."""
        bid, ask = quote.bid, quote.ask
        if not (is_amount(bid) and is_amount(ask) and bid <= ask):
            raise InvalidMarket(f"quote of {quote.symbol}: expected 0 < bid <= ask, got bid {bid}, ask {ask}")
        bid_size, ask_size = quote.bid_size, quote.ask_size
        if not (_is_size(bid_size) and _is_size(ask_size)):
            raise InvalidMarket(f"quote of {quote.symbol}: expected sane sizes, got {bid_size} and {ask_size}")
        self.bids.show(((bid, bid_size),))
        self.asks.show(((ask, ask_size),))

    def show_book(self, book: Book) -> None:
        """Both sides become the book's levels. Raises `InvalidMarket`; nothing has changed then."""
        bids = _levels(book, "bids", book.bids)
        asks = _levels(book, "asks", book.asks)
        if any(worse[0] >= better[0] for better, worse in pairwise(bids)):
            raise InvalidMarket(f"book of {book.symbol}: bids do not fall from level to level")
        if any(worse[0] <= better[0] for better, worse in pairwise(asks)):
            raise InvalidMarket(f"book of {book.symbol}: asks do not rise from level to level")
        if bids and asks and bids[0][0] > asks[0][0]:
            raise InvalidMarket(f"book of {book.symbol}: bid {bids[0][0]} is above ask {asks[0][0]}")
        self.bids.show(bids)
        self.asks.show(asks)

    def taken_by(self, side: Side) -> DisplayedSide:
        """The displayed side that an order of `side` takes from."""
        return self.asks if side is Side.BUY else self.bids

    def is_triggered(self, side: Side, stop_price: Decimal) -> bool:
        """Buy: the ask is at or above the stop price. Sell: the bid is at or below it."""
        best = self.taken_by(side).best
        if best is None:
            return False
        return best >= stop_price if side is Side.BUY else best <= stop_price

    def let_rest(self, order: WorkingOrder) -> None:
        """The order waits in the book at its bound."""
        self._resting[order.request.side].add(order, order.bound)
        self.waiting += 1

    def let_wait_for_stop(self, order: WorkingOrder) -> None:
        """The order waits for its stop price."""
        self._stops[order.request.side].add(order, _stop_price(order))
        self.waiting += 1

    def withdraw(self, order: WorkingOrder) -> None:
        """Take the order out of wherever it waits."""
        if order.queue is None:
            return
        waits_for_stop = order.queue is self._stops[order.request.side]
        order.queue.remove(order, _stop_price(order) if waits_for_stop else order.bound)
        self.waiting -= 1

    def next_reached(self, side: Side) -> WorkingOrder | None:
        """The resting order of `side` that the displayed market has reached and that is served first."""
        queue = self._resting[side]
        price = queue.first_price()
        if price is None or not self.taken_by(side).is_reached_by(price):
            return None
        return queue.first()

    def next_triggered(self, side: Side) -> WorkingOrder | None:
        """The stop order of `side` that the displayed market has triggered and that is served first."""
        queue = self._stops[side]
        price = queue.first_price()
        if price is None or not self.is_triggered(side, price):
            return None
        return queue.first()


def _is_size(size: Decimal | None) -> bool:
    return size is None or (size.is_finite() and ZERO <= size < SIZE_LIMIT)


def _levels(book: Book, name: str, levels: Sequence[Level]) -> tuple[Shown, ...]:
    for level in levels:
        price, size = level.price, level.size
        if not (is_amount(price) and _is_size(size)):
            raise InvalidMarket(f"book of {book.symbol}: expected sane {name}, got {price} × {size}")
    return tuple((level.price, level.size) for level in levels)


def _stop_price(order: WorkingOrder) -> Decimal:
    if order.request.stop_price is None:
        raise AssertionError(f"order {order.request.client_order_id} waits for a stop price that it does not have")
    return order.request.stop_price
