"""An agent for trying and for demonstrations: the MCP library's own client over standard input and output."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TextIO

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client


class AgentClient:
    """One MCP session. Answers are the tools' structured results, as any agent gets them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def protocol(self) -> str:
        """The protocol revision that both sides agreed on."""
        return str(self._client.protocol_version)

    async def tools(self) -> Sequence[str]:
        """The names of the tools that are offered."""
        return [tool.name for tool in (await self._client.list_tools()).tools]

    async def call(self, tool: str, **arguments: object) -> Mapping[str, Any]:
        """Call one tool. A refusal is an answer like any other, with `ok` false."""
        result = await self._client.call_tool(tool, arguments)
        if not isinstance(result.structured_content, dict):
            raise TypeError(f"{tool}: expected a structured answer, got {type(result.structured_content).__name__}")
        return result.structured_content


@asynccontextmanager
async def connect_stdio(
    command: str, arguments: Sequence[str], environment: Mapping[str, str], errors: TextIO
) -> AsyncIterator[AgentClient]:
    """Start a server as a child, as every MCP host does, and speak to it until the block ends."""
    parameters = StdioServerParameters(command=command, args=list(arguments), env=dict(environment))
    async with Client(stdio_client(parameters, errlog=errors)) as client:
        yield AgentClient(client)
