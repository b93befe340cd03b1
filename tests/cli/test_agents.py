"""Agents come and go at the operator's word, with a daemon or without; a token is shown once and kept nowhere."""

from __future__ import annotations

import pytest

from tests.cli.appliances import Appliance


@pytest.fixture(params=["daemon", "no daemon"])
def either(request: pytest.FixtureRequest, appliance: Appliance) -> Appliance:
    """With a daemon, and without one."""
    if request.param == "daemon":
        appliance.serve()
    return appliance


def test_add_list_and_revoke(either: Appliance) -> None:
    assert "no agent was added yet" in either.done("agent", "list")
    said = either.done("agent", "add", "alice", "--days", "7", "--scope", "read", "--symbol", "BTC/USDT")
    assert any(word.startswith("rt_alice_") for word in said.split())
    assert "may read for 7 days" in said
    (agent,) = either.json("agent", "list")
    assert (agent["name"], agent["scopes"], agent["symbols"], agent["good"]) == ("alice", ["read"], ["BTC/USDT"], True)
    either.done("agent", "revoke", "alice")
    assert "alice                revoked" in either.done("agent", "list")


def test_a_revoked_name_can_be_given_again_with_another_token(appliance: Appliance) -> None:
    appliance.serve()
    token = appliance.add_agent("alice")
    appliance.done("agent", "revoke", "alice")
    again = appliance.run("agent", "revoke", "alice")
    assert (again.returncode, "alice" in again.stderr) == (1, True)
    assert appliance.add_agent("alice") != token


def test_what_cannot_be_an_agent_is_refused(appliance: Appliance) -> None:
    appliance.serve()
    appliance.add_agent("alice")
    for name, why in (("alice", "exists"), ("local", "local"), ("Al ice", "expected 1 to 32")):
        finished = appliance.run("agent", "add", name)
        assert finished.returncode == 1
        assert why in finished.stderr
    finished = appliance.run("agent", "add", "bob", "--symbol", "DOGE/USDT")
    assert (finished.returncode, "DOGE/USDT" in finished.stderr) == (1, True)
    assert appliance.run("agent", "add", "bob", "--days", "0").returncode == 2
    assert appliance.run("agent", "add", "bob", "--scope", "root").returncode == 2


def test_a_token_is_in_no_file_and_in_no_log(appliance: Appliance) -> None:
    offline = appliance.add_agent("alice")
    daemon = appliance.serve("debug")
    online = appliance.add_agent("bob")
    appliance.mcp(online).agent.done("get_health")
    appliance.mcp(offline).agent.done("get_health")
    appliance.mcp(online[:-1] + "x", handshake=False).end(None)
    assert daemon.end() == 0
    kept = b"".join(path.read_bytes() for path in appliance.home.rglob("*") if path.is_file())
    for token in (offline, online):
        secret = token.split("_", 2)[2].encode()
        assert token.encode() not in kept
        assert secret not in kept
        assert token not in daemon.said
