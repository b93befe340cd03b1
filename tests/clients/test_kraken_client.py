"""python-kraken-sdk trades at the local exchange, and the book that it keeps fits every checksum."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.clients.toolbox import python_with
from tests.local_exchange.kraken_ground import KEY, SECRET, served

SCRIPT = Path(__file__).with_name("ask_kraken_sdk.py")
PATIENCE_S = 120


async def answers_of(url: str) -> dict[str, Any]:
    """What the client saw, once it is done."""
    where = {"url": url, "socket": url.replace("http", "ws", 1), "key": KEY, "secret": SECRET}
    python = await asyncio.to_thread(python_with, "python-kraken-sdk==3.5.1")
    child = await asyncio.create_subprocess_exec(
        python, str(SCRIPT), json.dumps(where), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        said, complained = await asyncio.wait_for(child.communicate(), PATIENCE_S)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0, complained.decode()
    found = json.loads(said.decode().splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_python_kraken_sdk_trades_over_rest_and_websocket() -> None:
    async def act() -> None:
        async with served() as (venue, url):
            found = await answers_of(url)
            assert found["rest"] == {
                "pairs": ["ETHUSDT", "XBTUSDT", "XXBTZUSD"],
                "ask": "60001.0",
                "amended": ["0.40000000", "59100.5", "over-rest"],
                "cancelled": 1,
                "closed": "canceled",
                "bought": "closed",
                "trades": ["0.25000000"],
                "balance": "2.2500000000",
                "switch": "0",
            }
            assert found["executions"] == ["pending_new", "new", "canceled"]
            gap = found["book"].pop("gap")
            assert found["book"] == {"updates": 6, "faults": 0, "best": "59986.5"}
            assert gap.startswith("Checksum mismatch")
            assert not venue.accounts()[0].open

    asyncio.run(act())
