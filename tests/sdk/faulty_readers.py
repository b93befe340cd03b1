"""Data sources and notifiers with one fault each, and the checks that it must fail: those and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from readytrader_sdk.errors import Unavailable
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.market import Book, Candle, Quote, Sentiment, Tick, Trade
from readytrader_sdk.ports import Notice, Severity

from tests.sdk.good import NOON, AcmeNotifier, GoodSource, level

replace = msgspec.structs.replace


class DeliversNothing(GoodSource):
    async def stream(self) -> AsyncIterator[Tick]:
        for tick in ():
            yield tick


class Quotes(GoodSource):
    """With a fault in every quote."""

    def faulty(self, quote: Quote) -> Quote:
        return quote

    def ticks(self, at: datetime) -> Sequence[Tick]:
        quote, *others = super().ticks(at)
        assert isinstance(quote, Quote)
        return [self.faulty(quote), *others]


class HasNoTimeZone(Quotes):
    def faulty(self, quote: Quote) -> Quote:
        return replace(quote, observed_at=quote.observed_at.replace(tzinfo=None))


class LivesInTheFuture(Quotes):
    def faulty(self, quote: Quote) -> Quote:
        return replace(quote, observed_at=quote.observed_at + timedelta(days=36500))


class CrossesItsQuotes(Quotes):
    def faulty(self, quote: Quote) -> Quote:
        return replace(quote, ask=quote.bid)


class HasNoNumber(Quotes):
    def faulty(self, quote: Quote) -> Quote:
        return replace(quote, last=Decimal("NaN"))


class GoesBack(GoodSource):
    def trade(self, at: datetime) -> Trade:
        return super().trade(NOON - (at - NOON))


class CrossesItsBooks(GoodSource):
    def book(self, at: datetime) -> Book:
        return replace(super().book(at), asks=(level("99.5"), level("102")))


class SortsItsBooksWrong(GoodSource):
    def book(self, at: datetime) -> Book:
        return replace(super().book(at), bids=(level("99"), level("100")))


class TradesNothing(GoodSource):
    def trade(self, at: datetime) -> Trade:
        return replace(super().trade(at), quantity=Decimal(0))


class OpensCandlesAtAnyTime(GoodSource):
    def candle(self, at: datetime) -> Candle:
        return replace(super().candle(at), opened_at=at - timedelta(minutes=1, seconds=1))


class InventsATimeframe(GoodSource):
    def candle(self, at: datetime) -> Candle:
        return replace(super().candle(at), timeframe="7m")


class ClosesAboveTheHigh(GoodSource):
    def candle(self, at: datetime) -> Candle:
        return replace(super().candle(at), close=Decimal(103))


class FeelsTooMuch(GoodSource):
    def sentiment(self, at: datetime) -> Sentiment:
        return replace(super().sentiment(at), score=Decimal(50))


class TradesWhatItDoesNotName(GoodSource):
    def trade(self, at: datetime) -> Trade:
        return replace(super().trade(at), symbol=Symbol("ETH/USD"))


class HasNoIncrement(GoodSource):
    def instruments(self) -> Sequence[Instrument]:
        (instrument,) = super().instruments()
        return [replace(instrument, quantity_increment=Decimal(0))]


class DoesNotStop(GoodSource):
    """Goes on when it is cancelled, up to a second time."""

    async def stream(self) -> AsyncIterator[Tick]:
        cancelled = 0
        while True:
            for tick in self.ticks(NOON):
                yield tick
            try:
                await asyncio.sleep(0.3 if cancelled else 0.05)
            except asyncio.CancelledError:
                cancelled += 1
                if cancelled > 1:
                    raise


class StreamsOnce(GoodSource):
    streamed = False

    async def stream(self) -> AsyncIterator[Tick]:
        if self.streamed:
            return
        self.streamed = True
        async for tick in super().stream():
            yield tick


class HasNoName(GoodSource):
    paper_only = ""


SOURCES: dict[type[GoodSource], set[str]] = {
    DeliversNothing: {"it_delivers", "it_starts_again"},
    HasNoTimeZone: {"times_are_utc"},
    LivesInTheFuture: {"times_are_utc"},
    GoesBack: {"times_never_go_back"},
    CrossesItsQuotes: {"quotes_are_consistent"},
    HasNoNumber: {"quotes_are_consistent"},
    CrossesItsBooks: {"books_are_consistent"},
    SortsItsBooksWrong: {"books_are_consistent"},
    TradesNothing: {"trades_are_consistent"},
    OpensCandlesAtAnyTime: {"candles_lie_on_the_grid"},
    InventsATimeframe: {"candles_lie_on_the_grid"},
    ClosesAboveTheHigh: {"candles_are_consistent"},
    FeelsTooMuch: {"sentiments_are_in_range"},
    TradesWhatItDoesNotName: {"symbols_are_among_its_instruments"},
    HasNoIncrement: {"source_instruments_are_usable"},
    DoesNotStop: {"cancelling_stops_it"},
    StreamsOnce: {"it_starts_again"},
    HasNoName: {"paper_prices_have_a_name"},
}


class Notifier(AcmeNotifier):
    """With a fault before the delivery."""

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        self.seen: list[str] = []
        self.busy = False

    async def notify(self, notice: Notice) -> None:
        self.fail(notice)
        await super().notify(notice)

    def fail(self, notice: Notice) -> None:
        """Raise, for some notices."""


class IsDown(Notifier):
    def fail(self, notice: Notice) -> None:
        if not any(mark in notice.text for mark in "*@<\x00\r") and len(notice.text) < 1000 and notice.subject:
            raise Unavailable("down")


class DeliversNoPlainText(Notifier):
    """The first notice of all is lost."""

    def fail(self, notice: Notice) -> None:
        self.seen.append(notice.notice_id)
        if len(self.seen) == 1:
            raise Unavailable("not connected yet")


class AnswersSomething(Notifier):
    async def notify(self, notice: Notice) -> None:
        await super().notify(notice)
        return "ok"  # type: ignore[return-value]


class KnowsNoCriticalNotice(Notifier):
    def fail(self, notice: Notice) -> None:
        {Severity.INFO: "green", Severity.WARNING: "yellow"}[notice.severity]


class KnowsNoCheckpoint(Notifier):
    def fail(self, notice: Notice) -> None:
        assert notice.checkpoint is None


class RefusesRepetition(Notifier):
    def fail(self, notice: Notice) -> None:
        if notice.notice_id in self.seen:
            raise Unavailable("a duplicate")
        self.seen.append(notice.notice_id)


class TakesOneAtATime(Notifier):
    async def notify(self, notice: Notice) -> None:
        if self.busy:
            raise Unavailable("busy")
        self.busy = True
        try:
            await super().notify(notice)
        finally:
            self.busy = False


class FailsOnMentions(Notifier):
    def fail(self, notice: Notice) -> None:
        if "@everyone" in notice.text:
            raise ValueError("400 Bad Request")


class FailsOnControlCharacters(Notifier):
    def fail(self, notice: Notice) -> None:
        if "\r\n" in notice.subject:
            raise ValueError("invalid header value")


class RepeatsWhatItCannotSend(Notifier):
    def fail(self, notice: Notice) -> None:
        if len(notice.text) > 2000:
            raise Unavailable(f"too long: {notice.text}")


class NeedsASubject(Notifier):
    def fail(self, notice: Notice) -> None:
        notice.subject[0].upper()


PLAIN = {
    "a_notice_is_delivered",
    "every_severity_is_delivered",
    "a_checkpoint_is_delivered",
    "a_notice_can_be_repeated",
    "notices_at_once_are_delivered",
}
NOTIFIERS: dict[type[Notifier], set[str]] = {
    IsDown: PLAIN,
    AnswersSomething: PLAIN,
    DeliversNoPlainText: {"a_notice_is_delivered"},
    KnowsNoCriticalNotice: {"every_severity_is_delivered"},
    KnowsNoCheckpoint: {"a_checkpoint_is_delivered"},
    RefusesRepetition: {"a_notice_can_be_repeated"},
    TakesOneAtATime: {"notices_at_once_are_delivered"},
    FailsOnMentions: {"markup_is_survived"},
    FailsOnControlCharacters: {"control_characters_are_survived"},
    RepeatsWhatItCannotSend: {"a_long_text_is_survived"},
    NeedsASubject: {"an_empty_text_is_survived"},
}
