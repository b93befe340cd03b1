"""A daemon of its own process for the tests of what connects to one: `python -m tests.transport.daemon FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from appliance.transport.operator_socket import OperatorSocket
from tests.transport.serving import quote_all, served


async def main(folder: Path) -> None:
    async with served(folder) as (core, path):
        operator = OperatorSocket(core, path.with_name("operator.sock"))
        await operator.start()
        sys.stdout.write("up\n")
        sys.stdout.flush()
        while True:
            await asyncio.sleep(5)
            quote_all(core)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
