"""The tunnel on event loops that read before they are asked to."""

from __future__ import annotations

import asyncio
import socket

import pytest

from appliance.plugin_host.egress.tunnel import End, join
from tests.egress.rig import PATIENCE_S, read_all


@pytest.mark.parametrize("ended", [True, False])
def test_what_is_read_before_there_is_another_side_reaches_it_and_so_does_the_end(ended: bool) -> None:
    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        worker, inner = socket.socketpair()
        outer, host = socket.socketpair()
        counted: list[int] = []
        inside, outside = End(counted.append), End(counted.append)
        with worker, host:
            host.settimeout(PATIENCE_S)
            await loop.create_connection(lambda: inside, sock=inner)
            inside.data_received(b"early")
            if ended:
                assert inside.eof_received()
            await loop.create_connection(lambda: outside, sock=outer)
            join(inside, outside)
            if not ended:
                worker.sendall(b", late")
                worker.shutdown(socket.SHUT_WR)
            heard = await asyncio.to_thread(read_all, host)
            host.shutdown(socket.SHUT_WR)
            assert await asyncio.to_thread(read_all, worker) == b""
            await asyncio.gather(inside.gone.wait(), outside.gone.wait())
        assert sum(counted) == len(heard)
        return heard

    assert asyncio.run(run()) == (b"early" if ended else b"early, late")


def test_a_side_that_is_gone_before_the_other_is_there_ends_it() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        worker, inner = socket.socketpair()
        outer, host = socket.socketpair()
        inside, outside = End(lambda _: None), End(lambda _: None)
        with worker, host:
            host.settimeout(PATIENCE_S)
            await loop.create_connection(lambda: inside, sock=inner)
            inside.abort()
            await inside.gone.wait()
            await loop.create_connection(lambda: outside, sock=outer)
            join(inside, outside)
            assert await asyncio.to_thread(read_all, host) == b""
            await outside.gone.wait()

    asyncio.run(run())
