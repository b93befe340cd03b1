"""Sources running beside each other: what ends, what is started again, and that none keeps the loop to itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import datetime
from itertools import pairwise

from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.market import Tick

from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.feed import BATCH, Backoff, Feed, Feeds, FeedState
from appliance.marketdata.values import Verdict
from tests.marketdata.building import BTC_USDT, MICROSECOND, REST, START, STREAM, bus_of, quote

AT_ONCE = Backoff(first=0.0, longest=0.0)
Script = Callable[[int], AsyncIterator[Tick]]


class ScriptedSource:
    """Plays a script; the script is told how many times it has been started before."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.starts = 0

    async def batches(self) -> AsyncIterator[Sequence[Tick]]:
        self.starts += 1
        async for tick in self._script(self.starts - 1):
            yield [tick]


def clock() -> datetime:
    return START


async def ticks(count: int, first: int = 0) -> AsyncIterator[Tick]:
    for number in range(first, first + count):
        yield quote("100", START + number * MICROSECOND)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until what the feeds bring about is so."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0)


def run(main: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 20))


def test_everything_a_source_delivers_reaches_the_bus_in_order() -> None:
    async def main() -> None:
        bus = bus_of()
        feed = Feed(bus, STREAM, ScriptedSource(lambda _: ticks(3 * BATCH)), clock)
        feed.start()
        await feed.finished()
        (status,) = bus.statuses()
        assert status.verdicts == {Verdict.ACCEPTED: 3 * BATCH}
        assert feed.health().state is FeedState.ENDED

    run(main())


def test_one_huge_batch_lets_everybody_else_have_a_turn() -> None:
    class Huge:
        async def batches(self) -> AsyncIterator[Sequence[Tick]]:
            yield [quote("100", START + number * MICROSECOND) for number in range(20 * BATCH)]

    async def main() -> None:
        bus = bus_of()
        huge, lively = Feed(bus, STREAM, Huge(), clock), Feed(bus, REST, ScriptedSource(lambda _: ticks(3)), clock)
        huge.start()
        lively.start()
        await lively.finished()
        assert bus.statuses()[0].accepted < 20 * BATCH
        await huge.finished()
        assert bus.statuses()[0].accepted == 20 * BATCH

    run(main())


def test_an_unavailable_source_is_started_again_and_the_restart_is_counted() -> None:
    async def twice_unavailable(before: int) -> AsyncIterator[Tick]:
        if before < 2:
            raise Unavailable("the venue does not answer")
        yield quote("100")

    async def main() -> None:
        bus = bus_of()
        feed = Feed(bus, STREAM, ScriptedSource(twice_unavailable), clock, AT_ONCE)
        feed.start()
        await feed.finished()
        health = feed.health()
        assert (health.state, health.restarts) == (FeedState.ENDED, 2)
        assert health.last_error == "Unavailable: the venue does not answer"
        assert bus.facts(BTC_USDT, START) is not None

    run(main())


def test_pauses_double_up_to_the_longest() -> None:
    started: list[float] = []

    async def unavailable(before: int) -> AsyncIterator[Tick]:
        started.append(asyncio.get_running_loop().time())
        if before < 5:
            raise Unavailable("the venue does not answer")
        yield quote("100")

    async def main() -> None:
        feed = Feed(bus_of(), STREAM, ScriptedSource(unavailable), clock, Backoff(first=0.02, longest=0.08))
        feed.start()
        await feed.finished()

    run(main())
    pauses = [after - before for before, after in pairwise(started)]
    assert all(pause >= least * 0.99 for pause, least in zip(pauses, (0.02, 0.04, 0.08, 0.08, 0.08), strict=True))


def test_a_misconfigured_source_is_not_started_again() -> None:
    async def misconfigured(_: int) -> AsyncIterator[Tick]:
        raise Misconfigured("symbol: unknown")
        yield quote("100")

    async def main() -> None:
        source = ScriptedSource(misconfigured)
        feed = Feed(bus_of(), STREAM, source, clock, AT_ONCE)
        feed.start()
        await feed.finished()
        assert source.starts == 1
        assert (feed.health().state, feed.health().last_error) == (FeedState.FAILED, "Misconfigured: symbol: unknown")

    run(main())


