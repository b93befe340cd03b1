"""The bridge from end to end: a child process between an agent's pipes and a daemon of another process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from appliance.transport import bridge
from appliance.transport.lines import LINE_MAX

BRIDGE = (
    "import sys; from appliance.transport import bridge;"
    "code = bridge.pump_to(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None);"
    "sys.exit(99 if code is None else code)"
)
REQUEST = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n'
INITIALIZE = (
    b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
    b'"clientInfo":{"name":"t","version":"1"}}}\n'
)


@contextmanager
def daemon(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    child = subprocess.Popen([sys.executable, "-m", "tests.transport.daemon", str(folder)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"up\n"
        yield child, folder / "run" / "agent.sock"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.fixture(scope="module")
def socket_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with daemon(tmp_path_factory.mktemp("home")) as (_child, path):
        yield path


def bridged(path: Path, text: bytes, token: str | None = None) -> subprocess.CompletedProcess[bytes]:
    arguments = [sys.executable, "-c", BRIDGE, str(path), *([token] if token is not None else [])]
    return subprocess.run(arguments, input=text, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_mcp_client_trades_through_the_bridge(mode: str, socket_path: Path) -> None:
    async def scenario() -> None:
        parameters = StdioServerParameters(
            command=sys.executable, args=["-c", BRIDGE, str(socket_path)], env=dict(os.environ)
        )
        async with Client(stdio_client(parameters), mode=mode) as client:
            assert len((await client.list_tools()).tools) > 20
            answer = (await client.call_tool("get_health", {})).structured_content
            assert isinstance(answer, dict)
            assert answer["agent"] == "local"

    asyncio.run(scenario())


def test_everything_asked_before_the_end_of_input_is_answered(socket_path: Path) -> None:
    done = bridged(socket_path, INITIALIZE + b"".join(REQUEST % number for number in range(1, 200)))
    assert (done.returncode, done.stderr) == (0, b"")
    assert {json.loads(line)["id"] for line in done.stdout.splitlines()} == set(range(200))


def test_large_messages_pass_whole_in_both_directions(socket_path: Path) -> None:
    filler = b" " * (LINE_MAX - 200)
    long_name = b'{"jsonrpc":"2.0","id":2,"method":"tools/list"}'
    done = bridged(socket_path, INITIALIZE + filler + b"\n" + (long_name + b"\n") * 60)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert sum(answer["id"] == 2 and len(answer["result"]["tools"]) > 20 for answer in answers) == 60


@pytest.mark.parametrize("token", ["rt_nobody_x", "", 'x","token":null}', "rt_\n"])
def test_a_refused_agent_hears_why_in_one_line(token: str, socket_path: Path) -> None:
    done = bridged(socket_path, INITIALIZE, token)
    assert (done.returncode, done.stdout) == (bridge.REFUSED, b"")
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"readytrader mcp: ")


def test_without_a_daemon_nothing_is_said_and_the_caller_is_told(tmp_path: Path) -> None:
    done = bridged(tmp_path / "agent.sock", b"")
    assert (done.returncode, done.stdout, done.stderr) == (99, b"", b"")


def test_a_daemon_that_dies_ends_the_bridge_with_its_own_code(tmp_path: Path) -> None:
    with daemon(tmp_path) as (child, path):
        agent = subprocess.Popen(
            [sys.executable, "-c", BRIDGE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(INITIALIZE)
        agent.stdin.flush()
        assert json.loads(agent.stdout.readline())["id"] == 0
        assert agent.stderr is not None
        child.kill()
        assert agent.wait(timeout=20) == bridge.GONE
    assert agent.stderr.read() == b"readytrader mcp: the daemon went away\n"
    for pipe in (agent.stdin, agent.stdout, agent.stderr):
        pipe.close()


def test_an_agent_that_stops_reading_ends_the_bridge_quietly(socket_path: Path) -> None:
    agent = subprocess.Popen(
        [sys.executable, "-c", BRIDGE, str(socket_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert agent.stdin is not None
    assert agent.stdout is not None
    assert agent.stderr is not None
    agent.stdin.write(INITIALIZE)
    agent.stdin.flush()
    assert json.loads(agent.stdout.readline())["id"] == 0
    agent.stdout.close()
    assert agent.wait(timeout=20) == 0
    assert agent.stderr.read() == b""
    agent.stdin.close()
    agent.stderr.close()


def test_the_bridge_loads_nothing_heavy() -> None:
    script = "import sys; from appliance.transport import bridge; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"asyncio", "json", "msgspec", "mcp", "pydantic", "typing", "ssl", "logging"} & set(loaded)
