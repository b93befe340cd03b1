"""What live market data cost: from a venue's websocket through caged workers and the egress broker into the bus.

Run with `pytest tests/bench/bench_marketdata.py --benchmark-only -s`. The venue is a process of its own, so are each
worker and the broker; with two cores they take each other's time, and the load of the machine is told beside.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.instruments import Asset, Instrument, MarketType, Symbol
from readytrader_sdk.market import Quote

from appliance.home import Home
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.feed import Feed, Feeds
from appliance.marketdata.values import BusSettings, Priority, SourceInfo
from appliance.plugin_host.catalog import worker_specs
from appliance.plugin_host.entries import Instance
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.remote import RemoteSource
from tests.bench.market_flood import listed, told
from tests.plugins.test_caged import SIGNER, Configured

FLOOD = Path(__file__).with_name("market_flood.py")
MEASURED_S = 5.0


@contextmanager
def venue(symbols: int, rate: float) -> Iterator[int]:
    """The port of a venue in a process of its own."""
    process = subprocess.Popen([sys.executable, FLOOD, str(symbols), str(rate)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def instance(number: int, port: int, symbols: int) -> Instance:
    settings = {
        "exchange": "binanceusdm",
        "symbols": ",".join(f"A{n}/USDT:USDT" for n in range(symbols)),
        "url": f"http://127.0.0.1:{port}",
        "timeframes": "none",
    }
    private = (Endpoint("127.0.0.1", port),)
    return Instance(
        kind=Kind.DATA_SOURCE, name=f"venue_{number}", plugin="ccxt_feed", settings=settings, private_hosts=private
    )


def instrument(number: int) -> Instrument:
    return Instrument(
        symbol=Symbol(f"A{number}/USDT:USDT"), base=Asset(f"A{number}"), quote=Asset("USDT"),
        market_type=MarketType.SWAP, price_increment=Decimal("0.1"), quantity_increment=Decimal("0.001"),
        quantity_min=Decimal("0.001"), notional_min=Decimal(5),
    )  # fmt: skip


@asynccontextmanager
async def fed(folder: Path, ports: list[int], symbols: int) -> AsyncIterator[tuple[MarketDataBus, PluginHost]]:
    """A bus fed by one caged worker a venue."""
    home = Home(folder / "home")
    home.prepare()
    instances = tuple(instance(number, port, symbols) for number, port in enumerate(ports))
    host = PluginHost(lambda: datetime.now(UTC), ())
    bus = MarketDataBus(BusSettings(), [instrument(number) for number in range(symbols)])
    infos = [SourceInfo(name=one.name, priority=Priority.STREAM, admissible=True) for one in instances]
    try:
        await host.open()
        host.add(worker_specs(Configured(instances), home, SIGNER.public_key.public_bytes_raw()))
        await host.start()
        feeds = Feeds(Feed(bus, info, RemoteSource(host[info.name]), lambda: datetime.now(UTC)) for info in infos)
        await feeds.start()
        try:
            async with asyncio.timeout(60):
                while not all(status.accepted for status in bus.statuses()):  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(0.05)
            yield bus, host
        finally:
            await feeds.aclose()
    finally:
        await host.aclose()


def accepted(bus: MarketDataBus) -> int:
    return sum(status.accepted for status in bus.statuses())


def busy_s(pid: int) -> float:
    """Processor time of a process until now (proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measured(folder: Path, ports: list[int], symbols: int) -> dict[str, float]:
    """Ticks a second into the bus, and the share of a core that the core and each worker take."""
    async with fed(folder, ports, symbols) as (bus, host):
        workers = [pid for number in range(len(ports)) if (pid := host[f"venue_{number}"].health().pid) is not None]
        cpu, began, ticks = _core_s(), monotonic(), accepted(bus)
        spent = [busy_s(pid) for pid in workers]
        await asyncio.sleep(MEASURED_S)
        took = monotonic() - began
        by_workers = sum(busy_s(pid) - was for pid, was in zip(workers, spent, strict=True))
        return {
            "ticks_per_s": round((accepted(bus) - ticks) / took),
            "core_pct": round(100 * (_core_s() - cpu) / took, 1),
            "workers_pct": round(100 * by_workers / took, 1),
            "refused": sum(status.refused for status in bus.statuses()),
            "load": os.getloadavg()[0],
        }  # fmt: skip


def _core_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tell(benchmark: BenchmarkFixture, folder: Path, venues: int, symbols: int, rate: float) -> None:
    with ExitStack() as stack:
        ports = [stack.enter_context(venue(symbols, rate)) for _ in range(venues)]
        found: dict[str, float] = {}
        benchmark.pedantic(lambda: found.update(asyncio.run(measured(folder, ports, symbols))), rounds=1)
    benchmark.extra_info.update(found)
    print(f"\n{venues} venues, {symbols} symbols, {rate or 'any'} a second each: {found}")  # noqa: T201 - the result


@pytest.mark.parametrize("venues", [1, 2])
def test_bench_as_many_ticks_as_go_through(benchmark: BenchmarkFixture, tmp_path: Path, venues: int) -> None:
    tell(benchmark, tmp_path, venues, 3, 0)


def test_bench_20_000_ticks_a_second_from_one_venue(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    tell(benchmark, tmp_path, 1, 3, 20_000)


@pytest.mark.parametrize("rate", [50, 500])
def test_bench_50_symbols_on_3_venues(benchmark: BenchmarkFixture, tmp_path: Path, rate: float) -> None:
    tell(benchmark, tmp_path, 3, 50, rate)


def test_bench_reading_one_message_lean(benchmark: BenchmarkFixture) -> None:
    """The reader alone, beside what ccxt makes of the same message in the next one."""
    from builtin_plugins.ccxt_source.lean.binance_perpetuals import BinancePerpetuals
    from builtin_plugins.ccxt_source.markets import Market

    reader = BinancePerpetuals(None, [Market(symbol=Symbol("A0/USDT:USDT"), venue_id="A0USDT")], 0)
    ticks = benchmark(reader.read, told("A0USDT", 1, 1_700_000_000_000))
    assert isinstance(ticks[0], Quote)


def test_bench_reading_one_message_with_ccxt(benchmark: BenchmarkFixture) -> None:
    from builtin_plugins.ccxt_loading import Choice, made

    exchange = made(Choice(exchange_id="binanceusdm", market_type=MarketType.SWAP), "bench", streaming=True)
    exchange.set_markets(exchange.parse_markets([listed("A0USDT")]))
    text = told("A0USDT", 1, 1_700_000_000_000)

    class Client:
        url = "ws"
        subscriptions: dict[str, object] = {}  # noqa: RUF012 - as ccxt's

        def resolve(self, result: object, message_hash: str) -> None:
            del result, message_hash

    benchmark(lambda: exchange.handle_message(Client(), msgspec.json.decode(text)))
