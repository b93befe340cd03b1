"""What one source has said of one instrument."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from readytrader_sdk.market import Book, Quote, Trade
from readytrader_sdk.money import ZERO

from appliance.marketdata.price_range import Claim, PriceRange
from appliance.marketdata.sanity import EPOCH
from appliance.marketdata.values import BusSettings, SourceInfo, Verdict

TickT = TypeVar("TickT", Quote, Book, Trade)


class Track(Generic[TickT]):
    """The ticks of one kind: the prices believed lately, the jump claimed now, and the tick that came last."""

    __slots__ = ("claim", "last", "range")

    def __init__(self, settings: BusSettings) -> None:
        self.range = PriceRange(settings.outlier_window, settings.outlier_max_pct)
        self.claim: Claim | None = None
        self.last: TickT | None = None
        """Believed or not: the next tick must not be older."""


class Line:
    """The memory of one source about one instrument, and the quote of it that is in use."""

    __slots__ = (
        "book",
        "books",
        "claim",
        "info",
        "mid",
        "observed_at",
        "quote",
        "quote_age_max",
        "quotes",
        "received_at",
        "standing",
        "testifies",
        "trades",
    )

    def __init__(self, info: SourceInfo, settings: BusSettings) -> None:
        self.quotes: Track[Quote] = Track(settings)
        self.books: Track[Book] = Track(settings)
        self.trades: Track[Trade] = Track(settings)
        self.quote: Quote | None = None
        """In use; None before the first. The next three mean nothing then."""
        self.mid = ZERO
        self.observed_at = self.received_at = EPOCH
        self.book: Book | None = None
        self.claim: Claim | None = None
        """The unconfirmed jump that contests the quote in use."""
        self.trust(info, settings)

    def trust(self, info: SourceInfo, settings: BusSettings) -> None:
        """Set what the source is allowed from now on; what it said is kept."""
        self.info = info
        self.quote_age_max = info.quote_age_max or settings.quote_age_max
        self.testifies = may_testify(info)
        self.standing = (int(info.priority), info.name)
        """Lower is preferred."""

    def use(self, quote: Quote, mid: Decimal, received_at: datetime) -> None:
        """Take an accepted quote into use."""
        self.quote = quote
        self.mid = mid
        self.observed_at = quote.observed_at
        self.received_at = received_at


def may_testify(info: SourceInfo) -> bool:
    """Only the operator's own sources confirm or contradict others: an agent must not sway what it trades on."""
    return info.admissible and info.supplier is None


def order_fault(tick: Quote | Book, last: Quote | Book | None) -> Verdict | None:
    """Whether a quote or book comes after the one before it from the same source.

    An older instant never passes. The same instant passes when the source numbers its ticks and this one's number
    is higher: Binance sends many quotes a millisecond. Without numbers nobody can say which of two came first.
    """
    if last is None or tick.observed_at > last.observed_at:
        return None
    if tick == last:
        return Verdict.REPEATED
    if tick.observed_at == last.observed_at and _is_later(tick.sequence, last.sequence):
        return None
    return Verdict.OUT_OF_ORDER


def trade_order_fault(trade: Trade, last: Trade | None) -> Verdict | None:
    """Whether a trade comes after the one before it. Without numbers, two like trades of one instant are two trades."""
    if last is None or trade.observed_at > last.observed_at:
        return None
    if trade.observed_at < last.observed_at:
        return Verdict.OUT_OF_ORDER
    if trade.sequence is None or last.sequence is None or trade.sequence > last.sequence:
        return None
    return Verdict.REPEATED if trade == last else Verdict.OUT_OF_ORDER


def _is_later(sequence: int | None, last: int | None) -> bool:
    return sequence is not None and last is not None and sequence > last
