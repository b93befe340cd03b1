"""Streams: items go out in order and in batches, within the credit, each checked; then the end, or what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.messages import Cancel, Credit, Ended, Failed, Fault, Items, Ping, Pong
from appliance.plugin_host.worker.streams import Stream
from tests.worker.client import BTC, Worker, a_source, a_worker, an_exchange

ENDLESS = """
async def stream(self):
    number = 0
    try:
        while True:
            yield quote(number)
            number += 1
    finally:
        print(f"closed after {number}")
"""


def counts(*lines: str) -> str:
    """A source that delivers this."""
    return a_source("\n".join(("async def stream(self):", *(f"    {line}" for line in lines))))


def collect(worker: Worker, call_id: int, count: int) -> list[Any]:
    """So many items, in as many batches as they come."""
    items: list[Any] = []
    while len(items) < count:
        message = worker.answer(call_id)
        assert isinstance(message, Items), message
        batch = msgspec.json.decode(message.values)
        assert len(batch) == message.count <= 256
        items += batch
    return items


def test_a_stream_comes_in_order_and_ends(tmp_path: Path) -> None:
    code = counts("for number in range(1000):", "    yield quote(number)")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=5000)
        items = collect(worker, call_id, 1000)
        assert [item["sequence"] for item in items] == list(range(1000))
        assert items[0]["type"] == "quote"
        assert worker.answer(call_id) == Ended(call_id=call_id)


def test_what_comes_at_once_goes_out_together(tmp_path: Path) -> None:
    code = counts("for number in range(300):", "    yield quote(number)")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=5000)
        first, second = worker.answer(call_id), worker.answer(call_id)
        assert isinstance(first, Items)
        assert isinstance(second, Items)
        assert (first.count, second.count) == (256, 44)


def test_what_comes_alone_goes_out_at_once(tmp_path: Path) -> None:
    code = counts("yield quote(1)", "await asyncio.sleep(600)", "yield quote(2)")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        assert len(collect(worker, worker.stream("stream", credit=10), 1)) == 1


def test_an_endless_stream_keeps_within_its_credit_and_leaves_the_loop_turning(tmp_path: Path) -> None:
    with a_worker(tmp_path, a_source(ENDLESS), kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=700)
        assert len(collect(worker, call_id, 700)) == 700
        worker.send(Ping())
        assert isinstance(worker.receive(), Pong)
        worker.send(Credit(call_id=call_id, items=5))
        assert [item["sequence"] for item in collect(worker, call_id, 5)] == [700, 701, 702, 703, 704]
        worker.send(Ping())
        assert isinstance(worker.receive(), Pong)


def test_an_endless_stream_with_endless_credit_leaves_the_loop_turning(tmp_path: Path) -> None:
    with a_worker(tmp_path, a_source(ENDLESS), kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        worker.stream("stream", credit=10**9)
        worker.send(Ping())
        while not isinstance(worker.receive(), Pong):
            pass


def test_without_credit_nothing_is_asked_of_the_plugin(tmp_path: Path) -> None:
    code = counts("print('asked')", "yield quote(1)")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        worker.ask("stream")
        assert worker.call("instruments") == []
        assert "asked" not in worker.said()


def test_a_cancelled_stream_closes_what_it_opened_and_says_no_more(tmp_path: Path) -> None:
    with a_worker(tmp_path, a_source(ENDLESS), kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=10)
        collect(worker, call_id, 10)
        worker.send(Cancel(call_id=call_id))
        assert worker.answer(call_id) == Failed(call_id=call_id, fault=Fault.UNAVAILABLE, text="stream: cancelled")
        worker.logged("closed after")
        worker.send(Credit(call_id=call_id, items=10))
        assert worker.call("instruments") == []


def test_what_came_before_a_failure_is_not_lost(tmp_path: Path) -> None:
    code = counts("yield quote(1)", "yield quote(2)", "raise Unavailable('the line is down')")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=10)
        assert len(collect(worker, call_id, 2)) == 2
        assert worker.answer(call_id) == Failed(call_id=call_id, fault=Fault.UNAVAILABLE, text="the line is down")


@pytest.mark.parametrize(
    "item",
    ["quote(bid=Decimal('NaN'))", "quote(bid=1.5)", "quote(observed_at=NOW.replace(tzinfo=None))", "instrument()", "5",
     "Book(symbol='BTC/USDT', bids=(Level(Decimal('1E+99'), Decimal(1)),), asks=(), observed_at=NOW)",
     "quote(symbol='x' * 9_000_000)"],
)  # fmt: skip
def test_an_item_that_none_can_be_ends_the_stream_after_those_before_it(tmp_path: Path, item: str) -> None:
    with a_worker(tmp_path, counts("yield quote(1)", f"yield {item}"), kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=10)
        assert len(collect(worker, call_id, 1)) == 1
        answer = worker.answer(call_id)
        assert isinstance(answer, Failed)
        assert (answer.fault, answer.text.startswith("stream gave ")) == (Fault.BROKEN, True)


def test_large_items_go_out_in_small_batches(tmp_path: Path) -> None:
    code = counts("for number in range(20):", "    yield quote(number, symbol='x' * 3_000_000)")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        assert len(collect(worker, worker.stream("stream", credit=100), 20)) == 20


@pytest.mark.parametrize("result", ["return None", "return [quote(1)]", "raise ValueError", "1 / 0"])
def test_a_stream_that_is_none_is_broken(tmp_path: Path, result: str) -> None:
    code = a_source(f"def stream(self):\n    {result}")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=10)
        answer = worker.answer(call_id)
        assert isinstance(answer, Failed)
        assert answer.fault is Fault.BROKEN


def test_a_stream_can_be_opened_again_and_beside_another(tmp_path: Path) -> None:
    code = an_exchange(
        "async def stream_quotes(self, symbols):\n    for symbol in symbols:\n        yield quote(symbol=symbol)"
    )
    with a_worker(tmp_path, code) as worker:
        assert worker.ready().optional_methods == ("stream_quotes",)
        first, second = worker.ask("stream_quotes", (BTC, "A/B")), worker.ask("stream_quotes", ("C/D",))
        worker.send(Credit(call_id=second, items=10))
        assert [item["symbol"] for item in collect(worker, second, 1)] == ["C/D"]
        assert isinstance(worker.answer(second), Ended)
        worker.send(Credit(call_id=first, items=10))
        assert [item["symbol"] for item in collect(worker, first, 2)] == [BTC, "A/B"]


def test_an_item_that_comes_after_the_answer_is_dropped(tmp_path: Path) -> None:
    lines = ("yield quote(1)", "try:", "    await asyncio.sleep(600)", "except asyncio.CancelledError:",
             "    print('too late')", "    yield quote(2)")  # fmt: skip
    with a_worker(tmp_path, counts(*lines), kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=10)
        collect(worker, call_id, 1)
        worker.send(Cancel(call_id=call_id))
        assert isinstance(worker.answer(call_id), Failed)
        worker.logged("too late")
        assert worker.call("instruments") == []


def test_an_iterator_that_is_no_generator_is_closed_too(tmp_path: Path) -> None:
    top = """
class Line:
    def __aiter__(self): return self
    async def __anext__(self): return quote()
    async def aclose(self): print("the line is closed")
"""
    with a_worker(tmp_path, a_source("def stream(self): return Line()", top), kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.stream("stream", credit=10)
        collect(worker, call_id, 10)
        worker.send(Cancel(call_id=call_id))
        assert isinstance(worker.answer(call_id), Failed)
        worker.logged("the line is closed")


def test_a_source_that_always_has_more_lets_the_loop_turn_after_each_batch() -> None:
    sent: list[Items] = []

    async def always() -> AsyncIterator[int]:
        for number in range(10_000):
            yield number

    async def at_once() -> None:
        return

    async def turn() -> None:
        stream = Stream(1, lambda _: b"0", sent.append, at_once)
        stream.grant(10_001)
        pumping = asyncio.create_task(stream.pump(always()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(sent) <= 2
        await pumping

    asyncio.run(turn())
    assert sum(items.count for items in sent) == 10_000
