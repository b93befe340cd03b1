"""The whole way: caged worker, the real ccxt plugin, the egress broker, and the local exchange's wire over HTTP.

The exchange is served from a thread with a loop of its own, so that a core can be dropped, tasks and all, while the
venue goes on with whatever had been sent to it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from appliance.home import Home
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.server import serve
from appliance.plugin_host.egress.control import Egress
from appliance.plugin_host.health import Patience as WorkerPatience
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.launcher import Launcher
from appliance.plugin_host.supervisor import Worker, Workers
from appliance.service.patience import Patience
from tests.live.rig import BRISK, EXCHANGE, KEY, SECRET


def _seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


WIRED = msgspec.structs.replace(
    BRISK,
    call=timedelta(seconds=1.2),
    enquiry_delays=_seconds(0.05, 0.1, 0.2, 0.3),
    absent_after=timedelta(seconds=2),
    refresh_delays=_seconds(0, 0.1, 0.2, 0.5, 1),
    confirm_delay=timedelta(seconds=0.1),
    reconcile_every=timedelta(seconds=0.25),
    unreachable_after=timedelta(seconds=2),
    sweep_delays=_seconds(0.05, 0.1, 0.3),
    rights_every=timedelta(seconds=0.5),
    stream_pauses=_seconds(0.02, 0.1),
)
"""Of a venue behind processes and sockets on a busy machine."""
QUICK = WorkerPatience(pause_first=0.01, pause_longest=0.1, settled=60, end=0.2)


class Served:
    """The exchange, served from a thread of its own."""

    def __init__(self, make: Callable[[], LocalExchange]) -> None:
        """`make` is called on that thread."""
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="venue", daemon=True)
        self._ready: Future[str] = Future()
        self._over: asyncio.Event
        self.exchange: LocalExchange
        self.url = ""

    def open(self) -> None:
        self._thread.start()
        self.url = self._ready.result(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(lambda: self._over.set())
        self._thread.join(20)
        self._loop.close()

    def do(self, act: Callable[[], object]) -> None:
        """Do it there, and wait until it is done."""
        done: Future[None] = Future()

        def there() -> None:
            try:
                act()
            except BaseException as fault:  # noqa: BLE001 - it is the caller's to hear
                done.set_exception(fault)
            else:
                done.set_result(None)

        self._loop.call_soon_threadsafe(there)
        done.result(10)

    def every(self, seconds: float, act: Callable[[int], object]) -> None:
        """Do something there again and again, from now on until the end; it is told how often it was done."""

        def turn(number: int) -> None:
            act(number)
            self._loop.call_later(seconds, turn, number + 1)

        self.do(lambda: turn(0))

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        try:
            self.exchange = self._make()
            async with serve(self.exchange) as url:
                self._ready.set_result(url)
                await self._over.wait()
            self.exchange.close()
        except BaseException as fault:
            if not self._ready.done():
                self._ready.set_exception(fault)
            raise


@contextmanager
def served(make: Callable[[], LocalExchange]) -> Iterator[Served]:
    """A venue for as long as the context."""
    venue = Served(make)
    venue.open()
    try:
        yield venue
    finally:
        venue.close()


class _Lasting(PluginHost):
    """Workers of one life, with the zygote and the broker of all: neither holds anything of an order."""

    def __init__(self, launcher: Launcher, egress: Egress) -> None:
        super().__init__(lambda: datetime.now(UTC), ())
        self._launcher, self._egress = launcher, egress
        self._workers = Workers(launcher, egress, lambda: datetime.now(UTC), QUICK)

    async def open(self) -> None:
        """Open already."""

    async def start(self) -> None:
        """As `PluginHost`, but for the broker, which runs."""
        await self._workers.start()

    async def aclose(self) -> None:
        """End the workers alone."""
        await self._workers.aclose()


FEED = """\
private_hosts = ["{host}"]
settings = {{ exchange = "{wire}", symbols = "BTC/USDT", timeframes = "none", silence_s = "2", url = "{url}" }}
"""


def _kill(worker: Worker) -> None:
    if worker._process is not None:
        worker._process.kill()


class CagedLane:
    """A core whose venue is behind ccxt in a worker; fed, its prices are what ccxt hears of that venue in another."""

    patience: Patience = WIRED

    def __init__(self, venue: Served, exchange_id: str = "binance", *, is_fed: bool = False) -> None:
        self.is_fed = is_fed
        self._venue = venue
        self._exchange_id = exchange_id
        self._launcher = Launcher()
        self._egress = Egress(cage_required=())

    def configuration(self) -> str:
        host = urlsplit(self._venue.url).netloc
        settings = f'settings = {{ exchange = "{self._exchange_id}", url = "{self._venue.url}", rate_limit = "off" }}'
        feed = FEED.format(host=host, wire=self._exchange_id, url=self._venue.url)
        more = f'private_hosts = ["{host}"]\n{settings}'
        return EXCHANGE.format(plugin="ccxt", source="ccxt_feed", more=more, feed=feed)

    def prepare(self, home: Home) -> None:
        folder = home.secrets / "binance"
        folder.mkdir(mode=0o700, parents=True)
        for name, text in (("api_key", KEY), ("api_secret", SECRET)):
            path = folder / name
            path.touch(mode=0o600)
            path.write_text(text + "\n")

    def host(self) -> PluginHost:
        return _Lasting(self._launcher, self._egress)

    async def open(self) -> None:
        """Start the broker and the zygote, for all lives of the core."""
        await self._launcher.open()
        await self._egress.start()

    async def aclose(self) -> None:
        """End them."""
        await self._egress.aclose()
        await self._launcher.aclose()

    def kill(self, host: PluginHost) -> None:
        """The workers die with the core, as the kernel has it."""
        for worker in host._workers._workers.values():
            _kill(worker)

    def kill_worker(self, host: PluginHost) -> None:
        _kill(host["binance"])

    def at_venue(self, act: Callable[[], object]) -> None:
        self._venue.do(act)
