"""A plain agent: JSON-RPC lines over two descriptors, for both revisions of MCP, with a deadline on every read."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Mapping
from typing import Any

ANSWER_WAIT_MAX_S = 30.0
MARKET_WAIT_MAX_S = 20.0
MARKET_RETRY_S = 0.1
LEGACY = "2025-11-25"
MODERN = "2026-07-28"
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
"""What 2026-07-28 wants with every request instead of a handshake."""

Answer = dict[str, Any]


def decoded(line: bytes) -> Answer:
    message = json.loads(line)
    assert isinstance(message, dict)
    return message


class Hangup(Exception):
    """The server closed its end, or did not answer in time."""


class Agent:
    """One session."""

    def __init__(self, incoming: int, outgoing: int, revision: str = LEGACY) -> None:
        self.incoming = incoming
        self._outgoing = outgoing
        self._revision = revision
        self._buffer = b""
        self._next = 0
        self.transcript = b""
        """Everything that came back, as it came."""

    def handshake(self) -> Answer:
        """`initialize` of 2025-11-25; its result."""
        client = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        result = self.request("initialize", client)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def send(self, message: object) -> None:
        """Write one line."""
        rest = json.dumps(message).encode() + b"\n"
        while rest:
            rest = rest[os.write(self._outgoing, rest) :]

    def start(self, method: str, parameters: Mapping[str, object]) -> int:
        """Send a request without waiting for its answer; its ID."""
        self._next += 1
        meta = {"_meta": ENVELOPE} if self._revision == MODERN else {}
        self.send({"jsonrpc": "2.0", "id": self._next, "method": method, "params": {**parameters, **meta}})
        return self._next

    def start_call(self, tool: str, **arguments: object) -> int:
        return self.start("tools/call", {"name": tool, "arguments": arguments})

    def receive(self) -> Answer:
        """The next message. Raises `Hangup`."""
        until = time.monotonic() + ANSWER_WAIT_MAX_S
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self.incoming], [], [], max(0.0, until - time.monotonic()))
            block = os.read(self.incoming, 1 << 16) if ready else b""
            if not block:
                raise Hangup("closed" if ready else "no answer in time")
            self.transcript += block
            self._buffer += block
        line, _, self._buffer = self._buffer.partition(b"\n")
        return decoded(line)

    def receive_ready(self) -> list[Answer]:
        """Every message that is whole after one read."""
        self._buffer += os.read(self.incoming, 1 << 16)
        *lines, self._buffer = self._buffer.split(b"\n")
        return [decoded(line) for line in lines]

    def request(self, method: str, parameters: Mapping[str, object]) -> Answer:
        """Send a request and return the result of its answer, which must be the next message."""
        number = self.start(method, parameters)
        message = self.receive()
        assert message["id"] == number, message
        assert "result" in message, message
        result = message["result"]
        assert isinstance(result, dict)
        return result

    def call(self, tool: str, **arguments: object) -> Answer:
        """Call a tool; its structured answer."""
        answer = self.request("tools/call", {"name": tool, "arguments": arguments})["structuredContent"]
        assert isinstance(answer, dict)
        return answer

    def done(self, tool: str, **arguments: object) -> Answer:
        """Call a tool that must say `ok`."""
        answer = self.call(tool, **arguments)
        assert answer["ok"], answer
        return answer

    def order(self, side: str, amount: str, symbol: str = "BTC/USDT", **more: object) -> Answer:
        """Place an order that must be permitted; the order as it is then."""
        order = self.done("place_cex_order", symbol=symbol, side=side, amount=amount, **more)["order"]
        assert isinstance(order, dict)
        return order

    def market(self, symbol: str = "BTC/USDT") -> Answer:
        """Wait for a quote that may be traded on."""
        until = time.monotonic() + MARKET_WAIT_MAX_S
        while True:
            price = self.call("get_crypto_price", symbol=symbol)
            if price["ok"] and price["trusted"]:
                return price
            assert time.monotonic() < until, price
            time.sleep(MARKET_RETRY_S)

    def fund(self, amount: str = "100000") -> None:
        """Wait for the market and deposit paper money."""
        self.market()
        self.done("deposit_paper_funds", asset="USDT", amount=amount)


def codes(answer: Answer) -> set[str]:
    """The codes of a refusal."""
    return {denial["code"] for denial in answer["denials"]}
