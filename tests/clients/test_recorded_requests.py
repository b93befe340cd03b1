"""The vectors that our requests are compared with are what the venues' official clients send, asked again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients.toolbox import python_with

SCRIPT = Path(__file__).parent / "record_requests.py"
VECTORS = Path(__file__).parents[1] / "plugins" / "vectors"
CLIENTS = {
    "binance": "binance-connector==3.13.0", "kraken": "python-kraken-sdk==3.5.1",
    "coinbase": "coinbase-advanced-py==1.8.4", "okx": "python-okx==0.4.4", "bybit": "pybit==5.17.0",
}  # fmt: skip
PATIENCE_S = 60


@pytest.mark.parametrize("venue", CLIENTS)
def test_the_official_client_sends_what_was_recorded(venue: str) -> None:
    command = [python_with(CLIENTS[venue]), str(SCRIPT), venue]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads((VECTORS / f"{venue}.json").read_text())
    package, _, version = CLIENTS[venue].partition("==")
    assert told["source"].startswith(f"{package} {version} ")
    assert told["requests"] == json.loads(done.stdout)
