"""`readytrader mcp`: a bridge beside a daemon, a core of its own without one, and the same tools either way."""

from __future__ import annotations

from signal import Signals

import pytest

from tests.cli.agents import LEGACY, MODERN, Agent
from tests.cli.appliances import Appliance


def bought(agent: Agent) -> list[str]:
    return [view["total"] for view in agent.done("get_cex_balance")["balances"]]


def test_without_a_daemon_it_trades_on_paper_with_a_core_of_its_own(appliance: Appliance) -> None:
    child = appliance.mcp()
    child.agent.fund()
    assert child.agent.order("buy", "0.01")["state"] == "filled"
    assert child.leave() == 0
    assert child.said == ""
    assert [path.name for path in appliance.run_folder.iterdir()] == ["core.alive"]
    assert appliance.json("audit", "verify")["whole"]


def test_a_host_that_terminates_it_loses_nothing(appliance: Appliance) -> None:
    child = appliance.mcp()
    child.agent.fund()
    child.agent.order("buy", "0.01")
    holdings = sorted(bought(child.agent))
    child.end(Signals.SIGTERM)
    assert appliance.json("audit", "verify")["whole"]
    again = appliance.mcp().agent
    assert sorted(bought(again)) == holdings
    assert "0.01 BTC" in holdings


def test_a_second_one_joins_the_core_of_the_first(appliance: Appliance) -> None:
    first = appliance.mcp()
    first.agent.fund()
    second = appliance.mcp()
    second.agent.order("buy", "0.01")
    assert bought(first.agent) == bought(second.agent)
    assert second.leave() == 0
    assert first.agent.done("get_health")["ok"]


def test_two_started_at_once_share_one_core(appliance: Appliance) -> None:
    children = [appliance.mcp(handshake=False) for _ in range(2)]
    for child in children:
        child.agent.handshake()
    children[0].agent.fund()
    assert bought(children[0].agent) == bought(children[1].agent) == ["100000 USDT"]
    assert not any(child.said for child in children)


def test_two_bridges_at_once_see_one_portfolio(appliance: Appliance) -> None:
    appliance.serve()
    one, other = appliance.mcp().agent, appliance.mcp().agent
    one.fund()
    order = other.order("buy", "0.01")
    assert bought(one) == bought(other)
    assert any(total == "0.01 BTC" for total in bought(one))
    assert one.done("get_cex_order", order_id=order["order_id"])["order"] == order


def test_a_good_token_names_its_agent(appliance: Appliance) -> None:
    token = appliance.add_agent("alice")
    appliance.serve()
    assert appliance.mcp(token).agent.done("get_health")["agent"] == "alice"
    assert appliance.mcp().agent.done("get_health")["agent"] == "local"


def test_a_bad_token_is_turned_away_and_not_told_why(appliance: Appliance) -> None:
    appliance.add_agent("alice")
    appliance.serve()
    for token in ("rt_alice_" + "x" * 43, "rt_bob_" + "x" * 43, "not a token", ""):
        child = appliance.mcp(token, handshake=False)
        assert child.end(None) == 1
        assert len(child.lines) == 1
        assert "token" in child.lines[0]
        assert "alice" not in child.said


def test_a_revoked_token_ends_open_sessions_and_opens_no_more(appliance: Appliance) -> None:
    token = appliance.add_agent("alice")
    appliance.serve()
    open_session = appliance.mcp(token).agent
    open_session.done("get_health")
    appliance.done("agent", "revoke", "alice")
    refused = open_session.call("get_cex_balance")
    assert [denial["code"] for denial in refused["denials"]] == ["UNAUTHENTICATED"]
    assert appliance.mcp(token, handshake=False).end(None) == 1


def test_an_expired_token_opens_nothing(appliance: Appliance) -> None:
    """The token is good for a day; the daemon's clock is set forward by two."""
    token = appliance.add_agent("alice", "--days", "1")
    appliance.serve(shift_days=2)
    assert appliance.mcp(token, handshake=False).end(None) == 1
    (agent,) = appliance.json("agent", "list")
    assert (agent["good"], "revoked_at" in agent) == (False, False)


def test_without_a_daemon_a_token_is_not_silently_ignored(appliance: Appliance) -> None:
    """Who asks to be somebody is not served as somebody else."""
    token = appliance.add_agent("alice", "--scope", "read")
    child = appliance.mcp(token, handshake=False)
    assert child.end(None) == 3
    assert child.lines == [
        "readytrader mcp: no daemon runs that could check READYTRADER_AGENT_TOKEN: readytrader serve"
    ]


@pytest.mark.parametrize("with_daemon", [True, False], ids=["bridge", "own core"])
@pytest.mark.parametrize("revision", [LEGACY, MODERN])
def test_both_revisions_speak_plain_json_rpc_lines(appliance: Appliance, revision: str, with_daemon: bool) -> None:
    if with_daemon:
        appliance.serve()
    child = appliance.mcp(revision=revision, handshake=False)
    if revision == LEGACY:
        hello = child.agent.handshake()
        assert hello["protocolVersion"] == LEGACY
    else:
        hello = child.agent.request("server/discover", {})
        assert MODERN in hello["supportedVersions"]
        assert hello["resultType"] == "complete"
    assert "tools" in hello["capabilities"]
    tools = {tool["name"] for tool in child.agent.request("tools/list", {})["tools"]}
    assert {"place_cex_order", "get_policy", "cancel_cex_order"} <= tools
    assert child.agent.done("get_health")["mode"] == "paper"
    unknown = child.agent.start("tools/call", {"name": "withdraw_everything", "arguments": {}})
    message = child.agent.receive()
    assert (message["id"], message["error"]["code"]) == (unknown, -32602)
    child.agent.send("not a message")
    assert child.agent.receive()["error"]["code"] == -32600
    assert child.agent.done("get_health")["ok"]
    assert child.leave() == 0
