"""Exchanges in the frozen program: imported by name, in a cage, with market data and orders going through."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.appliances import Appliance, new_appliance
from tests.frozen.builds import ONE_FILE, UNPACKED

PROGRAMS = pytest.mark.parametrize("program", [ONE_FILE, UNPACKED], ids=["one file", "tree"])
VENUES = ("binance", "kraken")
TICKS_WAIT_MAX_S = 30.0
SOURCE = """
[[source]]
name = "{name}_1"
plugin = "ccxt_feed"
priority = 0
settings = {{ exchange = "{name}", symbols = "BTC/USDT", url = "{url}", timeframes = "none" }}
private_hosts = ["{host}"]
"""


@pytest.fixture(scope="module")
def local_exchange() -> Iterator[str]:
    """The URL of the frozen program's own exchange, whose market moves."""
    command = [str(UNPACKED), "local-exchange", "--walk", "--seed", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def fed(local_exchange: str) -> Iterator[Appliance]:
    with new_appliance(command=[str(UNPACKED)]) as appliance:
        with (appliance.home / "readytrader.toml").open("a") as file:
            for name in VENUES:
                file.write(SOURCE.format(name=name, url=local_exchange, host=urlsplit(local_exchange).netloc))
        yield appliance


def heard(appliance: Appliance) -> dict[str, Any]:
    """The status, once every source was heard more than once; or as it is when the time is up."""
    until = time.monotonic() + TICKS_WAIT_MAX_S
    while True:
        status: dict[str, Any] = appliance.json("status")
        accepted = {source["name"]: source["accepted"] for source in status["sources"]}
        if all(accepted.get(f"{name}_1", 0) > 1 for name in VENUES) or time.monotonic() > until:
            return status
        time.sleep(0.1)


@PROGRAMS
def test_a_daemon_hears_two_exchanges_in_their_cages(
    fed: Appliance, program: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fed, "command", [str(program)])
    daemon = fed.serve()
    status = heard(fed)
    accepted = {source["name"]: source["accepted"] for source in status["sources"]}
    assert all(accepted[f"{name}_1"] > 1 for name in VENUES), status
    assert daemon.end() == 0


@pytest.mark.parametrize("name", VENUES)
def test_a_feed_keeps_what_a_plugin_promises(fed: Appliance, name: str) -> None:
    report = fed.json("plugin", "check", f"{name}_1", "--listen", "3")
    assert report["passed"], report


@PROGRAMS
def test_an_order_goes_through_ccxt_to_an_exchange_and_back(appliance: Appliance, program: object) -> None:
    told = subprocess.run(
        [str(program), "demo", "--exchange", "--plain"], env=appliance.environment(), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
