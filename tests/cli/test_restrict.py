"""Restricting and loosening by hand, scope by scope: only ever stricter, and only of what there is."""

from __future__ import annotations

import pytest

from tests.cli.agents import Agent, codes
from tests.cli.appliances import Appliance


def states(appliance: Appliance) -> dict[str, str]:
    return {it["scope"]: it["state"] for it in appliance.json("status").get("states", ()) if it["state"] != "active"}


def bought(agent: Agent, amount: str) -> bool:
    answer = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount=amount)
    assert answer["ok"] or codes(answer) == {"TRADING_STATE"}, answer
    return bool(answer["ok"])


@pytest.mark.parametrize("scope", ["global", "venue:binance", "agent:local", "symbol:BTC/USDT"])
def test_a_scope_is_restricted_at_once_further_and_loosened_by_name(appliance: Appliance, scope: str) -> None:
    appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    assert bought(agent, "0.01")
    assert f"{scope} is reduce_only" in appliance.done("restrict", scope, "reduce_only", "--reason", "calm down")
    assert not bought(agent, "0.002")
    assert agent.order("sell", "0.001")["state"] == "filled", "an exit"
    appliance.done("restrict", scope, "cancel_only", "--reason", "stop")
    assert codes(agent.call("place_cex_order", symbol="BTC/USDT", side="sell", amount="0.002")) == {"TRADING_STATE"}
    for state in ("reduce_only", "cancel_only"):
        again = appliance.run("restrict", scope, state, "--reason", "enough")
        assert (again.returncode, f"as strict as {state} already" in again.stderr) == (1, True)
    assert states(appliance) == {scope: "cancel_only"}
    appliance.done("resume", "--scope", scope, "--reason", "looked")
    assert bought(agent, "0.003")


@pytest.mark.parametrize("scope", ["agent:nobody", "symbol:BTC/USD", "symbol", "venue:", "everything", "agent: local"])
def test_a_scope_that_there_is_not_restricts_nothing_and_says_so(appliance: Appliance, scope: str) -> None:
    finished = appliance.run("restrict", scope, "cancel_only", "--reason", "x")
    assert finished.returncode == 1
    assert finished.stderr.startswith("refused: ")


def test_a_venue_that_no_order_can_go_to_is_no_scope(appliance: Appliance) -> None:
    appliance.configure('[allow]\nexchanges = ["binance"]')
    assert appliance.run("restrict", "venue:binanec", "cancel_only", "--reason", "x").returncode == 1
    assert appliance.run("restrict", "venue:binance", "cancel_only", "--reason", "x").returncode == 0


def test_without_a_daemon_it_is_written_down_for_the_next_one(appliance: Appliance) -> None:
    appliance.done("restrict", "symbol:ETH/USDT", "cancel_only", "--reason", "before the start")
    appliance.serve()
    assert states(appliance) == {"symbol:ETH/USDT": "cancel_only"}


def test_a_halt_is_no_restriction_and_needs_its_own_verb(appliance: Appliance) -> None:
    assert appliance.run("restrict", "global", "halted", "--reason", "x").returncode == 2
    assert appliance.run("restrict", "global", "active", "--reason", "x").returncode == 2
    assert appliance.run("restrict", "global", "cancel_only").returncode == 2


def test_a_restriction_of_what_is_halted_is_refused(appliance: Appliance) -> None:
    appliance.serve()
    appliance.done("halt", "--reason", "x")
    assert appliance.run("restrict", "global", "cancel_only", "--reason", "x").returncode == 1
    assert states(appliance) == {"global": "halted"}


def test_orders_are_listed_for_people_and_for_programs(appliance: Appliance) -> None:
    appliance.serve()
    assert "no order was placed yet" in appliance.done("order", "list")
    agent = appliance.mcp().agent
    agent.fund()
    filled = agent.order("buy", "0.01")
    resting = agent.order("buy", "0.011", order_type="limit", price="59000")
    assert [it["order"]["order_id"] for it in appliance.json("order", "list")] == [
        resting["order_id"],
        filled["order_id"],
    ]
    (opened,) = appliance.json("order", "list", "--open")
    assert opened["order"]["order_id"] == resting["order_id"]
    table = appliance.done("order", "list", "--open")
    assert resting["order_id"] in table
    assert filled["order_id"] not in table
    finished = appliance.run("order", "resolve", "nobody", "absent", "--reason", "x")
    assert (finished.returncode, "no such live order" in finished.stderr) == (1, True)
