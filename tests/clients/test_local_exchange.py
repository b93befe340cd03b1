"""Clients that the exchanges' own people wrote trade against the local exchange."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.clients.toolbox import python_with
from tests.local_exchange.ground import KEY, SECRET, served

HERE = Path(__file__).parent
PATIENCE_S = 60


async def asked(requirement: str, script: str, *arguments: str) -> Any:
    """What the script prints, run by an interpreter that has `requirement` and nothing of ours."""
    python = await asyncio.to_thread(python_with, requirement)
    process = await asyncio.create_subprocess_exec(
        python, str(HERE / script), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, errors.decode()
    return json.loads(out)


def test_binances_own_connector_trades_and_hears_of_it() -> None:
    async def scenario() -> None:
        async with served() as (_, url):
            found = await asked("binance-connector==3.13.0", "trade_binance_connector.py", url, KEY, SECRET)
        assert found == {
            "symbols": ["BTCUSDT", "ETHUSDT"],
            "placed": "NEW",
            "found": "connector-1",
            "cancelled": "CANCELED",
            "market": ["FILLED", "60001.00000000"],
            "trades": 1,
            "refused": -1022,
            "depth": [["59999.00000000", "1.00000000"]],
            "told": ["NEW", "CANCELED", "NEW", "TRADE"],
        }

    asyncio.run(scenario())
