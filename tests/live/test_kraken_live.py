"""Kraken's wire under a live core, the whole program at both ends: what Binance's does not have or does otherwise.

Client order IDs are UUIDs there, a replacement takes two steps, and the venue has a dead-man's switch.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from readytrader_sdk.orders import ClientOrderId

from appliance.local_exchange.kraken_names import trade_txid
from builtin_plugins.ccxt_exchange.names import IdForm, our_id, wire_id
from tests.cli.agents import Agent, codes
from tests.cli.appliances import Appliance
from tests.live.checker import check
from tests.live.standing import (
    KEY,
    Market,
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

KRAKEN = "kraken"
LIMIT = {"order_type": "limit", "exchange": KRAKEN}
SWITCH_S = 8


@contextmanager
def stage(folder: Path, cancel_after_sec: int = 0) -> Iterator[tuple[Standing, Market, Appliance]]:
    with standing(folder) as venue, moving(venue) as market:
        configuration = live_configuration({KRAKEN: venue}, cancel_after_sec=cancel_after_sec)
        with live_appliance(configuration, [KRAKEN]) as appliance:
            yield venue, market, appliance


def accepted(venue: Standing) -> list[str]:
    """Our IDs, in the order in which the venue took them as UUIDs."""
    return [our_id(line["client_order_id"], "", IdForm.UUID) for line in venue.lines("accepted")]


def order_of(agent: Agent, order_id: str) -> dict[str, str]:
    found: dict[str, str] = agent.done("get_cex_order", order_id=order_id)["order"]
    return found


def judge(appliance: Appliance, venue: Standing) -> None:
    """The journal and the venue's own ledger tell the same story, once its trades are named as on the wire."""
    assert "signature good" in appliance.done("audit", "verify")
    named = appliance.folder / "named.jsonl"
    lines = venue.lines("deposit", "accepted", "amended", "fill", "cancelled", "expired")
    told = [line | ({"trade_id": trade_txid(line["trade_id"])} if "trade_id" in line else {}) for line in lines]
    named.write_text("".join(json.dumps(line) + "\n" for line in told))
    check(appliance.journal, named, account_of(venue), lambda wire: our_id(wire, "", IdForm.UUID))


def account_of(venue: Standing) -> str:
    (account,) = {line["account"] for line in venue.lines("accepted")}
    return str(account)


@pytest.mark.slow
def test_an_order_is_placed_filled_in_part_replaced_and_cancelled_and_the_ledgers_agree(tmp_path: Path) -> None:
    with stage(tmp_path) as (venue, market, appliance):
        serve_fit(appliance, KRAKEN)
        agent = trader(appliance)
        bought = agent.order("buy", "0.01", exchange=KRAKEN)["order_id"]
        until(lambda: order_of(agent, bought)["state"] == "filled")

        # 0.02 of it are for sale at 59,000; the rest of it stays.
        first = agent.order("buy", "0.05", price="59000", **LIMIT)["order_id"]
        market.move("58990", "59000", "0.02")
        market.move("58990", "59100", "5")
        until(lambda: order_of(agent, first)["state"] == "partly_filled")
        part = order_of(agent, first)
        assert part["average_price"] == "59000 USDT"

        changed = agent.done("replace_cex_order", order_id=first, amount="0.03", price="58500")["order"]
        assert changed["state"] == "open"
        assert order_of(agent, first)["state"] == "cancelled"
        assert accepted(venue) == [bought, first, changed["order_id"]]
        assert [line["kind"] for line in venue.lines("accepted", "cancelled")] == [
            "accepted",
            "accepted",
            "cancelled",
            "accepted",
        ], "cancelled for certain, and then placed"

        agent.done("cancel_cex_order", order_id=changed["order_id"])
        assert order_of(agent, changed["order_id"])["state"] == "cancelled"
        assert not venue.orders("open")
        until(lambda: len(appliance.json("order", "list", "--open")) == 0)
        judge(appliance, venue)


@pytest.mark.slow
def test_a_killed_core_has_its_orders_cancelled_by_the_venue_and_agrees_with_it_when_it_is_back(tmp_path: Path) -> None:
    with stage(tmp_path, cancel_after_sec=SWITCH_S) as (venue, _, appliance):
        pid = serve_fit(appliance, KRAKEN)
        agent = trader(appliance)
        until(lambda: shown(appliance, KRAKEN, "dead_man_switch") == "armed")
        orders = [agent.order("buy", "0.01", price=price, **LIMIT)["order_id"] for price in ("58000", "57000")]
        assert len(venue.orders("open")) == 2
        assert 0 < venue.local("GET", "switches")[account_of(venue)] <= SWITCH_S

        os.kill(pid, signal.SIGKILL)
        until(lambda: not venue.orders("open"), "the venue's switch")
        assert {line["client_order_id"] for line in venue.lines("cancelled")} == {
            wire_id(ClientOrderId(order), IdForm.UUID) for order in orders
        }

        (appliance.run_folder / "operator.sock").unlink()
        serve_fit(appliance, KRAKEN)
        told = {one["order"]["order_id"]: one["order"]["state"] for one in appliance.json("order", "list")}
        assert told == dict.fromkeys(orders, "cancelled")
        assert accepted(venue) == orders
        judge(appliance, venue)


@pytest.mark.slow
def test_a_core_that_stops_in_good_order_disarms_the_switch_and_finds_its_orders_again(tmp_path: Path) -> None:
    with stage(tmp_path, cancel_after_sec=SWITCH_S) as (venue, _, appliance):
        daemon = appliance.serve()
        until(lambda: shown(appliance, KRAKEN, "fit"))
        agent = trader(appliance)
        until(lambda: venue.local("GET", "switches"), "the switch")
        resting = agent.order("buy", "0.01", price="58000", **LIMIT)["order_id"]
        assert daemon.end() == 0
        assert venue.local("GET", "switches") == {}
        assert len(venue.orders("open")) == 1

        serve_fit(appliance, KRAKEN)
        (found,) = appliance.json("order", "list", "--open")
        assert (found["order"]["order_id"], found["order"]["state"]) == (resting, "open")
        appliance.done("halt", "--reason", "enough")
        until(lambda: not venue.orders("open"))
        assert accepted(venue) == [resting]
        judge(appliance, venue)


@pytest.mark.slow
def test_a_key_that_can_withdraw_gets_no_order_sent(tmp_path: Path) -> None:
    with stage(tmp_path) as (venue, _, appliance):
        venue.fault("withdraw_enabled_key", times=1000)
        appliance.serve()
        until(lambda: shown(appliance, KRAKEN, "can_withdraw"))
        until(lambda: "withdraw" in (shown(appliance, KRAKEN, "problem") or ""))
        agent = trader(appliance)
        refused = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.01", exchange=KRAKEN)
        assert "VENUE_NOT_READY" in codes(refused)
        assert venue.lines("accepted") == []
        assert KEY not in appliance.done("venue", "list")
