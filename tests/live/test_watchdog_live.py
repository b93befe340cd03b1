"""The watchdog where the venue has no switch of its own: real exchange code on Binance's wire, and a key of its own."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cli.appliances import Process
from tests.live.standing import (
    Standing,
    live_appliance,
    live_configuration,
    moving,
    serve_fit,
    shown,
    standing,
    trader,
    until,
)

WIRE = "binance"
WATCHDOG = f"{WIRE}-watchdog"
OTHER_KEY, OTHER_SECRET = "key-of-the-watchdog", "secret-of-the-watchdog"
AFTER = "[watchdog]\nafter_sec = 5\n"


def account_of(venue: Standing) -> str:
    """The account of the key that was let in last."""
    return str(venue.local("GET", "health")["accounts"][-1])


@pytest.mark.slow
def test_a_killed_core_has_its_orders_cancelled_with_the_watchdogs_own_key(tmp_path: Path) -> None:
    with standing(tmp_path) as venue, moving(venue):
        venue.local("POST", "keys", key=OTHER_KEY, secret=OTHER_SECRET, account=account_of(venue), balances={})
        configuration = live_configuration({WIRE: venue}, front=AFTER)
        with live_appliance(configuration, [WIRE]) as appliance:
            for name, secret in (("api_key", OTHER_KEY), ("api_secret", OTHER_SECRET)):
                stored = appliance.run("plugin", "secret", WATCHDOG, name, "--from-file", "-", said=secret)
                assert stored.returncode == 0, stored
            pid = serve_fit(appliance, WIRE)
            assert shown(appliance, WIRE, "dead_man_switch") in ("none", "off")
            watchdog = Process(appliance._start("watchdog"))
            watchdog.wait_for("watches over")
            until(lambda: appliance.json("venue", "list")["watchdog"]["state"] == "alive", "the watchdog")
            until(lambda: not appliance.json("venue", "list")["watchdog"].get("problems"), "its key")
            agent = trader(appliance)
            orders = {
                agent.order("buy", "0.01", order_type="limit", price=price, exchange=WIRE)["order_id"]
                for price in ("58000", "57000")
            }
            assert len(venue.orders("open")) == len(orders)

            os.kill(pid, signal.SIGKILL)
            until(lambda: not venue.orders("open"), "the watchdog's cancellations")
            assert {line["client_order_id"] for line in venue.lines("cancelled")} == orders
            watchdog.wait_for("the watchdog has emptied binance")

            (appliance.run_folder / "operator.sock").unlink()
            serve_fit(appliance, WIRE)
            told = {one["order"]["order_id"]: one["order"]["state"] for one in appliance.json("order", "list")}
            assert told == dict.fromkeys(orders, "cancelled")
            assert watchdog.end() == 0
