"""What a worker may send, and what ends it: answers, late and doubled ones, streams, logs, and noise."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, Unavailable, Unsupported
from readytrader_sdk.market import Quote, Tick

from appliance.plugin_host import link
from appliance.plugin_host.gate import PermitRefused
from appliance.plugin_host.health import WorkerState
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.messages import Returned
from appliance.plugin_host.supervisor import Worker
from tests.plugin_host.rig import BTC_USDT, notes, order, permit, running, until

FIND = ("find_order", "order-1", BTC_USDT)


def ended_by(worker: Worker, words: str) -> bool:
    health = worker.health()
    return health.restarts >= 1 and words in (health.last_error or "")


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("malformed", "no message"),
        ("nested_deeply", "no message"),
        ("no_text", "no message"),
        ("too_long", "a frame of 2147483648 bytes"),
        ("empty", "a frame of 0 bytes"),
        ("ready_again", "sent Ready unasked"),
        ("unasked_pong", "sent Pong unasked"),
        ("unknown_call", "answered call 999"),
        ("unknown_stream", "answered call 999"),
        ("from_the_core", "no message"),
        ("logs_without_end", "logs without end"),
    ],
)
def test_noise_ends_the_worker_and_leaves_the_outcome_unknown(
    tmp_path: Path, behaviour: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with running(behaviour, tmp_path) as worker:
            await worker.up()
            with pytest.raises(OutcomeUnknown):
                await worker.call("place_order", order(), permit=permit(order()))
            await until(lambda: ended_by(worker, words))

    asyncio.run(scene())
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING and "worker-1" in r.getMessage()]
    assert any(words in line for line in told)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [("answer_before_ready", "before it was ready"), ("impossible_methods", "impossible words")],
)
def test_noise_before_it_is_ready_ends_the_worker(tmp_path: Path, behaviour: str, words: str) -> None:
    async def scene() -> None:
        async with running(behaviour, tmp_path) as worker:
            await until(lambda: ended_by(worker, words))
            assert worker.state is not WorkerState.READY

    asyncio.run(scene())


@pytest.mark.parametrize(
    "value",
    ["NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "1E+18", "1" * 19, "0." + "1" * 19, "1E-19", "1E+99999999999",
     "of_another_type", "no_json", "a_state_that_is_none"],
)  # fmt: skip
def test_a_result_that_cannot_be_ends_the_worker(tmp_path: Path, value: str) -> None:
    async def scene() -> None:
        async with running("answers_what_is_no_report", tmp_path) as worker:
            await worker.up()
            with pytest.raises(Unavailable, match="find_order returned what it cannot"):
                await worker.call("find_order", value, BTC_USDT)
            await until(lambda: ended_by(worker, "find_order returned what it cannot"))

    asyncio.run(scene())


@pytest.mark.parametrize("value", ["9" * 18 + "." + "9" * 18, "0." + "0" * 17 + "1", "0", "1E+3"])
def test_the_largest_and_the_smallest_amounts_pass(tmp_path: Path, value: str) -> None:
    async def scene() -> None:
        async with running("answers_what_is_no_report", tmp_path) as worker:
            await worker.up()
            report = await worker.call("find_order", value, BTC_USDT)
            assert report.fills[0].price == Decimal(value)  # type: ignore[attr-defined]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fault", "of_a_read", "of_an_order"),
    [
        ("unavailable", Unavailable, Unavailable),
        ("outcome_unknown", Unavailable, OutcomeUnknown),
        ("misconfigured", Misconfigured, Misconfigured),
        ("unsupported", Unsupported, Unsupported),
        ("permit_refused", PermitRefused, PermitRefused),
        ("broken", Unavailable, OutcomeUnknown),
    ],
)
def test_a_failure_is_the_port_s_own_error_in_printable_words(
    tmp_path: Path, fault: str, of_a_read: type[Exception], of_an_order: type[Exception]
) -> None:
    async def scene() -> None:
        async with running("fails", tmp_path) as worker:
            await worker.up()
            with pytest.raises(of_a_read) as read:
                await worker.call("find_order", fault, BTC_USDT)
            with pytest.raises(of_an_order) as moved:
                await worker.call("place_order", order(fault), permit=permit(order(fault)))
            assert worker.health().restarts == 0
            for text in (str(read.value), str(moved.value)):
                assert text.startswith("worker-1: it says ·[31mred·xxx")
                assert text.isprintable()
                assert len(text) < 400

    asyncio.run(scene())


def test_a_timeout_cancels_in_the_worker_and_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("never_answers", tmp_path) as worker:
            await worker.up()
            with pytest.raises(OutcomeUnknown, match=r"place_order was not answered within 0\.05 s"):
                await worker.call("place_order", order(), permit=permit(order()), timeout_s=0.05)
            with pytest.raises(Unavailable, match="find_order was not answered"):
                await worker.call(*FIND, timeout_s=0.05)
            await until(lambda: "cancel 2" in notes(tmp_path))
            assert worker.health().in_flight == 0
        assert notes(tmp_path) == ["halted ", "call 1", "cancel 1", "call 2", "cancel 2"]

    asyncio.run(scene())


def test_a_caller_that_goes_away_cancels_in_the_worker(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("never_answers", tmp_path) as worker:
            await worker.up()
            call = asyncio.create_task(worker.call(*FIND))
            await until(lambda: worker.health().in_flight == 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(lambda: "cancel 1" in notes(tmp_path))
            assert worker.health().in_flight == 0

    asyncio.run(scene())


def test_a_late_answer_is_dropped_and_taken_for_no_other_call(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("answers_late", tmp_path) as worker:
            await worker.up()
            with pytest.raises(OutcomeUnknown):
                await worker.call("place_order", order(), permit=permit(order()), timeout_s=0.05)
            with pytest.raises(Unavailable):
                await worker.call(*FIND, timeout_s=0.05)
            assert worker.health().restarts == 0
            assert worker.state is WorkerState.READY

    asyncio.run(scene())


def test_a_second_answer_to_one_call_ends_the_worker(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("answers_twice", tmp_path) as worker:
            await worker.up()
            assert await worker.call(*FIND) is not None
            await until(lambda: ended_by(worker, "answered call 1, which is not open"))

    asyncio.run(scene())


def test_more_calls_than_the_table_holds_are_not_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("never_answers", tmp_path) as worker:
            await worker.up()
            calls = [asyncio.create_task(worker.call(*FIND)) for _ in range(link.IN_FLIGHT_MAX)]
            await until(lambda: worker.health().in_flight == link.IN_FLIGHT_MAX)
            with pytest.raises(Unavailable, match="256 calls are in flight"):
                await worker.call("place_order", order(), permit=permit(order()))
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            assert worker.health().in_flight == 0

    asyncio.run(scene())


def test_a_worker_that_does_not_read_is_ended_before_memory_is(tmp_path: Path) -> None:
    large = "x" * 7_000_000

    async def scene() -> None:
        async with running("does_not_read", tmp_path) as worker:
            await worker.up()
            calls = [asyncio.create_task(worker.call("find_order", large, BTC_USDT)) for _ in range(8)]
            failures = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(failure, Unavailable) for failure in failures)
            await until(lambda: ended_by(worker, "the peer does not read"))

    asyncio.run(scene())


def test_a_call_that_fits_in_no_frame_is_not_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("honest", tmp_path) as worker:
            await worker.up()
            with pytest.raises(Unavailable, match="was not sent"):
                await worker.call("find_order", "x" * 9_000_000, BTC_USDT)
            assert await worker.call(*FIND) is not None

    asyncio.run(scene())


def test_lines_are_logged_by_name_cut_and_printable(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with running("logs_a_little", tmp_path) as worker:
            await worker.up()
            await worker.call(*FIND)

    with caplog.at_level(logging.INFO):
        asyncio.run(scene())
    lines = [record for record in caplog.records if record.name == "plugin.worker-1"]
    assert [record.levelno for record in lines] == [logging.WARNING, logging.CRITICAL]
    assert lines[0].getMessage() == "before it is ready"
    assert lines[1].getMessage().startswith("one·[2J·two·xxx")
    assert len(lines[1].getMessage()) == 1000


# streams


async def opened(worker: Worker) -> AsyncGenerator[Sequence[Tick], None]:
    await worker.up()
    return worker.stream("stream")


def test_a_stream_delivers_in_order_and_ends(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("streams_and_ends", tmp_path, kind=Kind.DATA_SOURCE) as worker:
            ticks = [tick async for batch in await opened(worker) for tick in batch]
            assert [tick.bid for tick in ticks if isinstance(tick, Quote)] == [1, 2, 3]
            again = [tick async for batch in worker.stream("stream") for tick in batch]
            assert again == ticks
            assert worker.health().in_flight == 0

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("behaviour", "words"), [("streams_and_fails", "the venue hung up"), ("streams_and_dies", "the peer is gone")]
)
def test_a_stream_that_breaks_raises_after_what_came_before(tmp_path: Path, behaviour: str, words: str) -> None:
    async def scene() -> None:
        async with running(behaviour, tmp_path, kind=Kind.DATA_SOURCE) as worker:
            stream = await opened(worker)
            assert len(await anext(stream)) == 1
            with pytest.raises(Unavailable, match=words):
                await anext(stream)

    asyncio.run(scene())


def test_a_worker_is_ahead_by_its_credit_and_no_further(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("streams_as_credit_allows", tmp_path, kind=Kind.DATA_SOURCE) as worker:
            stream = await opened(worker)
            taken = list(await anext(stream))
            while len(taken) < link.CREDIT // 2:
                assert notes(tmp_path) == ["credit 1024"]
                taken += await anext(stream)
            while len(taken) < 5000:
                taken += await anext(stream)
            given = sum(int(line.split()[1]) for line in notes(tmp_path))
            assert given <= len(taken) + link.CREDIT
            assert [tick.bid for tick in taken if isinstance(tick, Quote)] == list(range(1, len(taken) + 1))
            await stream.aclose()

    asyncio.run(scene())


def test_closing_a_stream_cancels_it_and_what_is_on_its_way_is_dropped(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("streams_as_credit_allows", tmp_path, kind=Kind.DATA_SOURCE) as worker:
            for _ in range(3):
                stream = await opened(worker)
                await anext(stream)
                await stream.aclose()
            await until(lambda: notes(tmp_path).count("cancel") == 3)
            assert worker.health().restarts == 0
            assert worker.health().in_flight == 0

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("more_items_than_credit", "2000 items with a credit of 1024"),
        ("fewer_items_than_said", "stream delivered 1 items as 2"),
        ("no_items", "0 items"),
        ("negative_items", "-5 items"),
        ("items_of_another_type", "stream delivered what it cannot"),
        ("infinite_items", "stream delivered what it cannot"),
        ("answers_twice", "like a call"),
    ],
)
def test_a_stream_that_breaks_its_word_ends_the_worker(tmp_path: Path, behaviour: str, words: str) -> None:
    async def scene() -> None:
        async with running(behaviour, tmp_path, kind=Kind.DATA_SOURCE) as worker:
            stream = await opened(worker)
            with pytest.raises(Unavailable):
                await anext(stream)
            await until(lambda: ended_by(worker, words))

    asyncio.run(scene())


def test_a_stream_that_nobody_reads_holds_so_many_bytes_and_no_more(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("streams_too_many_bytes", tmp_path, kind=Kind.DATA_SOURCE) as worker:
            stream = await opened(worker)
            await anext(stream)
            await until(lambda: ended_by(worker, "bytes of a stream ahead"))
            await stream.aclose()

    asyncio.run(scene())


@pytest.mark.parametrize(("began_ns", "ended_ns"), [(0, 0), (-(2**62), 2**62), (2**62, 2**63), (2**62, 0)])
def test_a_workers_times_count_only_within_those_of_the_core(began_ns: int, ended_ns: int) -> None:
    asked_ns = time.monotonic_ns()
    reply = Returned(call_id=1, value=b"", began_ns=began_ns, ended_ns=ended_ns)
    told = link._answered("worker-1", "find_order", asked_ns, reply)
    assert asked_ns == told.asked_ns <= told.began_ns <= told.ended_ns <= told.answered_ns
    assert told.fault is None


def test_every_answered_call_is_told_with_how_it_failed(tmp_path: Path) -> None:
    told: list[link.CallAnswered] = []

    async def scene() -> None:
        async with running("malformed", tmp_path) as worker:
            worker._on_answer = told.append
            await worker.up()
            assert worker._link is not None
            worker._link._on_answer = told.append
            with pytest.raises(OutcomeUnknown):
                await worker.call("place_order", order(), permit=permit(order()))

    asyncio.run(scene())
    assert [(one.worker, one.method, one.fault) for one in told] == [("worker-1", "place_order", "lost")]