def test_a_broken_source_is_started_again_and_its_own_words_are_not_shown() -> None:
    async def breaks_once(before: int) -> AsyncIterator[Tick]:
        yield quote("100", START + before * MICROSECOND)
        if before == 0:
            raise KeyError("api_key=hunter2")

    async def main() -> None:
        bus = bus_of()
        feed = Feed(bus, STREAM, ScriptedSource(breaks_once), clock, AT_ONCE)
        feed.start()
        await feed.finished()
        assert feed.health().last_error == "the source raised KeyError"
        assert bus.statuses()[0].accepted == 2

    run(main())


def test_stopping_ends_a_source_that_waits_and_one_that_never_does() -> None:
    async def waits(_: int) -> AsyncIterator[Tick]:
        yield quote("100")
        await asyncio.Event().wait()

    async def main() -> None:
        bus = bus_of()
        waiting = Feed(bus, STREAM, ScriptedSource(waits), clock)
        racing = Feed(bus, REST, ScriptedSource(lambda _: ticks(10**9)), clock)
        feeds = Feeds([waiting, racing])
        await feeds.start()
        await until(lambda: all(status.accepted for status in bus.statuses()))
        await feeds.aclose()
        assert [health.state for health in feeds.health()] == [FeedState.STOPPED] * 2

    run(main())


def test_nothing_is_published_after_a_feed_was_stopped() -> None:
    async def main() -> None:
        bus = bus_of()
        feed = Feed(bus, STREAM, ScriptedSource(lambda _: ticks(10**9)), clock)
        feed.start()
        await until(lambda: bool(bus.statuses()[0].accepted))
        await feed.stop()
        before = bus.statuses()[0].accepted
        await asyncio.sleep(0)
        assert bus.statuses()[0].accepted == before

    run(main())


def test_stopping_ends_a_source_that_pauses_after_a_failure() -> None:
    async def unavailable(_: int) -> AsyncIterator[Tick]:
        raise Unavailable("down")
        yield quote("100")

    async def main() -> None:
        feed = Feed(bus_of(), STREAM, ScriptedSource(unavailable), clock, Backoff(first=3600, longest=3600))
        feed.start()
        await until(lambda: feed.health().state is FeedState.WAITING)
        await feed.stop()
        assert feed.health().state is FeedState.STOPPED

    run(main())


def test_a_feed_that_never_started_can_be_closed() -> None:
    async def main() -> None:
        await Feeds([Feed(bus_of(), STREAM, ScriptedSource(lambda _: ticks(1)), clock)]).aclose()

    run(main())


def test_what_a_subscriber_raises_is_reported_and_the_next_tick_still_comes() -> None:
    def refuse_first(bus: MarketDataBus) -> list[Tick]:
        seen: list[Tick] = []

        def subscriber(_: str, tick: Tick) -> None:
            seen.append(tick)
            if len(seen) == 1:
                raise RuntimeError("not this one")

        bus.subscribe(subscriber)
        return seen

    async def main() -> None:
        reported: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(str(context["exception"])))
        bus = bus_of()
        seen = refuse_first(bus)
        feed = Feed(bus, STREAM, ScriptedSource(lambda _: ticks(5)), clock)
        feed.start()
        await feed.finished()
        assert len(seen) == 5
        assert reported == ["not this one"]

    run(main())


async def made_up() -> str:
    return "sample"


async def of_a_market() -> str:
    return ""


def test_in_live_mode_prices_of_no_market_are_refused_before_the_first_tick() -> None:
    async def main() -> None:
        bus, source = bus_of(), ScriptedSource(lambda _: ticks(5))
        feed = Feed(bus, STREAM, source, clock, AT_ONCE, refused_as=made_up)
        feed.start()
        await feed.finished()
        assert source.starts == 0
        health = feed.health()
        assert health.state is FeedState.FAILED
        assert health.last_error == (
            "Misconfigured: stream: its prices are 'sample', not a market's of now; refused in live mode"
        )
        assert bus.facts(BTC_USDT, START) is None

    run(main())


def test_in_live_mode_prices_of_a_market_pass() -> None:
    async def main() -> None:
        bus = bus_of()
        feed = Feed(bus, STREAM, ScriptedSource(lambda _: ticks(5)), clock, refused_as=of_a_market)
        feed.start()
        await feed.finished()
        assert bus.statuses()[0].accepted == 5

    run(main())
