"""Markets that move by themselves, and the exchange as a process of its own."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import urllib.request
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest
from readytrader_sdk.market import Quote, Trade

from appliance.local_exchange import market
from tests.local_exchange.ground import ETH, exchange, instrument

RECORDING = Path(os.environ.get("READYTRADER_RECORDINGS", "/work/shared/data")) / "binance-usdm-ethusdt-20240808.gz"


def message(local: int, event: dict[str, object]) -> bytes:
    return b"%d %s\n" % (local, json.dumps({"stream": f"ethusdt@{event['e']}", "data": event}).encode())


def test_a_walk_is_the_same_for_the_same_seed_and_each_book_can_be_displayed() -> None:
    traded = instrument(ETH)
    first, second, other = (
        [book.bids for book in islice(market.walk(traded, Decimal(2500), seed), 50)] for seed in (1, 1, 2)
    )
    assert first == second != other
    venue = exchange()
    for book in islice(market.walk(traded, Decimal("0.5"), 3), 500):
        venue.show(book)
    assert venue.displays[ETH].bids[-1].price > 0


def test_a_recording_plays_its_best_prices_and_trades(tmp_path: Path) -> None:
    path = tmp_path / "recording.gz"
    quote = {"e": "bookTicker", "u": 1, "s": "ETHUSDT", "b": "2681.62", "B": "1.1", "a": "2681.63", "A": "7", "T": 1}
    trade = {"e": "trade", "s": "ETHUSDT", "t": 9, "T": 1, "p": "2681.63", "q": "0.5", "m": False}
    path.write_bytes(gzip.compress(message(1, quote) + message(2, {"e": "depthUpdate"}) + message(3, trade)))
    (first_at, first), (second_at, second) = market.recorded(path, ETH)
    assert (first_at, second_at) == (1, 3)
    assert isinstance(first, Quote)
    assert str(first.bid) == "2681.62"
    assert isinstance(second, Trade)
    assert str(second.quantity) == "0.5"


@pytest.mark.skipif(not RECORDING.exists(), reason="the recorded market is not here")
def test_a_real_recording_can_be_displayed_tick_by_tick() -> None:
    venue = exchange()
    for _, tick in islice(market.recorded(RECORDING, ETH), 5000):
        assert isinstance(tick, Quote | Trade)
        venue.show(tick)
    assert venue.displays[ETH].trades


def test_the_verb_says_where_it_is_and_keeps_the_venues_ledger(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    command = [sys.executable, "-m", "appliance", "local-exchange", "--ledger", str(ledger)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            url = json.loads(child.stdout.readline())["url"]
            with urllib.request.urlopen(f"{url}/local/health", timeout=10) as answer:
                assert json.load(answer)["symbols"] == ["BTC/USDT", "ETH/USDT", "BTC/USD"]
        finally:
            child.terminate()
    assert child.returncode == 0
    assert {json.loads(line)["kind"] for line in ledger.read_text().splitlines()} == {"deposit"}
