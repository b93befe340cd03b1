"""Run by an interpreter with fastmcp and nothing of ours: ask the appliance four things and print the answers."""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport


async def main(where):
    if where["kind"] == "stdio":
        command, *arguments = where["command"]
        transport = StdioTransport(command=command, args=arguments, env=where["env"])
    else:
        transport = StreamableHttpTransport(where["url"], headers={"Authorization": f"Bearer {where['token']}"})
    async with Client(transport) as client:
        answers = []
        for name, arguments in where["calls"]:
            answers.append((await client.call_tool(name, arguments, raise_on_error=False)).structured_content)
        sys.stdout.write(json.dumps({"tools": len(await client.list_tools()), "answers": answers}))


asyncio.run(main(json.loads(sys.argv[1])))
