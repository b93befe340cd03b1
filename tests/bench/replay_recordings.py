"""Plays recorded market data through a feed into the bus and prints what became of it.

    python tests/bench/replay_recordings.py --data DIR

`DIR` holds a Binance USD-M stream recording (`binance-usdm-*.gz`), one-minute candles (`*-1m.csv.gz`) and recorded
answers of Kraken's REST interface (`kraken-http-*.json`). All times are the recordings' own: the clock is the
recorder's. Rates include reading, decoding, the hand-over between threads, and every check.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Asset, Instrument, MarketType, Symbol
from readytrader_sdk.market import Quote, Tick

from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.feed import Feed
from appliance.marketdata.values import BusSettings, Priority, SourceInfo, Verdict
from builtin_plugins.replay_source import binance_usdm
from builtin_plugins.replay_source.recording import Recorded
from builtin_plugins.replay_source.source import ReplaySource

ETH = Symbol("ETH/USDT:USDT")
BTC_PERP = Symbol("BTC/USD:BTC")
BTC = Symbol("BTC/USDT")
STREAM = SourceInfo(name="stream", priority=Priority.STREAM, admissible=True)
REST = SourceInfo(name="rest", priority=Priority.REST, admissible=True)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def counted(verdicts: Mapping[Verdict, int]) -> str:
    return ", ".join(f"{verdict} {count}" for verdict, count in verdicts.items())


def instrument(symbol: Symbol) -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote.partition(":")[0]),
        price_increment=Decimal("0.01"),
        quantity_increment=Decimal("0.001"),
        quantity_min=Decimal("0.001"),
        notional_min=Decimal(5),
        market_type=MarketType.SWAP if ":" in symbol else MarketType.SPOT,
    )


def new_bus(settings: BusSettings | None = None) -> MarketDataBus:
    return MarketDataBus(settings or BusSettings(), map(instrument, (ETH, BTC_PERP, BTC)))


async def replay(title: str, paths: Sequence[Path], fmt: str, symbol: Symbol) -> None:
    """One recording through one feed, as fast as it goes."""
    settings = {"path": ",".join(map(str, paths)), "format": fmt, "symbol": symbol}
    context = PluginContext(
        name="replay", settings=settings, secrets={}, logger=logging.getLogger("replay"), state_folder=Path()
    )
    source = ReplaySource(context)
    bus = new_bus()
    driven: Counter[str] = Counter()
    bus.subscribe(lambda _, tick: driven.update([type(tick).__name__]))
    feed = Feed(bus, STREAM, source, source.recorded_clock)
    started = time.perf_counter()
    feed.start()
    await feed.finished()
    seconds = time.perf_counter() - started
    health, (status,) = feed.health(), bus.statuses()
    if health.last_error:
        raise SystemExit(f"{title}: {health.last_error}")
    total = sum(status.verdicts.values())
    say(f"\n{title}: {total} ticks in {seconds:.2f} s, {total / seconds:,.0f} ticks/s; feed {health.state}")
    say(f"  verdicts: {counted(status.verdicts)}")
    say(f"  drove subscribers: {dict(driven)}")
    show(bus, symbol, source.recorded_clock())
    for known in source.instruments():
        say(f"  instrument: {known}")


def show(bus: MarketDataBus, symbol: Symbol, now: datetime) -> None:
    facts, candles = bus.facts(symbol, now), bus.candles(symbol, "1m", 1)
    if facts is not None:
        say(f"  last quote at {now:%F %T.%f}: {facts.bid} / {facts.ask}, age {facts.age}, skew {facts.clock_skew}")
    if candles:
        counts = {name: len(bus.candles(symbol, name, 10**6)) for name in ("1m", "5m", "15m", "1h", "4h", "1d")}
        say(f"  last candle {candles[-1].opened_at:%F %R} close {candles[-1].close}; kept {counts}")


def publish_only(recording: Sequence[Recorded], settings: BusSettings) -> None:
    """The bus alone: the ticks are ready, nothing else runs."""
    bus = new_bus(settings)
    bus.register(STREAM)
    counts: Counter[Verdict] = Counter()
    started = time.perf_counter()
    for arrived_at, tick in recording:
        counts[bus.publish("stream", tick, arrived_at)] += 1
    seconds = time.perf_counter() - started
    rate, each = len(recording) / seconds, seconds / len(recording) * 1e6
    say(f"\nbus alone, clock_skew_max {settings.clock_skew_max}: {rate:,.0f} ticks/s ({each:.1f} µs)")
    say(f"  verdicts: {counted(counts)}")


def fail_over(recording: Sequence[Recorded]) -> None:
    """The stream beside a poll a second; the stream dies after a third, returns after two thirds."""
    settings = BusSettings(quote_age_max=timedelta(seconds=2))
    bus = new_bus(settings)
    bus.register(STREAM)
    bus.register(REST)
    begin, end = recording[0][0], recording[-1][0]
    dies_at, returns_at = begin + (end - begin) / 3, begin + 2 * (end - begin) / 3
    say(f"\nfail-over, quote_age_max 2 s: the stream is silent from {dies_at:%T.%f} to {returns_at:%T.%f}")
    in_use: str | None = None
    for now, feeding, tick in with_polls(recording):
        if feeding == "rest" or not dies_at <= now < returns_at:
            bus.publish(feeding, tick, now)
        facts = bus.facts(ETH, now)
        chosen = facts.sources[0] if facts and facts.sources else None
        if chosen != in_use:
            mid = (facts.bid + facts.ask) / 2 if facts else None
            say(f"  {now:%T.%f}: {in_use} -> {chosen}, mid {mid}, age {facts.age if facts else None}")
            in_use = chosen
    for status in bus.statuses():
        say(f"  {status.info.name}: {counted(status.verdicts)}")


def with_polls(recording: Sequence[Recorded]) -> Iterator[tuple[datetime, str, Tick]]:
    """Every tick of the stream, and once a second the newest quote again, as a poll would bring it."""
    polled_at: datetime | None = None
    for arrived_at, tick in recording:
        yield arrived_at, "stream", tick
        if isinstance(tick, Quote) and (polled_at is None or arrived_at - polled_at >= timedelta(seconds=1)):
            polled_at = arrived_at
            yield arrived_at, "rest", tick


def main() -> None:
    parser = argparse.ArgumentParser(description="Play recorded market data through the bus.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    folder: Path = parser.parse_args().data
    streams, candles = sorted(folder.glob("binance-usdm-*.gz")), sorted(folder.glob("*-1m.csv.gz"))
    answers = sorted(folder.glob("kraken-http-*.json"))
    say(f"replay of {folder}, {datetime.now(UTC):%F %R} UTC")
    asyncio.run(replay("Binance USD-M stream", streams, "binance_usdm", ETH))
    asyncio.run(replay("one-minute candles", candles, "candles_csv", BTC_PERP))
    asyncio.run(replay("Kraken REST answers", answers, "kraken_rest", BTC))
    recording = [each for path in streams for each in binance_usdm.read(path, ETH, 20)]
    publish_only(recording, BusSettings())
    publish_only(recording, BusSettings(clock_skew_max=timedelta(seconds=1)))
    fail_over(recording)


if __name__ == "__main__":
    main()
