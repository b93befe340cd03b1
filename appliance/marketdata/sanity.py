"""What can be said of a tick without knowing any other: it is well formed, finite, positive, not crossed.

Types are checked although they are declared: a plugin is not obliged to have run a type checker, and one `float`
or one `NaN` let in here would be inside every later sum.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from readytrader_sdk.market import Book, Candle, Level, Quote, Sentiment, Trade
from readytrader_sdk.money import FRACTION_DIGITS_MAX, INTEGER_DIGITS_MAX, ONE, ZERO

from appliance.marketdata.values import Verdict

TIMEFRAMES = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
LEVELS_MAX = 5000
"""Levels of one side of a book: the deepest snapshot that Binance and Kraken give."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_CEILING = Decimal(10) ** INTEGER_DIGITS_MAX
_GRAIN = Decimal(1).scaleb(-FRACTION_DIGITS_MAX)


def number_fault(value: object) -> Verdict | None:
    """What is wrong with a quantity that may be zero."""
    if type(value) is not Decimal:
        return Verdict.MALFORMED
    if not value.is_finite():
        return Verdict.NOT_FINITE
    if value < ZERO:
        return Verdict.NOT_POSITIVE
    if value >= _CEILING or value % _GRAIN != ZERO:
        return Verdict.OUT_OF_RANGE
    return None


def price_fault(value: object) -> Verdict | None:
    """What is wrong with a price."""
    return number_fault(value) or (None if value else Verdict.NOT_POSITIVE)


def time_fault(value: object) -> Verdict | None:
    """A time must be aware: a naive one is off by a whole zone."""
    if not isinstance(value, datetime) or (value.tzinfo is not UTC and value.utcoffset() is None):
        return Verdict.MALFORMED
    return None


def stamp_fault(observed_at: object, sequence: object) -> Verdict | None:
    """What is wrong with a tick's place in time: its instant and, where there is one, its number."""
    if sequence is not None and type(sequence) is not int:
        return Verdict.MALFORMED
    return time_fault(observed_at)


def quote_fault(quote: Quote) -> Verdict | None:
    """What is wrong with a quote by itself."""
    fault = stamp_fault(quote.observed_at, quote.sequence) or price_fault(quote.bid) or price_fault(quote.ask)
    if fault is not None:
        return fault
    if quote.bid > quote.ask:
        return Verdict.CROSSED
    if quote.bid_size is not None and (fault := number_fault(quote.bid_size)) is not None:
        return fault
    if quote.ask_size is not None and (fault := number_fault(quote.ask_size)) is not None:
        return fault
    return None if quote.last is None else price_fault(quote.last)


def book_fault(book: Book) -> Verdict | None:
    """What is wrong with a book by itself. Both sides must have a level: a one-sided book prices nothing."""
    if (fault := stamp_fault(book.observed_at, book.sequence)) is not None:
        return fault
    if not (0 < len(book.bids) <= LEVELS_MAX and 0 < len(book.asks) <= LEVELS_MAX):
        return Verdict.MALFORMED
    fault = _side_fault(book.bids, falling=True) or _side_fault(book.asks, falling=False)
    if fault is None and book.bids[0].price > book.asks[0].price:
        return Verdict.CROSSED
    return fault


def _side_fault(levels: tuple[Level, ...], *, falling: bool) -> Verdict | None:
    previous: Decimal | None = None
    for level in levels:
        if type(level) is not Level:
            return Verdict.MALFORMED
        if (fault := price_fault(level.price) or price_fault(level.size)) is not None:
            return fault
        if previous is not None and (level.price >= previous if falling else level.price <= previous):
            return Verdict.MALFORMED
        previous = level.price
    return None


def trade_fault(trade: Trade) -> Verdict | None:
    """What is wrong with a trade print by itself."""
    return stamp_fault(trade.observed_at, trade.sequence) or price_fault(trade.price) or price_fault(trade.quantity)


def candle_fault(candle: Candle) -> Verdict | None:
    """What is wrong with a candle by itself: prices, their order, and a first instant that fits the timeframe."""
    fault = time_fault(candle.opened_at) or number_fault(candle.volume)
    for price in (candle.open, candle.high, candle.low, candle.close):
        fault = fault or price_fault(price)
    if fault is not None:
        return fault
    duration = TIMEFRAMES.get(candle.timeframe) if type(candle.timeframe) is str else None
    if duration is None or (candle.opened_at - EPOCH) % duration:
        return Verdict.MALFORMED
    inside = candle.low <= min(candle.open, candle.close) and max(candle.open, candle.close) <= candle.high
    return None if inside else Verdict.CROSSED


def sentiment_fault(sentiment: Sentiment) -> Verdict | None:
    """What is wrong with a mood score by itself."""
    if (fault := time_fault(sentiment.observed_at)) is not None:
        return fault
    if type(sentiment.score) is not Decimal:
        return Verdict.MALFORMED
    if not sentiment.score.is_finite():
        return Verdict.NOT_FINITE
    return None if -ONE <= sentiment.score <= ONE else Verdict.OUT_OF_RANGE
