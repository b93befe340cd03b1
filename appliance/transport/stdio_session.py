"""One agent over the process's own standard input and output: the core runs in this very process."""

from __future__ import annotations

from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.transport.mcp_server import build_server
from appliance.transport.stdio import open_stdio


async def serve_stdio(core: Core, principal: Principal) -> None:
    """Serve until the agent closes its end. Whoever started the process is the principal: there is no token."""
    reader, writer = await open_stdio(core.journal.announce)
    server = build_server(core, lambda _context: principal)
    await server.run(reader, writer, server.create_initialization_options())
