"""One stream of a plugin: its items go out in batches, within the credit that the core gave, and each is checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from appliance.plugin_host.messages import CallId, Items

BATCH_ITEMS_MAX = 256
BATCH_BYTES_MAX = 1024 * 1024
CLOSING_S_MAX = 5.0


class Stream:
    """Pulls from a plugin's iterator what the core has room for, and never more.

    What comes at once goes out together: items are collected until the loop turns, or a batch is full.
    """

    def __init__(
        self,
        call_id: CallId,
        encode: Callable[[Any], bytes],
        send: Callable[[Items], None],
        drained: Callable[[], Awaitable[None]],
    ) -> None:
        """`encode` gives the JSON of a checked item, or raises; `drained` waits until the core keeps up."""
        self._call_id = call_id
        self._encode = encode
        self._send = send
        self._drained = drained
        self._credit = 0
        self._granted = asyncio.Event()
        self._batch: list[bytes] = []
        self._bytes = 0
        self._is_closed = False

    def grant(self, items: int) -> None:
        """So many more items may go out."""
        self._credit += items
        self._granted.set()

    def close(self) -> None:
        """Send nothing any more."""
        self._is_closed = True
        self._batch.clear()

    async def pump(self, source: AsyncIterator[Any]) -> None:
        """Send what comes until there is no more; then the source is closed. Raises what the plugin raises."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                while not self._credit:
                    self._granted.clear()
                    await self._granted.wait()
                await self._drained()
                try:
                    item = self._encode(await anext(source))
                except StopAsyncIteration:
                    return
                self._credit -= 1
                if len(self._batch) == BATCH_ITEMS_MAX or self._bytes + len(item) > BATCH_BYTES_MAX:
                    self._flush()
                    await asyncio.sleep(0)  # a source that always has more must not keep the loop
                if not self._batch:
                    loop.call_soon(self._flush)
                self._batch.append(item)
                self._bytes += len(item)
        finally:
            self._flush()
            await _close(source)

    def _flush(self) -> None:
        batch, self._batch, self._bytes = self._batch, [], 0
        if batch and not self._is_closed:
            self._send(Items(call_id=self._call_id, values=b"[" + b",".join(batch) + b"]", count=len(batch)))


async def _close(source: AsyncIterator[Any]) -> None:
    """Let a generator close what it opened, for a while."""
    aclose = getattr(source, "aclose", None)
    if aclose is not None:
        async with asyncio.timeout(CLOSING_S_MAX):
            await aclose()
