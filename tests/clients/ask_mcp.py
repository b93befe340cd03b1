"""Run by an interpreter with mcp 1.x and nothing of ours: ask the appliance four things and print the answers."""

import asyncio
import contextlib
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def main(where):
    async with contextlib.AsyncExitStack() as stack:
        if where["kind"] == "stdio":
            command, *arguments = where["command"]
            parameters = StdioServerParameters(command=command, args=arguments, env=where["env"])
            streams = await stack.enter_async_context(stdio_client(parameters))
        else:
            headers = {"Authorization": f"Bearer {where['token']}"}
            streams = await stack.enter_async_context(streamablehttp_client(where["url"], headers=headers))
        session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
        opened = await session.initialize()
        answers = [(await session.call_tool(name, arguments)).structuredContent for name, arguments in where["calls"]]
        tools = len((await session.list_tools()).tools)
        sys.stdout.write(json.dumps({"revision": opened.protocolVersion, "tools": tools, "answers": answers}))


asyncio.run(main(json.loads(sys.argv[1])))
