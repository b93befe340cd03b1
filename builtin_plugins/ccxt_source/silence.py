"""Whether each symbol is still heard of. An open connection proves nothing: ticks do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from time import monotonic

from readytrader_sdk.errors import Unavailable
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Book, Quote, Tick

LOOKS = 4
"""Looks while a silence may last."""


class Silence:
    """When each symbol was last priced, by our clock."""

    def __init__(self, symbols: Sequence[Symbol], longest_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._longest_s = longest_s
        self._heard = dict.fromkeys(symbols, clock())

    def heard(self, ticks: Iterable[Tick]) -> None:
        """Note what was told of prices. Candles and trades are told of the past."""
        now = self._clock()
        for tick in ticks:
            if isinstance(tick, Quote | Book):
                self._heard[tick.symbol] = now

    def quiet(self) -> list[Symbol]:
        """The symbols that were silent for too long."""
        since = self._clock() - self._longest_s
        return [symbol for symbol, at in self._heard.items() if at < since]

    async def watch(self, name: str) -> None:
        """Look for ever. Raises `Unavailable` that names a quiet symbol."""
        while True:
            await asyncio.sleep(self._longest_s / LOOKS)
            if quiet := self.quiet():
                others = f" and {len(quiet) - 1} others" if len(quiet) > 1 else ""
                raise Unavailable(f"{name}: no price of {quiet[0]}{others} for {self._longest_s:g} s")
