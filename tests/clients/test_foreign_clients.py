"""Clients that nobody here wrote read the catalog, trade, and get refusals that they can act on."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from appliance.transport.tools import CATALOG
from tests.clients.toolbox import Served, node_environment, node_folder, python_with

HERE = Path(__file__).parent
KINDS = ("stdio", "http")
OFFERED = len(CATALOG.keys() - {"swap_tokens", "transfer_eth"})
"""Nobody configured those two here."""
ORDER = {"symbol": "BTC/USDT", "side": "buy"}
PRICES = itertools.count(59000, -1)
"""Each order at a price of its own: the same one twice would be refused as a duplicate."""


def calls() -> list[tuple[str, dict[str, object]]]:
    """A look, an order that is placed, one that is too large, and one that is malformed."""
    return [
        ("get_health", {}),
        ("place_cex_order", {**ORDER, "amount": "0.0001 BTC", "order_type": "limit", "price": str(next(PRICES))}),
        ("place_cex_order", {**ORDER, "amount": "5"}),
        ("place_cex_order", {**ORDER, "amount": 5}),
    ]


def where(served: Served, kind: str) -> dict[str, Any]:
    """What a client script is told."""
    if kind == "http":
        return {"kind": kind, "url": served.url, "token": served.token, "calls": calls()}
    return {"kind": kind, "command": served.command, "env": served.env, "calls": calls()}


def require_answers(found: dict[str, Any], kind: str) -> None:
    assert found["tools"] == OFFERED
    health, placed, refused, malformed = found["answers"]
    assert health["agent"] == ("local" if kind == "stdio" else "foreign")
    assert placed["order"]["state"] == "open"
    assert (refused["ok"], refused["amount_max"].split(" ")[1]) == (False, "BTC")
    assert [denial["code"] for denial in malformed["denials"]] == ["INVALID_ARGUMENT"]


def run(arguments: list[str], environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("mode", "revision"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_mcp_2_client(kind: str, mode: str, revision: str, served: Served) -> None:
    async def ask(client: Client) -> dict[str, Any]:
        assert client.protocol_version == revision
        answers = [(await client.call_tool(name, arguments)).structured_content for name, arguments in calls()]
        return {"tools": len((await client.list_tools()).tools), "answers": answers}

    async def scenario() -> dict[str, Any]:
        if kind == "stdio":
            command, *arguments = served.command
            parameters = StdioServerParameters(command=command, args=arguments, env=served.env)
            async with Client(stdio_client(parameters), mode=mode) as client:
                return await ask(client)
        headers = {"authorization": f"Bearer {served.token}"}
        async with (
            httpx2.AsyncClient(headers=headers) as web,
            Client(streamable_http_client(served.url, http_client=web), mode=mode) as client,
        ):
            return await ask(client)

    require_answers(asyncio.run(scenario()), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_mcp_1_client(kind: str, served: Served) -> None:
    python = python_with("mcp==1.30.0")
    found = run([python, str(HERE / "ask_mcp.py"), json.dumps(where(served, kind))])
    assert found["revision"] == "2025-11-25"
    require_answers(found, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_fastmcp_client(kind: str, served: Served) -> None:
    python = python_with("fastmcp==4.1.2")
    require_answers(run([python, str(HERE / "ask_fastmcp.py"), json.dumps(where(served, kind))]), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_typescript_client(kind: str, served: Served) -> None:
    script = shutil.copy(HERE / "ask_sdk.mjs", node_folder())
    require_answers(run(["node", str(script), json.dumps(where(served, kind))], node_environment()), kind)


def inspect(served: Served, kind: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Inspector's command line against the appliance."""
    if kind == "stdio":
        # The Inspector hands a child no environment that is not asked for.
        passed = [f"{name}={served.env[name]}" for name in ("READYTRADER_HOME", "PYTHONPATH")]
        target = ["env", *passed, *served.command]
    else:
        header = ["--header", f"Authorization: Bearer {served.token}"]
        target = ["--server-url", served.url, "--transport", "http", *header]
    command = ["mcp-inspector", "--cli", *target, *arguments]
    environment = node_environment()
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


@pytest.mark.parametrize("kind", KINDS)
def test_inspector_finds_no_schema_that_some_client_could_not_read(kind: str, served: Served) -> None:
    listed = inspect(served, kind, "--method", "tools/list", "--strict")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert len(json.loads(listed.stdout)["tools"]) == OFFERED


@pytest.mark.parametrize("kind", KINDS)
def test_inspector_calls_a_tool(kind: str, served: Served) -> None:
    called = inspect(
        served, kind, "--method", "tools/call", "--tool-name", "get_crypto_price", "--tool-arg", "symbol=BTC/USDT"
    )
    assert called.returncode == 0, called.stdout + called.stderr
    assert json.loads(called.stdout)["structuredContent"]["trusted"] is True
