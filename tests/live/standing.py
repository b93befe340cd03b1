"""The whole program beside a local exchange, both in processes of their own: what an operator who tries it would have.

The market is shown by whoever runs the test, over the exchange's own `/local`; nothing here knows the core from inside.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tests.cli.agents import Agent
from tests.cli.appliances import PROGRAM, ROOT, Appliance, new_appliance

KEY, SECRET = "standing-key", "c3RhbmRpbmctc2VjcmV0"  # base64, as Kraken has them
WAIT_MAX_S = 40.0
SHOWN_EVERY_S = 0.4
COMMAND = (sys.executable, *PROGRAM)
LIVE = """\
paper_mode = false
live_trading_enabled = true
"""
ALLOWED = """\
[allow]
exchanges = [{venues}]
symbols = ["BTC/USDT"]
market_types = ["spot"]
tokens = ["BTC", "USDT"]
chains = []
[limits]
notional_order_max = 1000000
notional_cex_order_max = 1000000
position_max_pct = 100
exposure_max_pct = 100
open_notional_max_pct = 1000
turnover_max_pct = 100000
open_orders_max = 10000
repeated_orders_max = 10000
rejects_max = 1000
daily_loss_max_pct = 100
drawdown_max_pct = 100
nav_jump_max_pct = 50
[rate_limits]
default_per_min = 100000
execution_per_min = 100000
[agent]
http_port = 0
[operator_http]
port = 0
"""
"""Every limit out of the way, and no rule left out."""
SOURCE = """\
[[source]]
name = "{wire}_prices"
plugin = "ccxt_feed"
priority = 0
settings = {{exchange = "{wire}", symbols = "BTC/USDT", feed = "stream", url = "{url}"{more}}}
private_hosts = ["{host}"]
"""
EXCHANGE = """\
[[exchange]]
name = "{wire}"
plugin = "ccxt"
live = true
cancel_after_sec = {cancel_after_sec}
settings = {{exchange = "{wire}", url = "{url}", rate_limit = "off"}}
private_hosts = ["{host}"]
"""


@dataclass
class Standing:
    """A local exchange that runs."""

    url: str
    ledger: Path
    pid: int

    def local(self, method: str, path: str, /, **body: object) -> Any:
        """One call of the exchange's own side, which no agent and no operator sees."""
        data = json.dumps(body).encode() if body else None
        asked = Request(f"{self.url}/local/{path}", data, {"Content-Type": "application/json"}, method=method)
        with urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def show(self, bid: str, ask: str, size: str = "5") -> None:
        """Move the market of BTC/USDT."""
        self.local("POST", "quote", symbol="BTC/USDT", bid=bid, ask=ask, bid_size=size, ask_size=size)

    def fault(self, fault: str, *, times: int = 1, ms: int = 0, path: str | None = None) -> None:
        """Let something go wrong at its next occasion."""
        self.local("POST", "faults", fault=fault, times=times, ms=ms, path=path)

    def lines(self, *kinds: str) -> list[dict[str, Any]]:
        """The ledger's lines of these kinds, as they were written."""
        told = [json.loads(line) for line in self.ledger.read_text().splitlines()]
        return [line for line in told if line["kind"] in kinds]

    def orders(self, state: str) -> list[dict[str, Any]]:
        """Every order in a state, as it truly is."""
        found = self.local("GET", "orders").values()
        return [order for orders in found for order in orders if order["state"] == state]


@contextmanager
def standing(folder: Path, name: str = "exchange", usdt: str = "10000000", btc: str = "100") -> Iterator[Standing]:
    """An exchange whose market stands still until it is moved, with one key."""
    ledger = folder / f"{name}-ledger.jsonl"
    command = [*COMMAND, "local-exchange", "--no-walk", "--ledger", str(ledger)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}) as process:
        try:
            assert process.stdout is not None
            exchange = Standing(json.loads(process.stdout.readline())["url"], ledger, process.pid)
            exchange.local("POST", "keys", key=KEY, secret=SECRET, balances={"USDT": usdt, "BTC": btc})
            yield exchange
        finally:
            process.terminate()


class Market(threading.Thread):
    """Shows the same market again and again, for a stream tells changes alone: its size is never the same twice."""

    def __init__(self, exchanges: Sequence[Standing]) -> None:
        super().__init__(name="market", daemon=True)
        self._exchanges = exchanges
        self._over = threading.Event()
        self.bid, self.ask, self.size = "59999", "60001", Decimal(50)

    def run(self) -> None:
        turn = 0
        while not self._over.is_set():
            turn += 1
            self.show(Decimal(turn % 2) / 100)
            self._over.wait(SHOWN_EVERY_S)

    def show(self, more: Decimal = Decimal(0)) -> None:
        """Show it now."""
        for exchange in self._exchanges:
            exchange.show(self.bid, self.ask, str(self.size + more))

    def move(self, bid: str, ask: str, size: str) -> None:
        """Another market from now on."""
        self.bid, self.ask, self.size = bid, ask, Decimal(size)
        self.show()

    def close(self) -> None:
        self._over.set()
        self.join()


@contextmanager
def moving(*exchanges: Standing) -> Iterator[Market]:
    """The market of these exchanges."""
    market = Market(exchanges)
    market.start()
    try:
        yield market
    finally:
        market.close()


def live_configuration(wires: dict[str, Standing], *, cancel_after_sec: int = 0, front: str = "") -> str:
    """Live trading at each of these wires, each with prices of its own."""
    parts = [LIVE, front, ALLOWED.format(venues=", ".join(f'"{wire}"' for wire in wires))]
    for wire, exchange in wires.items():
        at = {"wire": wire, "url": exchange.url, "host": urlsplit(exchange.url).netloc}
        parts.append(SOURCE.format(**at, more=""))
        parts.append(EXCHANGE.format(**at, cancel_after_sec=cancel_after_sec))
    return "".join(parts)


@contextmanager
def live_appliance(configuration: str, venues: Sequence[str], command: Sequence[str] = COMMAND) -> Iterator[Appliance]:
    """A home with this configuration, and the key of each venue."""
    with new_appliance(command=command) as appliance:
        (appliance.home / "readytrader.toml").write_text(configuration)
        for venue in venues:
            for name, secret in (("api_key", KEY), ("api_secret", SECRET)):
                stored = appliance.run("plugin", "secret", venue, name, "--from-file", "-", said=secret)
                assert stored.returncode == 0, stored
        yield appliance


def until(condition: Callable[[], object], why: str = "") -> None:
    """Wait for what other processes do."""
    end = time.monotonic() + WAIT_MAX_S
    while not condition():
        assert time.monotonic() < end, f"it never came: {why}"
        time.sleep(0.05)


def shown(appliance: Appliance, venue: str, what: str) -> Any:
    """One field of a venue, as the operator reads it; None where it is left out."""
    found = {known["venue"]: known for known in appliance.json("venue", "list")["venues"]}
    return found.get(venue, {}).get(what)


def serve_fit(appliance: Appliance, *venues: str) -> int:
    """Start the daemon and wait until each venue is fit for orders; the daemon's process ID."""
    daemon = appliance.serve()
    for venue in venues:
        until(lambda venue=venue: shown(appliance, venue, "fit"), venue)  # type: ignore[misc] # mypy and a default argument
    return daemon.popen.pid


def trader(appliance: Appliance) -> Agent:
    """An agent that may trade, over the bridge, with the market in sight."""
    token = appliance.add_agent("trader", "--scope", "read", "--scope", "live")
    agent = appliance.mcp(token).agent
    agent.market()
    return agent
