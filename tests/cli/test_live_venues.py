"""The operator's hands on a live venue, with the whole program: real processes, a caged plugin, a venue beyond."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from signal import Signals
from typing import Any

from appliance.service.sign_of_life import SignFile
from tests.cli.agents import Agent
from tests.cli.appliances import Appliance, Process, new_appliance
from tests.cli.play_venue import COMMAND, CORE_KEY, TOML, WATCHDOG_KEY, PlayVenue, play_venue

WAIT_MAX_S = 40.0
RESTING = {"exchange": "play", "order_type": "limit", "price": "49000"}


def until(condition: Callable[[], object]) -> None:
    """Wait for something that happens in another process."""
    end = time.monotonic() + WAIT_MAX_S
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@contextmanager
def live(more: str = "") -> Iterator[tuple[Appliance, PlayVenue]]:
    """A home configured for real money at a play venue, with a key each for the core and the watchdog."""
    with play_venue() as venue, new_appliance(command=COMMAND) as appliance:
        (appliance.home / "readytrader.toml").write_text(TOML.format(port=venue.port) + more)
        for name, key in (("play", CORE_KEY), ("play-watchdog", WATCHDOG_KEY)):
            stored = appliance.run("plugin", "secret", name, "api_key", "--from-file", "-", said=key)
            assert stored.returncode == 0, stored
        yield appliance, venue


def shown(appliance: Appliance, what: str) -> Any:
    """One field of the venue, as a program reads it; None where it is left out."""
    (venue,) = appliance.json("venue", "list")["venues"]
    return venue.get(what)


def serving(appliance: Appliance) -> Process:
    """A core whose venue is fit for orders."""
    daemon = Process(appliance._start("serve"))
    daemon.wait_for("  operators  ")
    until(lambda: shown(appliance, "fit"))
    return daemon


def trader(appliance: Appliance) -> Agent:
    agent = appliance.mcp(appliance.add_agent("bob", "--scope", "read", "--scope", "live")).agent
    agent.market()
    return agent


def test_a_live_venue_is_shown_as_it_is() -> None:
    with live() as (appliance, venue):
        serving(appliance)
        (known,) = appliance.json("venue", "list")["venues"]
        assert (known["venue"], known["can_withdraw"], known["dead_man_switch"]) == ("play", False, "none")
        assert abs(known["clock_skew_ms"]) < 1000
        venue.open["somebody-else"] = "BTC/USDT"
        until(lambda: shown(appliance, "foreign_orders") == ["somebody-else"])
        table = appliance.done("venue", "list")
        assert "nobody here sent somebody-else" in table
        assert "watchdog: none" in table
        status = appliance.done("status")
        assert re.search(r"venue +play: fit, foreign orders: 1", status)
        assert re.search(r"watchdog +none", status)
        states = {it["scope"]: it["state"] for it in appliance.json("status")["states"]}
        assert states == {"venue:play": "cancel_only"}
        venue.open.clear()
        appliance.done("resume", "--scope", "venue:play", "--reason", "it was me")


def test_a_person_says_that_the_venue_is_right() -> None:
    with live() as (appliance, venue):
        serving(appliance)
        assert "nothing to accept" in appliance.run("venue", "accept", "play", "--reason", "x").stderr
        assert "no live venue" in appliance.run("venue", "accept", "other", "--reason", "x").stderr
        venue.balances["USDT"] = "90000"
        until(lambda: shown(appliance, "drifts"))
        assert "the journal says 100000 USDT, the venue 90000 USDT" in appliance.done("venue", "list")
        assert "follows play in USDT" in appliance.done("venue", "accept", "play", "--reason", "taken out")
        until(lambda: not shown(appliance, "drifts"))
        exported = appliance.done("audit", "export")
        assert "taken out" in exported


def test_a_person_says_what_became_of_an_order_that_nobody_could_find() -> None:
    with live() as (appliance, venue):
        serving(appliance)
        agent = trader(appliance)
        known = agent.order("buy", "0.002", **RESTING)
        finished = appliance.run("order", "resolve", known["order_id"], "absent", "--reason", "x")
        assert (finished.returncode, "it is open" in finished.stderr) == (1, True)
        venue.swallows = True
        lost = agent.order("buy", "0.003", **RESTING)
        assert lost["state"] == "unknown"
        assert lost["order_id"] in appliance.done("order", "list", "--open")
        resolved = appliance.done("order", "resolve", lost["order_id"], "absent", "--reason", "I looked")
        assert f"order {lost['order_id']} is absent" in resolved
        assert [it["order"]["order_id"] for it in appliance.json("order", "list", "--open")] == [known["order_id"]]
        assert '"source":"operator"' in appliance.done("audit", "export").replace(" ", "")
        again = appliance.run("order", "resolve", lost["order_id"], "cancelled", "--reason", "x")
        assert again.returncode == 1


def test_a_core_that_is_killed_has_its_orders_cancelled_by_the_watchdog_with_its_own_key() -> None:
    with live() as (appliance, venue):
        watchdog = Process(appliance._start("watchdog"))
        watchdog.wait_for("watches over")
        daemon = serving(appliance)
        until(lambda: appliance.json("venue", "list")["watchdog"]["state"] == "alive")
        second = appliance.run("watchdog")
        assert (second.returncode, "another watchdog runs" in second.stderr) == (3, True)
        agent = trader(appliance)
        ids = {agent.order("buy", amount, **RESTING)["order_id"] for amount in ("0.002", "0.003")}
        assert set(venue.open) == ids
        daemon.end(Signals.SIGKILL)
        until(lambda: not venue.open)
        assert venue.cancelled_by == dict.fromkeys(ids, WATCHDOG_KEY)
        watchdog.wait_for("the watchdog has emptied play")
        serving(appliance)
        watchdog.wait_for("the core is back")
        until(lambda: appliance.json("order", "list", "--open") == [])
        assert watchdog.end() == 0
        assert appliance.json("venue", "list")["watchdog"]["state"] == "stopped"


def test_a_core_that_hangs_has_its_orders_cancelled_and_one_that_stops_in_good_order_keeps_them() -> None:
    with live() as (appliance, venue):
        watchdog = Process(appliance._start("watchdog"))
        watchdog.wait_for("watches over")
        daemon = serving(appliance)
        agent = trader(appliance)
        agent.order("buy", "0.002", **RESTING)
        daemon.send(Signals.SIGSTOP)
        until(lambda: not venue.open)
        daemon.send(Signals.SIGCONT)
        watchdog.wait_for("the core is back")
        kept = agent.order("buy", "0.003", **RESTING)["order_id"]
        daemon.end()
        sign = SignFile(appliance.run_folder / "watchdog.alive", lambda: datetime.now(UTC))
        left = datetime.now(UTC)
        until(lambda: (seen := sign.read()) is not None and seen.at - left > timedelta(seconds=6))
        assert list(venue.open) == [kept], "though it has watched for longer than it waits for a silent core"


def test_on_paper_there_is_nothing_to_watch_over_and_no_venue(appliance: Appliance) -> None:
    finished = appliance.run("watchdog")
    assert (finished.returncode, "paper_mode" in finished.stderr) == (1, True)
    appliance.serve()
    assert "no live venue" in appliance.done("venue", "list")
    assert "venue  " not in appliance.done("status")
