"""The market-data bus: every tick comes in here, and every price that counts goes out from here.

The bus decides which ticks are believed and which source's quote is in use. How old a quote may be for an order, and
how many sources must agree, is the pipeline's to say: it gets the facts, doubtful ones included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from readytrader_sdk.instruments import Asset, Instrument, MarketType, Symbol
from readytrader_sdk.market import Book, Candle, Quote, Sentiment, Tick, Trade
from readytrader_sdk.money import FRACTION_DIGITS_MAX, ONE

from appliance.domain.intents import AgentId
from appliance.domain.snapshot import MarketFacts
from appliance.marketdata.belief import Price, judge
from appliance.marketdata.candle_store import CandleStore, is_closed
from appliance.marketdata.line import Line, may_testify, order_fault, trade_order_fault
from appliance.marketdata.sanity import (
    TIMEFRAMES,
    book_fault,
    candle_fault,
    quote_fault,
    sentiment_fault,
    trade_fault,
)
from appliance.marketdata.selection import Selection, admissible_for, choose, facts_of, view_of
from appliance.marketdata.values import BusSettings, MarketView, SourceInfo, SourceStatus, Verdict

Subscriber = Callable[[str, Tick], None]
"""Takes the source's name and the tick. Called inside `publish`: it must return at once and not raise."""

_GRAIN = Decimal(1).scaleb(-FRACTION_DIGITS_MAX)


class _Source:
    __slots__ = ("candles", "info", "last_tick_at", "sentiment", "verdicts")

    def __init__(self, info: SourceInfo, settings: BusSettings) -> None:
        self.info = info
        self.last_tick_at: datetime | None = None
        self.verdicts: Counter[Verdict] = Counter()
        self.candles = CandleStore(settings.candles_max)
        self.sentiment: Sentiment | None = None


