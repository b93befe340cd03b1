"""Streams of any exchange, as ccxt reads them: books, or tickers where there are none.

Slower than a lean reader, and only as good as ccxt's reading: a book or ticker without the exchange's own time is
refused, and which channels carry one is known for the five exchanges with a lean reader alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.market import Book, Level, Quote, Tick

from builtin_plugins.ccxt_source.failures import failure
from builtin_plugins.ccxt_source.mailbox import Mailbox
from builtin_plugins.ccxt_source.markets import Market
from builtin_plugins.ccxt_source.silence import Silence
from builtin_plugins.ccxt_source.timeframes import from_milliseconds


async def listen(
    exchange: Any, markets: tuple[Market, ...], name: str, depth: int, mailbox: Mailbox, silence: Silence
) -> None:
    """Read every market until one fails. Raises the SDK's errors; never returns."""
    exchange.number = Decimal  # ccxt sorts prices: text would be sorted as text
    try:
        async with asyncio.TaskGroup() as group:
            for market in markets:
                group.create_task(_follow(exchange, market, name, depth, mailbox, silence))
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None  # a group would hide whether it may ever go better


async def _follow(exchange: Any, market: Market, name: str, depth: int, mailbox: Mailbox, silence: Silence) -> None:
    watch, read = (exchange.watch_ticker, quote_of_ticker)
    if exchange.has.get("watchOrderBook"):
        watch, read = (exchange.watch_order_book, quote_of_book)
    elif not exchange.has.get("watchTicker"):
        raise Misconfigured(f"{name}: feed: the exchange streams neither books nor tickers; use feed = poll")
    while True:
        try:
            told = await watch(market.symbol)
        except Exception as error:  # ccxt's errors, and whatever is below them
            raise failure(name, f"{market.symbol}", error) from error
        quote = read(market, told)
        if quote is None:
            continue
        ticks: list[Tick] = [quote]
        if depth and read is quote_of_book:
            ticks.append(book_of(market, told, depth, quote))
        silence.heard(ticks)
        mailbox.put(ticks)


def quote_of_book(market: Market, told: Mapping[str, Any]) -> Quote | None:
    """The best of a book of ccxt's, with its own time; None without either side or a time."""
    bids, asks = told.get("bids"), told.get("asks")
    if not bids or not asks:
        return None
    return _quote(market, told, (bids[0][0], bids[0][1]), (asks[0][0], asks[0][1]), told.get("nonce"))


def quote_of_ticker(market: Market, told: Mapping[str, Any]) -> Quote | None:
    """The quote in a ticker of ccxt's, with its own time; None without a bid, an ask, or a time."""
    bid, ask = (told.get("bid"), told.get("bidVolume")), (told.get("ask"), told.get("askVolume"))
    return _quote(market, told, bid, ask, None)


def book_of(market: Market, told: Mapping[str, Any], depth: int, quote: Quote) -> Book:
    """Levels of a book of ccxt's that has a quote."""
    bids, asks = (
        tuple(
            Level(number, size * market.contract_size)
            for price, volume, *_ in told[side][:depth]
            if (number := exact(price)) is not None and (size := exact(volume))
        )
        for side in ("bids", "asks")
    )
    return Book(symbol=market.symbol, bids=bids, asks=asks, observed_at=quote.observed_at, sequence=quote.sequence)


def _quote(
    market: Market, told: Mapping[str, Any], bid: tuple[Any, Any], ask: tuple[Any, Any], number: Any
) -> Quote | None:
    time, bid_price, ask_price = told.get("timestamp"), exact(bid[0]), exact(ask[0])
    if not isinstance(time, int) or bid_price is None or ask_price is None:
        return None
    sizes = [None if (size := exact(one)) is None else size * market.contract_size for one in (bid[1], ask[1])]
    return Quote(
        symbol=market.symbol,
        bid=bid_price,
        ask=ask_price,
        bid_size=sizes[0],
        ask_size=sizes[1],
        last=exact(told.get("last")),
        observed_at=from_milliseconds(time),
        sequence=number if isinstance(number, int) else None,
    )


def exact(number: Any) -> Decimal | None:
    """A number of ccxt's, which was text or a decimal; None for none, for a float, and for what is no number."""
    if not isinstance(number, str | Decimal | int) or isinstance(number, bool):
        return None
    try:
        value = Decimal(number)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
