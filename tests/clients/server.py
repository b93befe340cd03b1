"""The appliance under test in a process of its own: `python -m tests.clients.server FOLDER`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from appliance.transport.http import AgentHttp
from tests.clients.conformance_fixtures import ConformanceListener
from tests.transport.serving import new_token, quote_all, served


async def main(folder: Path) -> None:
    async with served(folder, RATE_LIMIT_DEFAULT_PER_MIN="100000", RATE_LIMIT_EXECUTION_PER_MIN="10000") as (core, _):
        http = AgentHttp(core, "127.0.0.1", 0)
        await http.start()
        conformance = ConformanceListener(core)
        await conformance.start()
        where = {
            "url": f"http://127.0.0.1:{http.port}/mcp",
            "token": await new_token(core, "foreign"),
            "conformance": f"http://127.0.0.1:{conformance.port}/mcp",
        }
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        while True:
            await asyncio.sleep(5)
            quote_all(core)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
