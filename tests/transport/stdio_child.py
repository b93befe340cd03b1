"""A core on standard input and output that prints where it should not: `python -m ...stdio_child FOLDER`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from appliance.service.agents import LOCAL
from appliance.transport.stdio_session import serve_stdio
from tests.transport.serving import running_core


async def chatter() -> None:
    """Say something in each way there is, once the wire was taken; then say so on standard error."""
    while os.readlink("/proc/self/fd/0") != os.devnull:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.001)
    for _ in range(3):
        print("a stray print", flush=True)  # noqa: T201 - the point
        os.write(1, b"a stray write\n")
        await asyncio.to_thread(subprocess.run, ["echo", "a stray child"], check=True)
    os.write(2, b"said enough\n")


async def main(folder: Path) -> None:
    async with running_core(folder) as core:
        stray = asyncio.create_task(chatter())
        await serve_stdio(core, LOCAL)
        await stray


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
