"""Data sources: times, prices, candles, symbols, and that a stream stops and starts."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from readytrader_sdk.conformance.checks import CLOCKS_APART_MAX, expect, expect_time, promise, shown, skip
from readytrader_sdk.conformance.instrument_rules import expect_exact, expect_rules, expect_symbol, expect_unique
from readytrader_sdk.conformance.listening import expect_to_stop, listen, symbol_of, time_of
from readytrader_sdk.conformance.subjects import Source, SourceSubject
from readytrader_sdk.instruments import Instrument
from readytrader_sdk.kinds import Kind
from readytrader_sdk.market import Book, Candle, Quote, Sentiment, Tick, Trade
from readytrader_sdk.ports import PaperOnly

T = TypeVar("T")
TIMEFRAMES = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def _ticks(subject: SourceSubject) -> list[Tick]:
    stream = subject.make_source().stream()
    return await listen(stream, ticks_max=subject.ticks_max, listen_s=subject.listen_s)


async def _only(subject: SourceSubject, wanted: type[T]) -> list[T]:
    found: list[T] = [tick for tick in await _ticks(subject) if isinstance(tick, wanted)]
    if not found:
        skip(f"no {wanted.__name__.lower()} was delivered")
    return found


async def _instruments(source: Source) -> Sequence[Instrument]:
    answer = source.instruments()
    return await answer if inspect.isawaitable(answer) else answer


@promise(Kind.DATA_SOURCE, "The source delivers something within its patience.")
async def it_delivers(subject: SourceSubject) -> None:
    expect(len(await _ticks(subject)) > 0, f"nothing within {subject.listen_s:g} s")


@promise(Kind.DATA_SOURCE, "Every tick's time is aware, in UTC, and not in the future.")
async def times_are_utc(subject: SourceSubject) -> None:
    for tick in await _ticks(subject):
        expect_time(time_of(tick), shown(tick))


@promise(Kind.DATA_SOURCE, "Ticks of one instrument and kind never go back in time.")
async def times_never_go_back(subject: SourceSubject) -> None:
    series: dict[tuple[object, ...], list[Tick]] = {}
    for tick in await _ticks(subject):
        timeframe = tick.timeframe if isinstance(tick, Candle) else ""
        series.setdefault((type(tick), symbol_of(tick), timeframe), []).append(tick)
    for ticks in series.values():
        for earlier, later in pairwise(ticks):
            expect(time_of(earlier) <= time_of(later), f"{shown(later)} came after {shown(time_of(earlier))}")


@promise(Kind.DATA_SOURCE, "A quote's bid is above zero and below its ask, in exact numbers.")
async def quotes_are_consistent(subject: SourceSubject) -> None:
    for quote in await _only(subject, Quote):
        for name in ("bid", "ask"):
            expect_exact(getattr(quote, name), f"{shown(quote.symbol)}: {name}")
        expect(0 < quote.bid < quote.ask, f"{shown(quote.symbol)}: bid {quote.bid}, ask {quote.ask}")
        for name in ("bid_size", "ask_size", "last"):
            value = getattr(quote, name)
            if value is not None:
                expect_exact(value, f"{shown(quote.symbol)}: {name}")
                expect(value >= 0, f"{shown(quote.symbol)}: {name} is {value}")


@promise(Kind.DATA_SOURCE, "A book's bids fall, its asks rise, they do not cross, and no level is empty.")
async def books_are_consistent(subject: SourceSubject) -> None:
    for book in await _only(subject, Book):
        for level in (*book.bids, *book.asks):
            expect_exact(level.price, f"{shown(book.symbol)}: price")
            expect_exact(level.size, f"{shown(book.symbol)}: size")
            expect(level.price > 0 and level.size > 0, f"{shown(book.symbol)}: a level {shown(level)}")
        falling = all(upper.price > lower.price for upper, lower in pairwise(book.bids))
        rising = all(lower.price < upper.price for lower, upper in pairwise(book.asks))
        expect(falling and rising, f"{shown(book.symbol)}: levels are out of order")
        crossed = bool(book.bids and book.asks) and book.bids[0].price >= book.asks[0].price
        expect(not crossed, f"{shown(book.symbol)}: the best bid is not below the best ask")


@promise(Kind.DATA_SOURCE, "A trade's price and quantity are exact and above zero.")
async def trades_are_consistent(subject: SourceSubject) -> None:
    for trade in await _only(subject, Trade):
        for name in ("price", "quantity"):
            value = getattr(trade, name)
            expect_exact(value, f"{shown(trade.symbol)}: {name}")
            expect(value > 0, f"{shown(trade.symbol)}: {name} is {value}")


@promise(Kind.DATA_SOURCE, "A candle lies on the grid of its timeframe, and is closed.")
async def candles_lie_on_the_grid(subject: SourceSubject) -> None:
    for candle in await _only(subject, Candle):
        span = TIMEFRAMES.get(candle.timeframe)
        known = ", ".join(TIMEFRAMES)
        expect(span is not None, f"{shown(candle.symbol)}: timeframe {shown(candle.timeframe)}, known are {known}")
        if span is None:
            continue
        on_grid = (candle.opened_at.astimezone(UTC) - _EPOCH) % span == timedelta(0)
        expect(on_grid, f"{shown(candle.symbol)}: {candle.timeframe} opened at {candle.opened_at}")
        closed = candle.opened_at + span <= datetime.now(UTC) + CLOCKS_APART_MAX
        expect(closed, f"{shown(candle.symbol)}: the candle of {candle.opened_at} is not over")


@promise(Kind.DATA_SOURCE, "A candle's open and close lie between its low and high, and its volume is not below zero.")
async def candles_are_consistent(subject: SourceSubject) -> None:
    for candle in await _only(subject, Candle):
        for name in ("open", "high", "low", "close", "volume"):
            expect_exact(getattr(candle, name), f"{shown(candle.symbol)}: {name}")
        expect(candle.low > 0, f"{shown(candle.symbol)}: a low of {candle.low}")
        inside = candle.low <= min(candle.open, candle.close) and max(candle.open, candle.close) <= candle.high
        expect(inside, f"{shown(candle.symbol)}: {shown(candle)}")
        expect(candle.volume >= 0, f"{shown(candle.symbol)}: a volume of {candle.volume}")


@promise(Kind.DATA_SOURCE, "A sentiment score is exact and between -1 and 1.")
async def sentiments_are_in_range(subject: SourceSubject) -> None:
    for sentiment in await _only(subject, Sentiment):
        expect_exact(sentiment.score, "score")
        expect(-1 <= sentiment.score <= 1, f"a score of {sentiment.score}")


@promise(Kind.DATA_SOURCE, "Ticks are of the instruments that the source names, where it names any.")
async def symbols_are_among_its_instruments(subject: SourceSubject) -> None:
    named = {instrument.symbol for instrument in await _instruments(subject.make_source())}
    if not named:
        skip("the source names no instruments")
    for tick in await _ticks(subject):
        symbol = symbol_of(tick)
        expect(symbol is None or symbol in named, f"{shown(symbol)} is not among its instruments")


@promise(Kind.DATA_SOURCE, "Instruments have well-formed symbols, each once, and usable increments.")
async def source_instruments_are_usable(subject: SourceSubject) -> None:
    instruments = await _instruments(subject.make_source())
    if not instruments:
        skip("the source names no instruments")
    expect_unique(instruments)
    for instrument in instruments:
        expect_symbol(instrument)
        expect_rules(instrument)


@promise(Kind.DATA_SOURCE, "A cancelled stream stops within two seconds.")
async def cancelling_stops_it(subject: SourceSubject) -> None:
    await expect_to_stop(subject.make_source().stream())


@promise(Kind.DATA_SOURCE, "A stream that was left can be started again, on the same source and on a new one.")
async def it_starts_again(subject: SourceSubject) -> None:
    source = subject.make_source()
    for what, again in (("first", source), ("second", source), ("new", subject.make_source())):
        ticks = await listen(again.stream(), ticks_max=1, listen_s=subject.listen_s)
        expect(len(ticks) == 1, f"the {what} stream delivered nothing within {subject.listen_s:g} s")


@promise(Kind.DATA_SOURCE, "Prices that are no market's of now have a short, printable name.")
async def paper_prices_have_a_name(subject: SourceSubject) -> None:
    source = subject.make_source()
    if not isinstance(source, PaperOnly):
        skip("its prices are a market's")
    name = source.paper_only
    usable = isinstance(name, str) and name.isascii() and name.isprintable() and 0 < len(name.strip()) <= 40
    expect(usable, f"expected up to 40 printable characters, got {shown(name)}")
