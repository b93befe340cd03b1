"""Real cores with scripted prices, and a plain agent that speaks MCP lines over a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import msgspec
from readytrader_sdk.instruments import Asset, Symbol
from readytrader_sdk.market import Quote

from appliance.bootstrap import build
from appliance.config import load
from appliance.domain.agents import AgentScope
from appliance.domain.events import Event
from appliance.home import Home
from appliance.marketdata.values import Priority, SourceInfo
from appliance.service.agents import LOCAL
from appliance.service.core import Core
from appliance.transport.agent_socket import AgentSocket
from appliance.transport.tool_results import Answer
from appliance.transport.tools import CATALOG, call_tool

PRICES = {"BTC/USDT": ("59990", "60010"), "ETH/USDT": ("2999", "3001"), "SOL/USDT": ("149.9", "150.1")}
TRADER = frozenset({AgentScope.READ, AgentScope.PAPER})
HELLO = b'{"readytrader":1,"token":null}\n'


def home_at(folder: Path) -> Home:
    home = Home(folder)
    home.prepare()
    return home


@asynccontextmanager
async def running_core(folder: Path, **settings: str) -> AsyncIterator[Core]:
    """A started core with 10,000 USDT and a quote for every instrument; its settings as environment variables."""
    configuration = msgspec.structs.replace(load(None, settings), sources=())
    core = build(home_at(folder), configuration)
    await core.start()
    core.bus.register(SourceInfo(name="scripted", priority=Priority.STREAM, admissible=True))
    quote_all(core)
    await core.funds.deposit(LOCAL, Asset("USDT"), Decimal(10_000))
    try:
        yield core
    finally:
        await core.aclose()


def quote_all(core: Core) -> None:
    """Quote every instrument as of now."""
    for symbol, (bid, ask) in PRICES.items():
        now = core.clock()
        quote = Quote(
            symbol=Symbol(symbol),
            bid=Decimal(bid),
            ask=Decimal(ask),
            bid_size=Decimal(1000),
            ask_size=Decimal(1000),
            observed_at=now,
        )
        core.bus.publish("scripted", quote, now)


async def new_token(core: Core, name: str, scopes: frozenset[AgentScope] = TRADER) -> str:
    return await core.agents.add(name, scopes, timedelta(days=1), "test")


async def call(core: Core, tool: str, **arguments: object) -> dict[str, Any]:
    """Call a tool as the local agent, without a transport; the answer as JSON."""
    return as_json(await call_tool(core, LOCAL, CATALOG[tool], arguments))


def as_json(answer: Answer) -> dict[str, Any]:
    decoded = json.loads(msgspec.json.encode(answer))
    assert isinstance(decoded, dict)
    return decoded


def recorded(core: Core, event_type: type[Event]) -> asyncio.Event:
    """Set once an event of this type is recorded from now on."""
    seen = asyncio.Event()
    core.recorder.listen(lambda event: seen.set() if isinstance(event, event_type) else None)
    return seen


def codes(answer: dict[str, Any]) -> set[str]:
    return {denial["code"] for denial in answer.get("denials", ())}


@asynccontextmanager
async def served(folder: Path, **settings: str) -> AsyncIterator[tuple[Core, Path]]:
    """A running core behind an agent socket, and the socket's path."""
    async with running_core(folder, **settings) as core:
        path = folder / "run" / "agent.sock"
        listener = AgentSocket(core, path)
        await listener.start()
        try:
            yield core, path
        finally:
            await listener.aclose()


class Wire:
    """One connection to the agent socket, line by line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._next = 0

    @classmethod
    async def connect(cls, path: Path, token: str | None = None) -> Self:
        """Connect and say hello; the welcome is read."""
        wire = cls(*await asyncio.open_unix_connection(path, limit=1 << 22))
        wire.send_line(json.dumps({"readytrader": 1, "token": token}).encode())
        await wire.receive()
        return wire

    @classmethod
    async def agent(cls, path: Path, token: str | None = None) -> Self:
        """As `connect`, with the handshake of 2025-11-25 done."""
        wire = await cls.connect(path, token)
        parameters = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        await wire.request("initialize", parameters)
        wire.send_line(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return wire

    def send_line(self, line: bytes) -> None:
        self.writer.write(line + b"\n")

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            line = await self.reader.readline()
        if not line:
            raise ConnectionResetError("the server closed")
        decoded = json.loads(line)
        assert isinstance(decoded, dict)
        return decoded

    def start(self, method: str, parameters: dict[str, object]) -> int:
        """Send a request without waiting; its ID."""
        self._next += 1
        self.send_line(
            json.dumps({"jsonrpc": "2.0", "id": self._next, "method": method, "params": parameters}).encode()
        )
        return self._next

    def start_call(self, tool: str, **arguments: object) -> int:
        return self.start("tools/call", {"name": tool, "arguments": arguments})

    async def request(self, method: str, parameters: dict[str, object]) -> dict[str, Any]:
        """Send a request and return the next message, which must be its answer."""
        number = self.start(method, parameters)
        message = await self.receive()
        assert message["id"] == number, message
        return message

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool; its structured answer."""
        message = await self.request("tools/call", {"name": tool, "arguments": arguments})
        answer = message["result"]["structuredContent"]
        assert isinstance(answer, dict)
        return answer

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()
