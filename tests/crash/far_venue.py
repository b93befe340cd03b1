"""A scripted venue that outlives the core: it runs in the test's process, the core reaches it over a Unix socket.

Messages are pickles: both ends are the test's own.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from readytrader_sdk.errors import OutcomeUnknown
from readytrader_sdk.orders import ExecutionReport, OrderRequest

from tests.service.scripted_venue import ScriptedVenue

LOST_AFTER, LOST_BEFORE, FILLED_BY_HALF = Decimal("0.07"), Decimal("0.08"), Decimal("0.04")
"""Quantities that the venue does something special with: takes it and is silent, is silent, fills a half of it."""


class WilfulVenue(ScriptedVenue):
    """What becomes of an order is in its quantity, so that a script in another process can choose."""

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        if order.quantity == LOST_BEFORE:
            raise OutcomeUnknown("lost")
        report = await super().place_order(order)
        if order.quantity == LOST_AFTER:
            raise OutcomeUnknown("lost")
        if order.quantity == FILLED_BY_HALF:
            self.fill(order.client_order_id, str(order.quantity / 2), "49000")
        return report


class FarVenue:
    """The core's end: every method is a message, and its answer."""

    def __init__(self, path: Path) -> None:
        self.news: object = None
        self._path = path

    def __getattr__(self, method: str) -> Callable[..., Awaitable[object]]:
        if method.startswith("_"):
            raise AttributeError(method)

        async def call(*args: object) -> object:
            reader, writer = await asyncio.open_unix_connection(self._path)
            try:
                send(writer, (method, args))
                answer = await receive(reader)
            finally:
                writer.close()
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call

    async def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            send(writer, ("stream_reports", ()))
            while True:
                yield await receive(reader)
        finally:
            writer.close()


def send(writer: asyncio.StreamWriter, message: object) -> None:
    text = pickle.dumps(message)
    writer.write(len(text).to_bytes(4, "big") + text)


async def receive(reader: asyncio.StreamReader) -> Any:
    length = int.from_bytes(await reader.readexactly(4), "big")
    return pickle.loads(await reader.readexactly(length))


@contextmanager
def standing(venue: ScriptedVenue, path: Path) -> Iterator[None]:
    """Serve the venue at a path, in a thread, until the end of the block."""
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            method, args = await receive(reader)
            if method == "stream_reports":
                await tell(venue, reader, writer)
            else:
                send(writer, await _outcome(venue, method, args))
                await writer.drain()
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_unix_server(answer, path)
        ready.set()
        async with server:
            await stop.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="venue")
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


async def tell(venue: ScriptedVenue, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass the venue's news on to the newest listener, until it is gone."""
    news = venue.news = asyncio.Queue()
    gone = asyncio.ensure_future(reader.read())
    gone.add_done_callback(lambda done: done.cancelled() or done.exception())  # a kill may reset the connection
    while not gone.done():
        item = asyncio.ensure_future(news.get())
        await asyncio.wait({item, gone}, return_when=asyncio.FIRST_COMPLETED)
        if item.done():
            send(writer, item.result())
        else:
            item.cancel()


async def _outcome(venue: ScriptedVenue, method: str, args: tuple[object, ...]) -> object:
    try:
        return await getattr(venue, method)(*args)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is the answer
        return fault
