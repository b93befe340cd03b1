"""Two exchanges, two caged workers, one bus: when the first source fails, the second one's prices are in use."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.egress import Endpoint

from appliance.domain.intents import AgentId
from appliance.home import Home
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.model import LocalExchange
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.feed import Backoff, Feed, Feeds, FeedState
from appliance.marketdata.values import BusSettings, Priority, SourceInfo, SourceStatus, Verdict
from appliance.plugin_host.catalog import worker_specs
from appliance.plugin_host.entries import Instance
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.remote import RemoteSource
from tests.local_exchange.ground import BTC, ETH, instrument
from tests.marketdata.building import quote
from tests.plugins.feeding import moving_market, settings
from tests.plugins.test_caged import SIGNER, Configured

BOUND_S = 60.0
FOR_GOOD = 10**9
AGE_MAX = timedelta(seconds=0.5)
"""Shorter than a worker takes to start: a source that comes back in time needs no second one."""
FIRST, SECOND = "first", "second"


class Scene:
    """What a test sees and does."""

    def __init__(self, bus: MarketDataBus, host: PluginHost, feeds: Feeds, first: LocalExchange) -> None:
        self.bus, self.host, self.feeds, self.first = bus, host, feeds, first

    def source(self) -> str | None:
        """Whose price is good for an order now."""
        view = self.bus.view(BTC, datetime.now(UTC), for_agent=None, execution=True)
        return None if view.quote is None else view.source

    def voices(self) -> tuple[str, ...]:
        """Who supports it, the source in use first."""
        facts = self.bus.facts(BTC, datetime.now(UTC))
        return () if facts is None else facts.sources

    def mid(self) -> Decimal | None:
        return self.bus.price(instrument(BTC).base, instrument(BTC).quote, datetime.now(UTC))

    def status(self, name: str) -> SourceStatus:
        return next(status for status in self.bus.statuses() if status.info.name == name)

    def restarts(self, name: str) -> int:
        return next(feed.restarts for feed in self.feeds.health() if feed.source == name)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it, and demand that there is a sane price all the while, or none; never a wrong one."""
        async with asyncio.timeout(BOUND_S):
            while not condition():
                mid = self.mid()
                assert mid is None or Decimal(59_000) < mid < Decimal(61_000)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def two_sources(folder: Path, *, age_max: timedelta = AGE_MAX, **second: str) -> AsyncIterator[Scene]:
    """Binance's wire first, Kraken's second, each of an exchange of its own; `second` are settings of Kraken's feed."""
    home = Home(folder / "home")
    home.prepare()
    bus = MarketDataBus(BusSettings(quote_age_max=age_max), [instrument(BTC), instrument(ETH)])
    host = PluginHost(lambda: datetime.now(UTC), ())
    async with moving_market() as (first, port_1), moving_market() as (_, port_2):
        instances = (_instance(FIRST, "binance", port_1), _instance(SECOND, "kraken", port_2, **second))
        infos = (
            SourceInfo(name=FIRST, priority=Priority.STREAM, admissible=True),
            SourceInfo(name=SECOND, priority=Priority.REST, admissible=True),
        )
        try:
            await host.open()
            host.add(worker_specs(Configured(instances), home, SIGNER.public_key.public_bytes_raw()))
            await host.start()
            feeds = Feeds(
                Feed(bus, info, RemoteSource(host[info.name]), lambda: datetime.now(UTC), Backoff(first=0.2, longest=1))
                for info in infos
            )
            await feeds.start()
            scene = Scene(bus, host, feeds, first)
            try:
                await scene.until(lambda: scene.source() == FIRST and scene.status(SECOND).accepted > 0)
                yield scene
            finally:
                await feeds.aclose()
        finally:
            await host.aclose()


def _instance(name: str, exchange: str, port: int, **more: str) -> Instance:
    given = settings(exchange, port, silence_s="3", **more)
    private = (Endpoint("127.0.0.1", port),)
    return Instance(kind=Kind.DATA_SOURCE, name=name, plugin="ccxt_feed", settings=given, private_hosts=private)


def play(
    folder: Path, act: Callable[[Scene], Coroutine[None, None, None]], *, age_max: timedelta = AGE_MAX, **second: str
) -> None:
    async def scene() -> None:
        async with two_sources(folder, age_max=age_max, **second) as stage:
            await act(stage)

    asyncio.run(scene())


def test_kill_9_of_the_first_sources_worker_hands_over_to_the_second_and_back(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        pid = scene.host[FIRST].health().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await scene.until(lambda: scene.source() == SECOND)
        await scene.until(lambda: scene.source() == FIRST)
        assert scene.restarts(FIRST) >= 1
        assert scene.host[FIRST].health().pid != pid

    play(tmp_path, act)


def test_a_silent_socket_hands_over_to_the_second_and_the_first_is_started_again(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.first.faults.inject(Fault.SILENT_SOCKET)
        await scene.until(lambda: scene.source() == SECOND)
        await scene.until(lambda: scene.restarts(FIRST) >= 1 and scene.source() == FIRST)
        health = next(feed for feed in scene.feeds.health() if feed.source == FIRST)
        assert health.state is FeedState.RUNNING
        assert "no price of" in (health.last_error or "")

    play(tmp_path, act)


def test_a_crossed_book_is_refused_and_counted_and_the_second_source_is_used(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.first.faults.inject(Fault.CROSSED_BOOK, times=FOR_GOOD, path="market")
        await scene.until(lambda: scene.source() == SECOND)
        assert scene.status(FIRST).verdicts[Verdict.CROSSED] > 0
        scene.first.faults.clear()
        await scene.until(lambda: scene.source() == FIRST)

    play(tmp_path, act)


def test_an_absurd_price_never_gets_through_and_the_second_source_is_used(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.first.faults.inject(Fault.ABSURD_PRICE, times=FOR_GOOD, path="market")
        await scene.until(lambda: scene.source() == SECOND)
        refused = scene.status(FIRST).verdicts
        assert refused.get(Verdict.CROSSED, 0) + refused.get(Verdict.CONTRADICTED, 0) > 0

    play(tmp_path, act)


def test_a_stream_is_followed_by_what_an_agent_hands_in_and_that_by_what_is_polled(tmp_path: Path) -> None:
    """Two venues agree while both are heard; the quorum is told of each as it comes and goes."""
    handed_in = SourceInfo(name="ingest:anna", priority=Priority.INGEST, admissible=True, supplier=AgentId("anna"))

    async def act(scene: Scene) -> None:
        await scene.until(lambda: scene.voices() == (FIRST, SECOND))
        scene.first.faults.inject(Fault.SILENT_SOCKET, times=FOR_GOOD)
        await scene.until(lambda: scene.source() == SECOND)
        assert scene.voices() == (SECOND,)

        scene.bus.register(handed_in)
        now = datetime.now(UTC)
        assert scene.bus.publish(handed_in.name, quote("60000", now), now) is Verdict.ACCEPTED
        assert (scene.source(), scene.voices()) == (handed_in.name, (handed_in.name, SECOND))
        await scene.until(lambda: scene.source() == SECOND)  # it grew old

        scene.first.faults.clear()
        await scene.until(lambda: scene.source() == FIRST)

    play(tmp_path, act, age_max=timedelta(seconds=4), feed="poll", poll_s="1")
