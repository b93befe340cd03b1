"""Two live venues under one core, each on a wire of its own: apart in holdings and faults, one in what is at risk."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.agents import Agent, codes
from tests.cli.appliances import Appliance
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

VENUES = ("binance", "kraken")
FUNDS = {"usdt": "100000", "btc": "0"}
POSITION_MAX_PCT = "20"  # of 200,000 USDT: two thirds of a bitcoin


@contextmanager
def stage(folder: Path) -> Iterator[tuple[dict[str, Standing], Appliance, Agent]]:
    with standing(folder, "binance", **FUNDS) as one, standing(folder, "kraken", **FUNDS) as other, moving(one, other):
        venues = dict(zip(VENUES, (one, other), strict=True))
        configuration = live_configuration(venues).replace(
            "position_max_pct = 100", f"position_max_pct = {POSITION_MAX_PCT}"
        )
        with live_appliance(configuration, VENUES) as appliance:
            serve_fit(appliance, *VENUES)
            yield venues, appliance, trader(appliance)


def ended(agent: Agent, order_id: str) -> str:
    """How an order stands when it has ended."""
    return str(agent.done("wait_for_cex_order", order_id=order_id, timeout_sec=60)["order"]["state"])


def taken(venue: Standing) -> int:
    return len(venue.lines("accepted"))


def worker_of(appliance: Appliance, venue: str) -> int:
    (pid,) = (one["pid"] for one in appliance.json("status")["workers"] if one["name"] == venue)
    return int(pid)


@pytest.mark.slow
def test_an_order_goes_to_the_venue_that_it_names_and_limits_hold_over_both(tmp_path: Path) -> None:
    with stage(tmp_path) as (venues, appliance, agent):
        first = agent.order("buy", "0.5", exchange="binance")["order_id"]
        assert ended(agent, first) == "filled"
        assert (taken(venues["binance"]), taken(venues["kraken"])) == (1, 0)

        # What one venue holds counts when the other is asked for more.
        assert "POSITION_ABOVE_MAX" in codes(
            agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.5", exchange="kraken")
        )
        second = agent.order("buy", "0.1", exchange="kraken")["order_id"]
        assert ended(agent, second) == "filled"
        assert (taken(venues["binance"]), taken(venues["kraken"])) == (1, 1)

        # What is held at one cannot be sold at the other.
        refused = agent.call("place_cex_order", symbol="BTC/USDT", side="sell", amount="0.3", exchange="kraken")
        assert "BALANCE_INSUFFICIENT" in codes(refused)
        sold = agent.order("sell", "0.3", exchange="binance")["order_id"]
        assert ended(agent, sold) == "filled"
        for venue in VENUES:
            assert shown(appliance, venue, "drifts") is None
            assert shown(appliance, venue, "foreign_orders") is None


@pytest.mark.slow
def test_a_venue_whose_worker_hangs_does_not_hold_up_the_other(tmp_path: Path) -> None:
    with stage(tmp_path) as (venues, appliance, agent):
        os.kill(worker_of(appliance, "kraken"), signal.SIGSTOP)
        buy = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.01"}
        hangs = agent.start_call("place_cex_order", **buy, exchange="kraken")
        quick = agent.start_call("place_cex_order", **buy, exchange="binance")
        first, second = agent.receive(), agent.receive()
        assert (first["id"], second["id"]) == (quick, hangs)
        done, doubtful = (answer["result"]["structuredContent"] for answer in (first, second))
        assert ended(agent, done["order"]["order_id"]) == "filled"
        assert doubtful["order"]["state"] == "unknown"
        assert ended(agent, agent.order("buy", "0.011", exchange="binance")["order_id"]) == "filled"
        assert (taken(venues["binance"]), taken(venues["kraken"])) == (2, 0)


@pytest.mark.slow
def test_where_two_sources_must_agree_one_that_differs_or_dies_stops_all_orders(tmp_path: Path) -> None:
    order = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.01"}
    with standing(tmp_path, "binance", **FUNDS) as one, standing(tmp_path, "kraken", **FUNDS) as other, moving(one):
        configuration = live_configuration(
            dict(zip(VENUES, (one, other), strict=True)), front="[marketdata]\nsources_min = 2\n"
        )

        def told(agent: Agent) -> set[str]:
            """What stands in the way now, as a look and not as an order."""
            looked = agent.call("validate_trade_risk", **order, exchange="binance")
            return set() if looked["ok"] else codes(looked)

        with live_appliance(configuration, VENUES) as appliance:
            with moving(other) as market:
                serve_fit(appliance, *VENUES)
                agent = trader(appliance)
                until(lambda: not told(agent), "agreement")
                assert ended(agent, agent.order("buy", "0.01", exchange="binance")["order_id"]) == "filled"

                market.move("65999", "66001", "50")
                until(lambda: told(agent) == {"QUOTE_DISAGREEMENT"}, "disagreement")
                for venue in VENUES:
                    refused = agent.call("place_cex_order", **order, exchange=venue)
                    assert "QUOTE_DISAGREEMENT" in codes(refused)

                market.move("59999", "60001", "50")
                until(lambda: not told(agent), "agreement again")
                assert ended(agent, agent.order("buy", "0.011", exchange="kraken")["order_id"]) == "filled"

            os.kill(other.pid, signal.SIGKILL)
            until(lambda: "QUOTE_DISAGREEMENT" in told(agent), "one source alone")
            assert "QUOTE_DISAGREEMENT" in codes(agent.call("place_cex_order", **order, exchange="binance"))
            assert (taken(one), taken(other)) == (1, 1)
