"""What a lean reader is, and what all of them need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct
from readytrader_sdk.market import Book, Level, Quote, Tick

from builtin_plugins.ccxt_source.ladder import Ladder
from builtin_plugins.ccxt_source.markets import Market

Ask = Callable[[Market], None]
"""Have a reader's `snapshot` called with the exchange's book of a market, soon."""

Levels = Sequence[tuple[Decimal, Decimal]]
"""Price and size, level by level."""


class Broken(Exception):
    """What was read cannot be right, or cannot go on: the connection starts again. The message is our own."""


class Subscription(Struct, frozen=True, kw_only=True):
    """One message to send on one connection."""

    url: str
    message: Mapping[str, object]


class Reader(Protocol):
    """Reads one exchange's channels."""

    def subscriptions(self) -> Sequence[Subscription]:
        """What to ask for, and where."""

    def read(self, text: str) -> Sequence[Tick] | None:
        """The ticks of one message, or None for a message that is ccxt's to read. Raises `Broken`."""

    def snapshot(self, market: Market, answer: object) -> Sequence[Tick]:
        """Take in what was asked for; the ticks that can now be told. Raises `Broken`."""


class NoSnapshots:
    """For readers that never ask."""

    def snapshot(self, market: Market, answer: object) -> Sequence[Tick]:  # noqa: ARG002 - the port's
        """Never called."""
        raise Broken(f"{market.symbol}: an answer that was not asked for")


def of_ladder(ladder: Ladder, quote: Quote, depth: int) -> Sequence[Tick]:
    """A quote and, where wanted, the levels around it."""
    if not depth:
        return (quote,)
    book = Book(
        symbol=quote.symbol,
        bids=ladder.bids.best(depth),
        asks=ladder.asks.best(depth),
        observed_at=quote.observed_at,
        sequence=quote.sequence,
    )
    return quote, book


def levels_of(levels: Levels, depth: int, contract_size: Decimal) -> tuple[Level, ...]:
    """The first levels, in base units."""
    return tuple(Level(price, size * contract_size) for price, size in levels[:depth])


def by_venue_id(markets: Sequence[Market]) -> dict[str, Market]:
    """Markets by what the exchange calls them."""
    return {market.venue_id: market for market in markets}


def in_parts(names: Sequence[str], most: int) -> list[list[str]]:
    """Names in lists of at most so many: exchanges bound what one message may ask for."""
    return [list(names[start : start + most]) for start in range(0, len(names), most)]
