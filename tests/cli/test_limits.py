"""Limits, orders, money and what waits, as an operator sees and changes them in a terminal."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from signal import Signals

import pytest

from appliance.transport.operator_client import OperatorClient
from tests.cli.agents import Agent
from tests.cli.appliances import Appliance, new_appliance
from tests.operator_http.devices import Device

PASSWORD = "correct horse battery\n"
CONFIGURATION = """\
[approval]
notional_min = "1000"
proposal_ttl_sec = 600
people_min = 2
[limits]
position_max_pct = 50
"""
CAP = "limits.open_orders_max"


@pytest.fixture(scope="module")
def traded() -> Iterator[tuple[Appliance, Agent]]:
    """A daemon, an agent with money, a position and a proposal that two persons must agree to."""
    with new_appliance(CONFIGURATION) as appliance:
        appliance.serve()
        agent = appliance.mcp().agent
        agent.fund()
        agent.order("buy", "0.002")
        assert agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.03")["status"] == "held"
        yield appliance, agent


def test_limits_show_how_much_of_each_is_used_as_a_bar_and_to_programs_as_json(
    traded: tuple[Appliance, Agent],
) -> None:
    appliance, _agent = traded
    table = appliance.done("limits", "list")
    (line,) = [line for line in table.splitlines() if line.startswith("position BTC")]
    assert "USDT" in line
    assert "░" in line
    assert "%" in line
    assert "fixed until a restart (--all says why): limits.accounting_asset, limits.cash_assets, " in table
    read = appliance.json("limits", "list")
    gauges = {it["name"]: it for it in read["gauges"]}
    assert float(gauges["position BTC"]["used_pct"]) > 0
    rows = {it["name"]: it for it in read["limits"]["limits"]}
    assert (rows[CAP]["value"], rows[CAP]["configured"], rows[CAP]["tighter"]) == ("20", "20", "lower")
    assert "fixed_because" in rows["limits.accounting_asset"]


def test_orders_and_money_are_tables_and_json(traded: tuple[Appliance, Agent]) -> None:
    appliance, _agent = traded
    assert "buy 0.002 BTC BTC/USDT market" in appliance.done("orders")
    assert appliance.json("orders") == appliance.json("order", "list")
    assert appliance.done("orders", "--open") == "no order is open\n"
    assert "0.002 BTC" in appliance.done("portfolio")
    assert appliance.json("portfolio")["account"] == "paper"


def test_watching_tells_a_program_of_each_proposal_in_a_line_and_a_person_in_a_table(
    traded: tuple[Appliance, Agent],
) -> None:
    appliance, _agent = traded
    (line,) = appliance.done("approvals", "watch", "--json", "--count", "2").splitlines()
    told = json.loads(line)
    assert (told["state"], told["quantity"], told["approvals_needed"]) == ("pending", "0.03 BTC", 2)
    assert "confirm_token" not in told
    assert {"position BTC", "open orders", "balance USDT"} <= {it["name"] for it in told["limits"]}
    table = appliance.done("approvals", "watch", "--count", "1")
    assert told["request_id"] in table
    assert "0 of 2" in table


def test_a_tightening_holds_for_the_agents_next_order(traded: tuple[Appliance, Agent]) -> None:
    appliance, agent = traded
    assert "limits.notional_order_max is 50 now; it was off" in appliance.done(
        "limits", "tighten", "limits.notional_order_max", "50", "--reason", "less"
    )
    denied = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.003")
    assert "NOTIONAL_ABOVE_MAX" in {it["code"] for it in denied["denials"]}
    assert "limits.notional_order_max" in appliance.done("limits", "list")
    assert appliance.json("limits", "history")[0]["reason"] == "less"
    looser = appliance.run("limits", "tighten", "limits.notional_order_max", "off", "--reason", "x")
    assert (looser.returncode, "loosen it" in looser.stderr) == (1, True)
    unread = appliance.run("limits", "tighten", "limits.notional_order_max", "0,5", "--reason", "x")
    assert (unread.returncode, "limits.notional_order_max: expected" in unread.stderr) == (1, True)


def test_loosening_needs_an_account_and_its_code_and_says_so(traded: tuple[Appliance, Agent]) -> None:
    appliance, _agent = traded
    without = appliance.run("limits", "loosen", CAP, "30", "--reason", "more")
    assert (without.returncode, "--code" in without.stderr) == (1, True)
    nobody = appliance.run("limits", "loosen", CAP, "30", "--reason", "more", "--code", "123456")
    assert nobody.returncode == 1
    assert "no operator's account" in nobody.stderr
    assert "readytrader operator add NAME --role operator --uid UID" in nobody.stderr


def test_a_killed_daemon_remembers_who_agreed_and_a_loosening_that_waits(appliance: Appliance) -> None:
    appliance.configure(CONFIGURATION)
    daemon = appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    appliance.done("operator", "add", "alice", "--role", "admin", "--uid", str(os.geteuid()), said=PASSWORD)
    with OperatorClient(appliance.run_folder / "operator.sock") as client:
        device = Device(client.begin_operator_codes("alice").secret)
        client.confirm_operator_codes("alice", device.code())
    wrong = appliance.run("limits", "loosen", CAP, "30", "--reason", "more", "--code", "000000")
    assert (wrong.returncode, "code is wrong" in wrong.stderr) == (1, True)
    asked = appliance.done("limits", "loosen", CAP, "30", "--reason", "more", "--code", device.code())
    assert "another person must want it too" in asked
    held = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.03")
    request_id = held["proposal"]["request_id"]
    said = appliance.done("approvals", "approve", request_id, "--yes")
    assert said == "agreed: operator:alice; 2 different persons must, and nothing is sent before\n"
    daemon.end(Signals.SIGKILL)
    gone = appliance.run("approvals", "watch", "--count", "1")
    assert gone.returncode == 3
    appliance.serve()
    shown = appliance.json("approvals", "show", request_id)
    assert (shown["state"], shown["approvals_given"]) == ("pending", ["operator:alice"])
    again = appliance.run("approvals", "approve", request_id, "--yes")
    assert (again.returncode, "operator:alice agreed already" in again.stderr) == (1, True)
    waiting = appliance.json("limits", "list")["limits"]["pending"]
    assert [(it["name"], it["asked_by"], it["factor"]) for it in waiting] == [(CAP, "operator:alice", "totp")]
    told = appliance.done("limits", "list")
    assert (waiting[0]["id"] in told, "anew after a restart" in told) == (True, True)
    appliance.done("limits", "withdraw", waiting[0]["id"])
    assert appliance.json("limits", "list")["limits"]["pending"] == []
    assert appliance.run("audit", "verify").returncode == 0
