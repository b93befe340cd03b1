"""The agents' Unix socket: one line that says who comes, one line back, and then MCP.

The first line is `{"readytrader":1,"token":null}` or carries a token. Who is taken gets
`{"readytrader":1,"agent":NAME}`; who is not gets a JSON-RPC error, and the connection ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.transport.door import Door
from appliance.transport.lines import LINE_MAX, line_streams
from appliance.transport.mcp_server import build_server
from appliance.transport.unix_listener import UnixListener, peer_uid

log = logging.getLogger(__name__)

PROTOCOL = 1
SESSIONS_MAX = 64
HELLO_WAIT_MAX_S = 5.0
HELLO_MAX = 4096
REFUSED = -32001
"""JSON-RPC leaves -32000 to -32099 to the server; this one means that the hello was not taken."""


class Hello(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a connection."""

    readytrader: int
    token: str | None


class Welcome(Struct, frozen=True, kw_only=True):
    """The answer to a hello that was taken."""

    readytrader: int
    agent: str


class AgentSocket:
    """Serves any number of agents at once."""

    def __init__(self, core: Core, path: Path) -> None:
        self._core = core
        self._door = Door(core.agents, "agent socket", core.clock, core.telemetry.stages)
        self._listener = UnixListener(path, self._session, line_max=LINE_MAX, sessions_max=SESSIONS_MAX)

    async def start(self) -> None:
        """Listen. Raises `ListenerRefused`."""
        await self._listener.start()

    async def aclose(self) -> None:
        """End all sessions. Orders that were permitted go on."""
        await self._listener.aclose()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        principal = await self._greet(reader, writer)
        if principal is None:
            return
        server = build_server(self._core, lambda _context: principal)
        await server.run(
            *line_streams(reader, writer, self._core.journal.announce), server.create_initialization_options()
        )

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Principal | None:
        """Take the hello, and answer it."""
        try:
            async with asyncio.timeout(HELLO_WAIT_MAX_S):
                line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return None
        except (TimeoutError, asyncio.LimitOverrunError):
            line = b""
        principal = self._admit(line, peer_uid(writer))
        if principal is None:
            error = {"code": REFUSED, "message": "refused: no good token, or another user without one"}
            writer.write(msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": error}) + b"\n")
            await writer.drain()
            return None
        writer.write(msgspec.json.encode(Welcome(readytrader=PROTOCOL, agent=principal.agent_id)) + b"\n")
        return principal

    def _admit(self, line: bytes, uid: int) -> Principal | None:
        try:
            hello = msgspec.json.decode(line[:HELLO_MAX], type=Hello)
        except (ValueError, RecursionError):
            self._door.note(f"uid {uid} without a hello")
            return None
        if hello.readytrader != PROTOCOL:
            self._door.note(f"uid {uid} with protocol {hello.readytrader}")
            return None
        if hello.token is not None:
            return self._door.admit_token(hello.token)
        return self._door.admit_peer(uid, os.geteuid())
