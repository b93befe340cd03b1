"""Prices by REST, again and again: the fallback where a stream is not wanted or not there.

One request for all symbols where the exchange has it. A ticker without a time of its own has the answer's, which the
exchange wrote into the HTTP header `Date` (RFC 9110, 6.6.1), less what the header `Age` says it lay in a cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from readytrader_sdk.errors import Misconfigured, PluginError, Unavailable
from readytrader_sdk.market import Tick

from builtin_plugins.ccxt_source.failures import failure
from builtin_plugins.ccxt_source.mailbox import Mailbox
from builtin_plugins.ccxt_source.markets import Market
from builtin_plugins.ccxt_source.silence import Silence
from builtin_plugins.ccxt_source.timeframes import EPOCH
from builtin_plugins.ccxt_source.unified import quote_of_ticker

FAILURES_MAX = 5
"""In a row; after them the source is started again, with the core's own pauses."""
PAUSE_S_MAX = 60.0


async def poll(
    exchange: Any, markets: Sequence[Market], name: str, every_s: float, mailbox: Mailbox, silence: Silence
) -> None:
    """Ask for ever, with longer pauses after failures. Raises the SDK's errors; never returns."""
    failures = 0
    while True:
        try:
            ticks = await _once(exchange, markets, name)
        except Unavailable:
            failures += 1
            if failures >= FAILURES_MAX:
                raise
        else:
            failures = 0
            silence.heard(ticks)
            mailbox.put(ticks)
        await asyncio.sleep(pause_s(every_s, failures))


def pause_s(every_s: float, failures: int) -> float:
    """Until it is asked again: never sooner than the operator said."""
    return max(every_s, min(every_s * (1 << failures), PAUSE_S_MAX))


async def _once(exchange: Any, markets: Sequence[Market], name: str) -> list[Tick]:
    symbols = [market.symbol for market in markets]
    try:
        if exchange.has.get("fetchTickers"):
            answers: Mapping[str, Any] = await exchange.fetch_tickers(symbols)
            return _quotes(exchange, markets, answers)
        if not exchange.has.get("fetchTicker"):
            raise Misconfigured(f"{name}: feed: the exchange has no tickers")
        ticks: list[Tick] = []
        for market in markets:
            answer = await exchange.fetch_ticker(market.symbol)
            ticks += _quotes(exchange, [market], {market.symbol: answer})
        return ticks
    except PluginError:
        raise
    except Exception as error:  # ccxt's errors, and whatever is below them
        raise failure(name, "tickers", error) from error


def _quotes(exchange: Any, markets: Sequence[Market], answers: Mapping[str, Any]) -> list[Tick]:
    answered_at = time_of_answer(exchange.last_response_headers or {})
    quotes: list[Tick] = []
    for market in markets:
        told = answers.get(market.symbol)
        if not isinstance(told, Mapping):
            continue
        own = told.get("timestamp")
        quote = quote_of_ticker(market, {**told, "timestamp": own if isinstance(own, int) else answered_at})
        if quote is not None:
            quotes.append(quote)
    return quotes


def time_of_answer(headers: Mapping[str, Any]) -> int | None:
    """Milliseconds since 1970 by the headers `Date` and `Age`; None where there is no usable date."""
    named = {str(name).lower(): str(value) for name, value in headers.items()}
    try:
        at = parsedate_to_datetime(named["date"])
        age = timedelta(seconds=int(named.get("age", "0")))
        return (at - age - EPOCH) // timedelta(milliseconds=1)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
