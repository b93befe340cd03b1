"""What a listener on the loopback interface does against other programs of the same host."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from appliance.transport.loopback import HttpRefused
from appliance.transport.operator_http.listener import CONNECTIONS_MAX, OperatorHttp
from tests.operator_http.serving import served
from tests.transport.serving import running_core


def test_nobody_can_be_taken_for_the_listener_on_the_other_localhost(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, http):
            with socket.socket(socket.AF_INET6) as squatter, pytest.raises(OSError, match="in use"):
                squatter.bind(("::1", http.port))
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://[::1]:{http.port}/api/health")
                assert answer.json()["ok"] is True

    asyncio.run(scenario())


def test_a_listener_whose_other_localhost_is_taken_does_not_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            with socket.create_server(("::1", 0), family=socket.AF_INET6) as squatter:
                port = squatter.getsockname()[1]
                with pytest.raises(HttpRefused, match="::1"):
                    await OperatorHttp(core, "127.0.0.1", port, 10).start()

    asyncio.run(scenario())


def test_whoever_holds_every_connection_open_keeps_nobody_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, http):
            held = [await asyncio.open_connection("127.0.0.1", http.port) for _ in range(CONNECTIONS_MAX // 2)]
            for _reader, writer in held:  # half of them begin a request whose body never comes
                writer.write(
                    f"POST /api/auth/login HTTP/1.1\r\nHost: localhost:{http.port}\r\n".encode()
                    + b"Content-Type: application/json\r\nContent-Length: 60\r\n\r\n"
                )
                await writer.drain()
            held += [await asyncio.open_connection("127.0.0.1", http.port) for _ in range(CONNECTIONS_MAX)]
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://localhost:{http.port}/api/health")
                assert answer.status_code == 200, answer.text
            assert await asyncio.wait_for(held[0][0].read(), 10) == b""
            for _reader, writer in held:
                writer.close()

    asyncio.run(scenario())
