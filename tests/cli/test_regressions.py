"""Failures measured in earlier versions of this system, as a user would meet them."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from tests.cli.agents import codes
from tests.cli.appliances import Appliance

ROOT = Path(__file__).parents[2]
ORDERS = 15


def test_paper_orders_work_as_shipped_many_in_a_row(appliance: Appliance) -> None:
    """Of 300 orders none worked; here nothing is configured at all, and every one of them fills."""
    (appliance.home / "readytrader.toml").unlink()
    agent = appliance.mcp().agent
    agent.fund()
    for turn in range(ORDERS):
        side, symbol = ("buy", "sell")[turn % 2], ("BTC/USDT", "ETH/USDT", "SOL/USDT")[turn // 2 % 3]
        amount = {"BTC/USDT": "0.01", "ETH/USDT": "0.2", "SOL/USDT": "4"}[symbol]
        order = agent.order(side, amount, symbol, idempotency_key=str(turn))
        assert (order["state"], order["filled"]) == ("filled", f"{amount} {symbol.partition('/')[0]}")
    trades = agent.done("list_cex_orders", limit=50)["orders"]
    assert len(trades) == ORDERS


def test_eight_calls_at_once_with_one_key_make_one_order(appliance: Appliance) -> None:
    """They made eight."""
    agent = appliance.mcp().agent
    agent.fund()
    asked = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.001", "idempotency_key": "once"}
    numbers = [agent.start_call("place_cex_order", **asked) for _ in range(8)]
    answers = {message["id"]: message["result"]["structuredContent"] for message in (agent.receive() for _ in numbers)}
    assert sorted(answers) == numbers
    assert len({answer["order"]["order_id"] for answer in answers.values()}) == 1
    assert sum(not answer.get("replayed") for answer in answers.values()) == 1
    assert len(agent.done("list_cex_orders")["orders"]) == 1


def test_a_key_used_for_another_order_is_a_conflict(appliance: Appliance) -> None:
    """It answered with the old order, as success."""
    agent = appliance.mcp().agent
    agent.fund()
    agent.order("buy", "0.001", idempotency_key="once")
    other = agent.call("place_cex_order", symbol="BTC/USDT", side="sell", amount="0.001", idempotency_key="once")
    assert codes(other) == {"IDEMPOTENCY_CONFLICT"}


def test_a_call_that_is_answered_twice_after_a_crash_is_one_order(appliance: Appliance) -> None:
    """The audit write stood between the fill and the idempotency record: a retry bought again."""
    first = appliance.mcp()
    first.agent.fund()
    order = first.agent.order("buy", "0.001", idempotency_key="once")
    first.popen.kill()
    first.popen.wait()
    second = appliance.mcp().agent
    again = second.done("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001", idempotency_key="once")
    assert (again["replayed"], again["order"]["order_id"]) == (True, order["order_id"])
    assert len(second.done("list_cex_orders")["orders"]) == 1


def test_a_wait_for_an_order_sees_it_filled(appliance: Appliance) -> None:
    agent = appliance.mcp().agent
    agent.fund()
    order = agent.order("buy", "0.001")
    waited = agent.done("wait_for_cex_order", order_id=order["order_id"], timeout_sec=30)
    assert waited["order"]["state"] == "filled"


def test_a_wait_sees_an_order_end_while_it_waits(appliance: Appliance) -> None:
    agent = appliance.mcp().agent
    agent.fund()
    order = agent.order("buy", "0.001", order_type="limit", price="59000")
    waiting = agent.start_call("wait_for_cex_order", order_id=order["order_id"], timeout_sec=60)
    cancelling = agent.start_call("cancel_cex_order", order_id=order["order_id"])
    answers = {message["id"]: message["result"]["structuredContent"] for message in (agent.receive(), agent.receive())}
    assert {answers[waiting]["order"]["state"], answers[cancelling]["order"]["state"]} == {"cancelled"}


def test_a_call_that_waits_stalls_nobody(appliance: Appliance) -> None:
    """One blocking call stalled the whole server: its own session, and every other."""
    first = appliance.mcp().agent
    first.fund()
    order = first.order("buy", "0.001", order_type="limit", price="59000")
    waiting = first.start_call("wait_for_cex_order", order_id=order["order_id"], timeout_sec=60)
    second = appliance.mcp().agent
    assert second.done("get_health")["ok"]
    beside = first.start_call("get_health")
    assert first.receive()["id"] == beside  # the answer to the wait is not there yet
    second.done("cancel_cex_order", order_id=order["order_id"])
    assert first.receive()["id"] == waiting


def test_proposals_are_seen_by_every_process_with_what_they_are_about(appliance: Appliance) -> None:
    """Proposals of one process were invisible to the other, and the list showed no trade."""
    appliance.configure('[approval]\nmode = "approve_each"')
    appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    held = agent.call("place_cex_order", symbol="ETH/USDT", side="buy", amount="0.3", order_type="limit", price="2990")
    request_id = held["proposal"]["request_id"]
    listed = appliance.done("approvals", "list")
    assert "buy 0.3 ETH of ETH/USDT at binance" in listed
    assert "price 2990 USDT" in listed
    assert request_id in listed
    other = appliance.mcp().agent.done("list_pending_executions")["proposals"]
    assert [proposal["request_id"] for proposal in other] == [request_id]


def test_three_tenths_of_an_ether_stay_three_tenths(appliance: Appliance) -> None:
    """0.3 ETH became 299999999999999989 wei."""
    child = appliance.mcp()
    child.agent.fund()
    child.agent.market("ETH/USDT")
    order = child.agent.order("buy", "0.3", "ETH/USDT")
    assert order["amount"] == order["filled"] == "0.3 ETH"
    rest = child.agent.order("buy", "0.7", "ETH/USDT")
    price, fee = Decimal(rest["average_price"].split()[0]), Decimal(rest["fees"][0].split()[0])
    assert fee == price * Decimal("0.7") * Decimal("0.001")
    balances = {view["total"].split()[1]: view["total"] for view in child.agent.done("get_cex_balance")["balances"]}
    assert balances["ETH"] == "1 ETH"
    child.leave()
    assert '"0.3"' in appliance.done("audit", "export")


def test_every_documented_tool_exists_and_every_tool_is_documented(appliance: Appliance) -> None:
    """Nineteen documented tools did not exist while the docs check passed: asked for here is the running program."""
    address = f"0x{'ab' * 20}"
    allowed = f'[allow]\nchains = ["ethereum"]\nto_addresses = ["{address}"]\n'
    appliance.configure(f'{allowed}[limits]\ntransfer_native_max = "1"\n')
    agent = appliance.mcp().agent
    offered = {tool["name"] for tool in agent.request("tools/list", {})["tools"]}
    manual = (ROOT / "appliance/transport/README.md").read_text()
    table = manual.partition("<!-- generated: tools -->")[2].partition("<!-- end -->")[0]
    documented = set(re.findall(r"^\| `([a-z_]+)`", table, re.MULTILINE))
    assert documented == offered
