"""Lines in, messages out: what is no message is answered and survived, and a slow peer slows only itself."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.transport import lines
from appliance.transport.lines import LINE_MAX
from tests.transport.serving import Wire, served

PARSE_ERROR, INVALID_REQUEST = -32700, -32600
PING = b'{"jsonrpc":"2.0","id":"p","method":"ping"}'
GARBAGE = [
    b"garbage",
    b"{",
    b"\xff\xfe\x00",
    b'"\xff"',
    b"[NaN]",
    b"[" * 100_000,
    b"1" * 5000,
    b"{}",
    b"[]",
    b"null",
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":{},"method":"ping"}',
    b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"method":7}',
]


@pytest.mark.parametrize("line", GARBAGE, ids=lambda line: line[:20])
def test_garbage_is_answered_and_the_connection_goes_on(line: bytes, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            wire = await Wire.agent(path)
            wire.send_line(line)
            error = await wire.receive()
            assert error["id"] is None
            assert error["error"]["code"] in (PARSE_ERROR, INVALID_REQUEST)
            wire.send_line(PING)
            assert (await wire.receive())["id"] == "p"
            await wire.close()

    asyncio.run(scenario())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=200).filter(lambda line: b"\n" not in line), max_size=20))
def test_no_bytes_end_a_session_or_stay_without_an_end(noise: list[bytes]) -> None:
    async def scenario(folder: Path) -> None:
        async with served(folder) as (_core, path):
            wire = await Wire.agent(path)
            for line in noise:
                wire.send_line(line)
            wire.send_line(PING)
            while (await wire.receive())["id"] != "p":
                pass
            await wire.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder)))


@pytest.mark.parametrize("excess", [1, LINE_MAX, 3 * LINE_MAX + 17])
def test_an_oversized_message_is_refused_once_and_skipped_whole(excess: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            wire = await Wire.agent(path)
            wire.send_line(b"x" * (LINE_MAX + excess))
            wire.send_line(PING)
            refused = await wire.receive()
            assert (refused["id"], refused["error"]["code"]) == (None, INVALID_REQUEST)
            assert str(LINE_MAX) in refused["error"]["message"]
            assert (await wire.receive())["id"] == "p"
            await wire.close()

    asyncio.run(scenario())


def test_a_message_of_the_largest_size_is_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            wire = await Wire.agent(path)
            wire.send_line(PING + b" " * (LINE_MAX - len(PING)))
            assert (await wire.receive())["id"] == "p"
            await wire.close()

    asyncio.run(scenario())


def test_requests_sent_before_the_end_of_input_are_still_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            wire = await Wire.agent(path)
            # Each of these waits for the disk, so none is answered when the end of input is seen.
            numbers = {wire.start_call("deposit_paper_funds", asset="USDT", amount="1") for _ in range(5)}
            wire.writer.write_eof()
            answers = [await wire.receive() for _ in range(5)]
            assert {answer["id"] for answer in answers} == numbers
            assert all(answer["result"]["structuredContent"]["ok"] for answer in answers)
            assert await wire.reader.read() == b""
            await wire.close()

    asyncio.run(scenario())


def test_the_last_line_needs_no_newline(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            wire = await Wire.agent(path)
            wire.writer.write(PING)
            wire.writer.write_eof()
            assert (await wire.receive())["id"] == "p"
            await wire.close()

    asyncio.run(scenario())


def test_a_peer_that_does_not_read_is_not_read_from_and_its_answers_do_not_pile_up(tmp_path: Path) -> None:
    """It floods 100,000 requests whose answers are 15 kB each, reads none of them, and is stopped."""

    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            flood = socket.socket(socket.AF_UNIX)
            flood.connect(str(path))
            flood.setblocking(False)
            request = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'
            left = b'{"readytrader":1,"token":null}\n' + INITIALIZE + request * 100_000
            for _ in range(2000):
                with suppress(BlockingIOError):
                    left = left[flood.send(left) :]
                await asyncio.sleep(0)
            assert left
            # Another session works meanwhile, and this one was stopped by back-pressure, not by memory.
            other = await Wire.agent(path)
            assert (await other.call("get_health"))["ok"] is True
            assert len(asyncio.all_tasks()) < 4 * lines.BLOCKED_MAX
            await other.close()
            flood.close()
            assert core.recorder.failure is None

    asyncio.run(scenario())


INITIALIZE = (
    json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 0,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            },
        }
    ).encode()
    + b"\n"
)


def test_the_sockets_of_a_closed_session_are_given_back(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            before = descriptors()
            for _ in range(20):
                wire = await Wire.agent(path)
                await wire.call("get_health")
                wire.writer.write_eof()
                assert await wire.reader.read() == b""
                await wire.close()
            assert descriptors() <= before

    asyncio.run(scenario())