class MarketDataBus:
    """Believes, remembers and chooses. Not thread-safe: one event loop publishes and asks."""

    def __init__(self, settings: BusSettings, instruments: Iterable[Instrument]) -> None:
        self._settings = settings
        self._tolerance = settings.agree_max_pct / 100
        self._lines: dict[Symbol, dict[str, Line]] = {}
        """Of each instrument by source, best standing first."""
        self._spot: dict[tuple[Asset, Asset], Symbol] = {}
        for instrument in instruments:
            self._lines[instrument.symbol] = {}
            if instrument.market_type is MarketType.SPOT:
                self._spot[instrument.base, instrument.quote] = instrument.symbol
        self._sources: dict[str, _Source] = {}
        self._subscribers: list[Subscriber] = []

    # sources

    def register(self, info: SourceInfo) -> None:
        """Add a source, or change what is allowed of one that is known. Raises ValueError when the name is another's.

        What the source said before is kept: a registration is no way to make an old price forgotten.
        """
        known = self._sources.get(info.name)
        if known is None:
            if len(self._sources) >= self._settings.sources_max:
                raise ValueError(f"source {info.name}: no more than {self._settings.sources_max} sources")
            self._sources[info.name] = _Source(info, self._settings)
            return
        if known.info.supplier != info.supplier:
            raise ValueError(f"source {info.name}: the name belongs to {known.info.supplier or 'the operator'}")
        known.info = info
        for symbol, lines in self._lines.items():
            if (line := lines.get(info.name)) is not None:
                line.trust(info, self._settings)
                self._lines[symbol] = _in_order(lines)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How each source has done, in the order of registration."""
        return tuple(
            SourceStatus(info=source.info, last_tick_at=source.last_tick_at, verdicts=dict(source.verdicts))
            for source in self._sources.values()
        )

    def subscribe(self, subscriber: Subscriber) -> None:
        """Hand over every believed tick of the operator's source in use for its instrument, as it is published.

        This is what moves the paper venue, where everybody trades. A source that an agent supplies never does: the
        agent would name its own fill price. Neither does a source that is not in use: two sources a second apart
        would let a resting order fill at a price that is already gone.
        """
        self._subscribers.append(subscriber)

    # ticks in

    def publish(self, source: str, tick: Tick, received_at: datetime) -> Verdict:
        """Judge one tick and keep it if it is believed. Raises LookupError for a source that is not registered."""
        known = self._sources.get(source)
        if known is None:
            raise LookupError(f"source {source!r} is not registered")
        known.last_tick_at = received_at
        verdict = self._take(known, tick, received_at)
        known.verdicts[verdict] += 1
        if verdict is Verdict.ACCEPTED and self._subscribers and self._drives(known.info, tick, received_at):
            for subscriber in self._subscribers:
                subscriber(source, tick)
        return verdict

    def _take(self, source: _Source, tick: object, received_at: datetime) -> Verdict:
        if isinstance(tick, Sentiment):
            return self._take_sentiment(source, tick, received_at)
        if not isinstance(tick, (Quote, Book, Trade, Candle)) or type(tick.symbol) is not str:
            return Verdict.MALFORMED
        lines = self._lines.get(tick.symbol)
        if lines is None:
            return Verdict.UNKNOWN_SYMBOL
        if isinstance(tick, Candle):
            return self._take_candle(source, tick, received_at)
        line = lines.get(source.info.name)
        if line is None:
            line = self._add_line(lines, tick.symbol, source.info)
        others = [other for other in lines.values() if other is not line and other.testifies]
        if isinstance(tick, Quote):
            return self._take_quote(line, others, tick, received_at)
        if isinstance(tick, Book):
            return self._take_book(line, others, tick, received_at)
        return self._take_trade(line, others, tick, received_at)

    def _add_line(self, lines: dict[str, Line], symbol: Symbol, info: SourceInfo) -> Line:
        line = lines[info.name] = Line(info, self._settings)
        self._lines[symbol] = _in_order(lines)
        return line

    def _take_quote(self, line: Line, others: list[Line], quote: Quote, received_at: datetime) -> Verdict:
        fault = (
            quote_fault(quote)
            or self._future_fault(quote.observed_at, received_at)
            or order_fault(quote, line.quotes.last)
        )
        if fault is not None:
            return fault
        line.quotes.last = quote
        mid = (quote.bid + quote.ask) / 2
        price = Price(quote.bid, quote.ask, mid, quote.observed_at)
        verdict = judge(line.quotes, others, price, received_at, self._settings)
        line.claim = line.quotes.claim
        if verdict is Verdict.ACCEPTED:
            line.use(quote, mid, received_at)
        return verdict

    def _take_book(self, line: Line, others: list[Line], book: Book, received_at: datetime) -> Verdict:
        fault = (
            book_fault(book) or self._future_fault(book.observed_at, received_at) or order_fault(book, line.books.last)
        )
        if fault is not None:
            return fault
        line.books.last = book
        bid, ask = book.bids[0], book.asks[0]
        mid = (bid.price + ask.price) / 2
        price = Price(bid.price, ask.price, mid, book.observed_at)
        verdict = judge(line.books, others, price, received_at, self._settings)
        if line.quotes.last is None:
            line.claim = line.books.claim
        if verdict is not Verdict.ACCEPTED:
            return verdict
        line.book = book
        if line.quotes.last is None:
            # A source without quotes of its own still has a best bid and ask.
            top = Quote(
                symbol=book.symbol,
                bid=bid.price,
                ask=ask.price,
                bid_size=bid.size,
                ask_size=ask.size,
                observed_at=book.observed_at,
                sequence=book.sequence,
            )
            line.use(top, mid, received_at)
        return verdict

    def _take_trade(self, line: Line, others: list[Line], trade: Trade, received_at: datetime) -> Verdict:
        fault = (
            trade_fault(trade)
            or self._future_fault(trade.observed_at, received_at)
            or trade_order_fault(trade, line.trades.last)
        )
        if fault is not None:
            return fault
        line.trades.last = trade
        price = Price(trade.price, trade.price, trade.price, trade.observed_at)
        return judge(line.trades, others, price, received_at, self._settings)

    def _take_candle(self, source: _Source, candle: Candle, received_at: datetime) -> Verdict:
        fault = candle_fault(candle)
        if fault is not None:
            return fault
        if not is_closed(candle, received_at, self._settings.clock_skew_max):
            return Verdict.FROM_FUTURE
        return source.candles.add(candle)

    def _take_sentiment(self, source: _Source, sentiment: Sentiment, received_at: datetime) -> Verdict:
        fault = sentiment_fault(sentiment) or self._future_fault(sentiment.observed_at, received_at)
        if fault is not None:
            return fault
        last = source.sentiment
        if last is not None and sentiment.observed_at <= last.observed_at:
            return Verdict.REPEATED if sentiment == last else Verdict.OUT_OF_ORDER
        source.sentiment = sentiment
        return Verdict.ACCEPTED

    def _future_fault(self, observed_at: datetime, received_at: datetime) -> Verdict | None:
        ahead = observed_at - received_at > self._settings.clock_skew_max
        return Verdict.FROM_FUTURE if ahead else None

    def _drives(self, info: SourceInfo, tick: Tick, now: datetime) -> bool:
        if isinstance(tick, (Sentiment, Candle)) or not may_testify(info):
            return False
        lines = self._lines[tick.symbol]
        line = lines[info.name]
        if _is_overtaken(tick, line):
            return False
        testifying = [other for other in lines.values() if other.testifies]
        if len(testifying) == 1:
            return True
        selection = self._select(testifying, now)
        return selection is not None and selection.line is line

    # answers out

    def facts(self, symbol: Symbol, now: datetime, for_agent: AgentId | None = None) -> MarketFacts | None:
        """What the pipeline is told: the best admissible quote, with its age however old it is; None when none is.

        `sources` is empty when the quote is stale or when its only source claims an unconfirmed jump.
        """
        selection = self._select(admissible_for(self._lines.get(symbol, {}).values(), for_agent), now)
        return None if selection is None else facts_of(selection, now)

    def quiet_symbols(self, now: datetime) -> tuple[Symbol, ...]:
        """The instruments of which no admissible source has a fresh quote that is not contested: data are lost."""
        return tuple(symbol for symbol, lines in self._lines.items() if not self._is_heard(lines.values(), now))

    def _is_heard(self, lines: Iterable[Line], now: datetime) -> bool:
        selection = self._select(admissible_for(lines, None), now)
        return selection is not None and selection.fresh and selection.line.claim is None

    def view(self, symbol: Symbol, now: datetime, *, for_agent: AgentId | None, execution: bool) -> MarketView:
        """One instrument as it stands. With `execution` only what may be traded on, else whatever is there."""
        lines: Iterable[Line] = self._lines.get(symbol, {}).values()
        if execution:
            lines = admissible_for(lines, for_agent)
        return view_of(self._select(lines, now), symbol, now, execution=execution)

    def price(self, asset: Asset, in_asset: Asset, now: datetime) -> Decimal | None:
        """What one `asset` is worth in `in_asset`: the mid price of the spot pair or of its inverse, else None.

        From fresh quotes of the operator's sources alone: the portfolio's value moves the limits of every agent, the
        supplier of a quote included. An inverse is rounded to 18 decimals.
        """
        if asset == in_asset:
            return ONE
        if (symbol := self._spot.get((asset, in_asset))) is not None:
            mid = self._operator_mid(symbol, now)
            if mid is not None:
                return mid
        if (symbol := self._spot.get((in_asset, asset))) is not None:
            mid = self._operator_mid(symbol, now)
            if mid is not None:
                return (ONE / mid).quantize(_GRAIN, ROUND_HALF_EVEN)
        return None

    def book(self, symbol: Symbol, now: datetime, for_agent: AgentId | None = None) -> Book | None:
        """The newest believed book of an admissible source, by priority; None when all are stale."""
        lines = [
            line
            for line in self._lines.get(symbol, {}).values()
            if line.info.admissible
            and (for_agent is None or line.info.supplier != for_agent)
            and line.book is not None
            and line.books.claim is None
            and -self._settings.clock_skew_max <= now - line.book.observed_at <= line.quote_age_max
        ]
        return lines[0].book if lines else None

    def candles(self, symbol: Symbol, timeframe: str, limit: int) -> tuple[Candle, ...]:
        """The last `limit` closed candles, oldest first, of the best source that has any. For looking, not for limits.

        Raises ValueError for a timeframe that is not one of `1m`, `5m`, `15m`, `1h`, `4h`, `1d`.
        """
        source = self.candle_source(symbol, timeframe)
        if source is None or limit <= 0:
            return ()
        return self._sources[source.name].candles.candles(symbol, timeframe)[-limit:]

    def candle_source(self, symbol: Symbol, timeframe: str) -> SourceInfo | None:
        """Whose candles `candles` returns: an operator's source before any agent's; None where nobody has any."""
        if timeframe not in TIMEFRAMES:
            raise ValueError(f"timeframe: expected one of {', '.join(TIMEFRAMES)}, got {timeframe[:20]!r}")
        having = (source.info for source in self._sources.values() if source.candles.candles(symbol, timeframe))
        return min(
            having,
            key=lambda info: (not may_testify(info), not info.admissible, info.priority, info.name),
            default=None,
        )

    def sentiment(self) -> Sentiment | None:
        """The newest score of the operator's source, never an agent's; its age is the caller's to judge."""
        wanted = self._settings.sentiment_source
        scores = [
            source.sentiment
            for source in self._sources.values()
            if source.sentiment is not None and may_testify(source.info) and wanted in (None, source.info.name)
        ]
        return max(scores, key=lambda score: score.observed_at, default=None)

    def _operator_mid(self, symbol: Symbol, now: datetime) -> Decimal | None:
        selection = self._select([line for line in self._lines[symbol].values() if line.testifies], now)
        if selection is None or not selection.fresh or selection.line.claim is not None:
            return None
        return selection.line.mid

    def _select(self, lines: Iterable[Line], now: datetime) -> Selection | None:
        return choose(lines, now, self._settings.clock_skew_max, self._tolerance)


def _is_overtaken(tick: Quote | Book | Trade, line: Line) -> bool:
    """Whether the source has already said something newer: its books may lag behind its quotes, or the reverse."""
    book = line.book
    return tick.observed_at < line.observed_at or (book is not None and tick.observed_at < book.observed_at)


def _in_order(lines: dict[str, Line]) -> dict[str, Line]:
    return dict(sorted(lines.items(), key=lambda item: item[1].standing))
