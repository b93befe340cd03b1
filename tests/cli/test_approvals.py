"""What needs a person gets one: shown whole, asked twice, decided once, and never by the agent."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.agents import Agent
from tests.cli.appliances import VERB_WAIT_MAX_S, Appliance, new_appliance

CONFIGURATION = """\
[approval]
notional_min = "1000"
proposal_ttl_sec = 10
[limits]
position_max_pct = 50
[rate_limits]
execution_per_min = 1000
"""


@pytest.fixture(scope="module")
def held() -> Iterator[tuple[Appliance, Agent]]:
    """A daemon that asks a person for everything from 1000 USDT, and an agent with money."""
    with new_appliance(CONFIGURATION.replace("= 10\n", "= 600\n", 1)) as appliance:
        appliance.serve()
        agent = appliance.mcp().agent
        agent.fund()
        yield appliance, agent


def ask(agent: Agent, amount: str = "0.02") -> str:
    """Ask for an order that must be held; its ID."""
    key = os.urandom(8).hex()
    answer = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount=amount, idempotency_key=key)
    assert (answer["ok"], answer["status"]) == (False, "held"), answer
    request_id = answer["proposal"]["request_id"]
    assert isinstance(request_id, str)
    return request_id


def state_of(agent: Agent, request_id: str) -> str:
    return str(agent.done("get_proposal", request_id=request_id)["proposal"]["state"])


def test_list_and_show_tell_everything_but_the_token(held: tuple[Appliance, Agent]) -> None:
    appliance, agent = held
    request_id = ask(agent)
    table, shown = appliance.done("approvals", "list"), appliance.done("approvals", "show", request_id)
    for text in (table, shown):
        assert request_id in text
        assert "buy 0.02 BTC of BTC/USDT at binance, market" in text
    assert re.search(r"^position BTC +\S+ +\S+ +\S+ +USDT +\S+ % *$", shown, re.MULTILINE)
    for detail in ("worst price", "fees included", "held because", "limit 1000 USDT", "local"):
        assert detail in shown
    listed = {it["request_id"]: it for it in appliance.json("approvals", "list")}
    alone = appliance.json("approvals", "show", request_id)
    moving = ("quote", "limits")  # on the facts of each moment
    assert {k: v for k, v in listed[request_id].items() if k not in moving} == {
        k: v for k, v in alone.items() if k not in moving
    }
    everything = table + shown + appliance.done("approvals", "list", "--json")
    assert "token" not in everything
    assert "token" not in appliance.done("approvals", "show", request_id, "--json")


@pytest.mark.parametrize("group", ["approvals", "limits", "notices"])
def test_a_group_that_lists_alone_takes_the_options_of_its_list(group: str, held: tuple[Appliance, Agent]) -> None:
    appliance, _agent = held
    assert [type(appliance.json(group)), type(appliance.json(group, "list"))] in ([list, list], [dict, dict])
    assert appliance.done(group, "--help").startswith(f"Usage: readytrader {group} [OPTIONS] COMMAND")
    assert "No such option '--nonsense'" in appliance.run(group, "--nonsense").stderr
    assert f"readytrader {group}" in appliance.done(group, "list", "--help")


def test_approving_carries_out_exactly_what_was_shown(held: tuple[Appliance, Agent]) -> None:
    appliance, agent = held
    request_id = ask(agent)
    said = appliance.done("approvals", "approve", request_id, "--yes")
    assert said.startswith(f"approved: order {request_id} is filled, 0.02 BTC filled at ")
    order = agent.done("get_cex_order", order_id=request_id)["order"]
    assert (order["state"], order["filled"]) == ("filled", "0.02 BTC")
    again = appliance.run("approvals", "approve", request_id, "--yes")
    assert again.returncode == 1
    assert "APPROVAL_MISMATCH" in again.stderr
    assert request_id not in appliance.done("approvals", "list")


def test_refusing_is_final_and_the_agent_reads_why(held: tuple[Appliance, Agent]) -> None:
    appliance, agent = held
    request_id = ask(agent)
    assert request_id in appliance.done("approvals", "refuse", request_id, "--reason", "not today")
    proposal = agent.done("get_proposal", request_id=request_id)["proposal"]
    assert (proposal["state"], proposal["decided_reason"]) == ("refused", "not today")
    assert appliance.run("approvals", "approve", request_id, "--yes").returncode == 1
    assert not agent.call("get_cex_order", order_id=request_id)["ok"]


def told_of(appliance: Appliance, agent: Agent, request_id: str) -> tuple[str, str, str]:
    """What the agent, `show` and `history` say came of a proposal; none of them sends anybody to wait any more."""
    proposal = agent.done("get_proposal", request_id=request_id)["proposal"]
    shown = appliance.json("approvals", "show", request_id)
    assert {why["remedy"] for why in proposal["reasons"]} == {why["remedy"] for why in shown["held_because"]}
    assert "Wait for the operator" not in str(proposal) + str(shown)
    assert f"state        {shown['outcome']}\n" in appliance.done("approvals", "show", request_id)
    page = appliance.json("approvals", "history")["approvals"]
    return proposal["outcome"], shown["outcome"], next(it["outcome"] for it in page if it["request_id"] == request_id)


def test_a_decided_proposal_says_what_came_of_it_and_what_to_do(held: tuple[Appliance, Agent]) -> None:
    appliance, agent = held
    filled, refused, withdrawn, stopped = (ask(agent) for _ in range(4))
    waiting = agent.done("get_proposal", request_id=filled)["proposal"]
    assert "outcome" not in waiting
    assert [why["remedy"] for why in waiting["reasons"]] == ["Wait for the operator."]

    appliance.done("approvals", "approve", filled, "--yes")
    came = f"approved; order {filled} is filled"
    assert told_of(appliance, agent, filled) == (f"{came}. Follow it with get_cex_order.", came, came)

    appliance.done("approvals", "refuse", refused)
    said, *shown = told_of(appliance, agent, refused)
    assert said.startswith("refused by the operator; nothing was sent. Do not repeat it")
    assert shown == ["refused by the operator; nothing was sent"] * 2

    assert "withdrawn by the agent" in agent.done("cancel_execution", request_id=withdrawn)["proposal"]["outcome"]
    assert "new idempotency_key" in told_of(appliance, agent, withdrawn)[0]

    appliance.done("restrict", "symbol:BTC/USDT", "cancel_only", "--reason", "news")
    assert appliance.run("approvals", "approve", stopped, "--yes").returncode == 1
    appliance.done("resume", "--scope", "symbol:BTC/USDT", "--reason", "over")
    said, *shown = told_of(appliance, agent, stopped)
    came = "approved, but the rules, which ran again at that moment, refused it; nothing was sent"
    assert said.startswith(came)
    assert "validate_trade_risk" in said
    assert shown == [came, came]


def test_an_unknown_request_is_refused_by_name(held: tuple[Appliance, Agent]) -> None:
    appliance, _agent = held
    for verb in (("show",), ("approve",), ("refuse",)):
        finished = appliance.run("approvals", *verb, "rtnowhere")
        assert finished.returncode == 1
        assert "rtnowhere" in finished.stderr


def test_an_agent_withdraws_and_nobody_can_approve_it_then(held: tuple[Appliance, Agent]) -> None:
    appliance, agent = held
    request_id = ask(agent)
    agent.done("cancel_execution", request_id=request_id)
    assert appliance.run("approvals", "approve", request_id, "--yes").returncode == 1


def answered_on_a_terminal(appliance: Appliance, answer: str, *verb: str) -> tuple[int, str]:
    """Run a verb on a pseudo-terminal and type an answer; the exit code, and what the screen showed."""
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "appliance", *verb],
        env=appliance.environment(TERM="dumb"),
        cwd=appliance.folder,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        os.write(screen, f"{answer}\n".encode())
        shown = b""
        while block := read_screen(screen):
            shown += block
        os.close(screen)
        return process.wait(VERB_WAIT_MAX_S), shown.decode()


def read_screen(screen: int) -> bytes:
    try:
        return os.read(screen, 4096)
    except OSError:  # how Linux says that nobody holds the other end any more
        return b""


@pytest.mark.parametrize("answer", ["n", ""], ids=["n", "nothing typed"])
def test_without_yes_it_shows_and_asks_and_no_means_no(held: tuple[Appliance, Agent], answer: str) -> None:
    appliance, agent = held
    request_id = ask(agent)
    code, screen = answered_on_a_terminal(appliance, answer, "approvals", "approve", request_id)
    assert code == 1
    assert "buy 0.02 BTC" in screen
    assert "worst price" in screen
    assert "Approve exactly this? [y/N]" in screen
    assert state_of(agent, request_id) == "pending"


def test_without_yes_a_y_approves(held: tuple[Appliance, Agent]) -> None:
    appliance, agent = held
    request_id = ask(agent)
    code, screen = answered_on_a_terminal(appliance, "y", "approvals", "approve", request_id)
    assert (code, f"approved: order {request_id}" in screen) == (0, True)


def test_without_yes_and_without_a_person_nothing_is_approved(held: tuple[Appliance, Agent]) -> None:
    appliance, agent = held
    request_id = ask(agent)
    assert appliance.run("approvals", "approve", request_id).returncode == 1
    assert state_of(agent, request_id) == "pending"


def test_nobody_answering_means_no(appliance: Appliance) -> None:
    """The daemon comes back a day later: what waited has expired, and cannot be approved any more."""
    appliance.configure(CONFIGURATION)
    daemon = appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    request_id = ask(agent)
    daemon.end()
    appliance.serve(shift_days=1)
    late = appliance.run("approvals", "approve", request_id, "--yes")
    assert late.returncode == 1
    assert "expired" in late.stderr
    assert appliance.json("approvals", "list") == []
    proposal = appliance.mcp().agent.done("get_proposal", request_id=request_id)["proposal"]
    assert proposal["state"] == "expired"
    assert proposal["outcome"].startswith("nobody decided in time; nothing was sent")
