"""The made-up market: a seeded walk an instrument, the same for the same seed on every platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Candle, Quote, Tick

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HISTORY_MINUTES_MAX = 10_000
STEPS_PER_PAST_CANDLE = 4
"""Past candles are coarse, so that the first quote does not wait for a day of made-up seconds."""


class _Market(Struct, frozen=True, kw_only=True):
    """Where a walk starts and how far it steps. Prices and steps in price increments, sizes in quantity increments."""

    instrument: Instrument
    start: int
    step: int
    half_spread: int
    size_max: int


def _market(base: str, *, price_increment: str, quantity_increment: str, start: int, step: int, size: int) -> _Market:
    instrument = Instrument(
        symbol=Symbol(f"{base}/USDT"),
        base=Asset(base),
        quote=Asset("USDT"),
        price_increment=Decimal(price_increment),
        quantity_increment=Decimal(quantity_increment),
        quantity_min=Decimal(quantity_increment),
        notional_min=Decimal(5),
    )
    return _Market(instrument=instrument, start=start, step=step, half_spread=step // 10, size_max=size)


MARKETS = {
    market.instrument.symbol: market
    for market in (
        _market("BTC", price_increment="0.01", quantity_increment="0.00001", start=6_000_000, step=400, size=300_000),
        _market("ETH", price_increment="0.01", quantity_increment="0.0001", start=300_000, step=30, size=500_000),
        _market("SOL", price_increment="0.01", quantity_increment="0.001", start=15_000, step=10, size=2_000_000),
    )
}


class SampleSource:
    """A seeded random walk: candles of the last hours first, then a quote a second and a candle a minute."""

    paper_only = "sample"

    def __init__(
        self,
        context: PluginContext,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        known = {"symbols", "seed", "history_minutes"}
        if unknown := sorted(context.settings.keys() - known):
            raise Misconfigured(f"{context.name}: unknown setting {unknown[0]!r}; expected {', '.join(sorted(known))}")
        names = context.settings.get("symbols", ",".join(MARKETS)).split(",")
        self._markets = [_market_named(context.name, name.strip()) for name in names]
        self._seed = _whole(context, "seed", 1, 2**63)
        self._history_minutes = _whole(context, "history_minutes", 1500, HISTORY_MINUTES_MAX)
        self._clock = clock
        self._sleep = sleep

    def instruments(self) -> Sequence[Instrument]:
        """The made-up instruments that are walked."""
        return [market.instrument for market in self._markets]

    async def stream(self) -> AsyncIterator[Tick]:
        """History first; then quotes stamped with the moment they are made. Never ends."""
        walks = [_Walk(market, self._seed) for market in self._markets]
        this_minute = _start_of_minute(self._clock())
        for walk in walks:
            for candle in walk.history(this_minute, self._history_minutes):
                yield candle
        while True:
            now = self._clock()
            for walk in walks:
                for tick in walk.advance(now):
                    yield tick
            await self._sleep(1 - (self._clock() - now) / SECOND % 1)


class _Walk:
    """One instrument's price. A weak pull towards the start keeps a long run in a believable range."""

    def __init__(self, market: _Market, seed: int) -> None:
        self._market = market
        # A text seed is hashed with SHA-512, so that each instrument walks its own way on every platform.
        self._random = Random(f"{seed} {market.instrument.symbol}")  # noqa: S311 - a toy market, not a secret
        self._price = market.start
        self._minute: datetime | None = None
        self._seen: list[int] = []

    def history(self, until: datetime, minutes: int) -> Iterator[Candle]:
        """The closed candles of the `minutes` before `until`."""
        for opened_at in (until - MINUTE * back for back in range(minutes, 0, -1)):
            prices = [self._step() for _ in range(STEPS_PER_PAST_CANDLE)]
            yield self._candle(opened_at, prices)

    def advance(self, now: datetime) -> Iterator[Tick]:
        """One step: the quote of `now`, after the candle of the minute that it closes."""
        price = self._step()
        minute = _start_of_minute(now)
        if self._minute is not None and minute > self._minute:
            yield self._candle(self._minute, self._seen)
            self._seen = []
        self._minute = minute
        self._seen.append(price)
        yield self._quote(price, now)

    def _step(self) -> int:
        market = self._market
        pull = (market.start - self._price) // 2000
        self._price = max(market.half_spread + 1, self._price + self._random.randint(-market.step, market.step) + pull)
        return self._price

    def _quote(self, price: int, now: datetime) -> Quote:
        market, instrument = self._market, self._market.instrument
        return Quote(
            symbol=instrument.symbol,
            bid=(price - market.half_spread) * instrument.price_increment,
            ask=(price + market.half_spread) * instrument.price_increment,
            bid_size=self._random.randint(1, market.size_max) * instrument.quantity_increment,
            ask_size=self._random.randint(1, market.size_max) * instrument.quantity_increment,
            last=price * instrument.price_increment,
            observed_at=now,
        )

    def _candle(self, opened_at: datetime, prices: Sequence[int]) -> Candle:
        instrument = self._market.instrument
        increment = instrument.price_increment
        return Candle(
            symbol=instrument.symbol,
            timeframe="1m",
            opened_at=opened_at,
            open=prices[0] * increment,
            high=max(prices) * increment,
            low=min(prices) * increment,
            close=prices[-1] * increment,
            volume=self._random.randint(0, self._market.size_max) * instrument.quantity_increment,
        )


def _start_of_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _market_named(plugin: str, name: str) -> _Market:
    market = MARKETS.get(Symbol(name))
    if market is None:
        raise Misconfigured(f"{plugin}: symbols: expected some of {', '.join(MARKETS)}, got {name!r}")
    return market


def _whole(context: PluginContext, setting: str, default: int, highest: int) -> int:
    text = context.settings.get(setting)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or int(text) > highest:
        raise Misconfigured(f"{context.name}: {setting}: expected a whole number up to {highest}, got {text!r}")
    return int(text)
