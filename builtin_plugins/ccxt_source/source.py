"""The port: one exchange's market data, from a connection that is made anew whenever something is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Instrument
from readytrader_sdk.market import Tick

from builtin_plugins.ccxt_loading import made
from builtin_plugins.ccxt_source import unified, wiretap
from builtin_plugins.ccxt_source.candles import Candles
from builtin_plugins.ccxt_source.closing import close
from builtin_plugins.ccxt_source.failures import failure
from builtin_plugins.ccxt_source.lean import Broken, Reader, reader_of
from builtin_plugins.ccxt_source.mailbox import Mailbox
from builtin_plugins.ccxt_source.markets import Market, markets_of
from builtin_plugins.ccxt_source.polling import poll
from builtin_plugins.ccxt_source.settings import How, settings_of
from builtin_plugins.ccxt_source.silence import Silence

SNAPSHOT_LEVELS = 100


class CcxtSource:
    """Quotes, books where wanted, and closed candles of one exchange."""

    def __init__(self, context: PluginContext, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._context = context
        self._settings = settings_of(context)
        self._candles = Candles(context.name, self._settings.timeframes, clock)
        # Made here once, so that an exchange that is none is told before anything runs.
        made(self._settings.choice, context.name, streaming=self._settings.how is How.STREAM)

    def instruments(self) -> Sequence[Instrument]:
        """Nothing: what an exchange trades is not known without asking it."""
        return ()

    async def stream(self) -> AsyncIterator[Tick]:
        """As `DataSourcePort`."""
        settings, name = self._settings, self._context.name
        mailbox = Mailbox()
        async with _open(settings.choice, name, streaming=settings.how is How.STREAM) as exchange:
            markets = await _markets(exchange, name, settings.symbols)
            silence = Silence(settings.symbols, settings.silence_s)
            async with _running(mailbox, name) as run:
                for what, work in self._works(exchange, markets, mailbox, silence, run):
                    run(what, work)
                while True:
                    for tick in await mailbox.taken():
                        yield tick

    def _works(
        self, exchange: Any, markets: tuple[Market, ...], mailbox: Mailbox, silence: Silence, run: _Run
    ) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """All that goes on at once while ticks are taken."""
        settings, name = self._settings, self._context.name
        works = [
            ("prices", self._prices(exchange, markets, mailbox, silence, run)),
            ("prices", silence.watch(name)),
        ]
        if settings.timeframes:
            works.append(("candles", self._candles.follow(exchange, markets, mailbox.put, self._context.logger)))
        return works

    async def _prices(
        self, exchange: Any, markets: tuple[Market, ...], mailbox: Mailbox, silence: Silence, run: _Run
    ) -> None:
        settings, name = self._settings, self._context.name
        if settings.how is How.POLL:
            await poll(exchange, markets, name, settings.poll_s, mailbox, silence)
            return

        def ask(market: Market) -> None:
            if reader is not None:
                run("books", _snapshot(exchange, reader, market, name, mailbox, silence))

        reader = reader_of(exchange, markets, settings.depth, ask)
        if reader is None:
            await unified.listen(exchange, markets, name, settings.depth, mailbox, silence)
        else:
            await wiretap.listen(exchange, reader, self._context, mailbox, silence)


_Run = Callable[[str, Coroutine[Any, Any, None]], None]
"""Start some work; its failure is the stream's."""


@asynccontextmanager
async def _open(choice: Any, name: str, *, streaming: bool) -> AsyncIterator[Any]:
    exchange = made(choice, name, streaming=streaming)
    exchange.options["adjustForTimeDifference"] = False  # nothing here is signed
    try:
        yield exchange
    finally:
        await close(exchange)


@asynccontextmanager
async def _running(mailbox: Mailbox, name: str) -> AsyncIterator[_Run]:
    """Work that is cancelled on the way out."""
    tasks: set[asyncio.Task[None]] = set()

    def run(what: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(wiretap.fail_with(mailbox, name, what))

    try:
        yield run
    finally:
        pending = list(tasks)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def _markets(exchange: Any, name: str, symbols: Sequence[Any]) -> tuple[Market, ...]:
    try:
        known = await exchange.load_markets()
    except Exception as error:  # ccxt's errors, and whatever is below them
        raise failure(name, "the exchange's markets", error) from error
    return markets_of(name, known, symbols)


async def _snapshot(
    exchange: Any, reader: Reader, market: Market, name: str, mailbox: Mailbox, silence: Silence
) -> None:
    """Ask for a whole book, for a reader that keeps one from its changes. Only Binance's needs it."""
    try:
        answer = await exchange.publicGetDepth({"symbol": market.venue_id, "limit": SNAPSHOT_LEVELS})
        ticks = reader.snapshot(market, answer)
    except Broken as fault:
        raise failure(name, str(fault), fault) from fault
    except Exception as error:  # ccxt's errors, and whatever is below them
        raise failure(name, f"{market.symbol}: the book", error) from error
    silence.heard(ticks)
    mailbox.put(ticks)
