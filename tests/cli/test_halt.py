"""The halt works whatever the daemon does, survives it, and is lifted by an operator alone."""

from __future__ import annotations

from signal import Signals

from tests.cli.agents import Agent, codes
from tests.cli.appliances import Appliance

RESTING = {"order_type": "limit", "price": "59000"}


def refused(agent: Agent) -> set[str]:
    answer = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.01")
    assert not answer["ok"], answer
    return codes(answer)


def test_it_works_while_the_daemon_hangs(appliance: Appliance) -> None:
    daemon = appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    resting = agent.order("buy", "0.01", **RESTING)
    daemon.send(Signals.SIGSTOP)
    pending = agent.start_call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.002")

    said = appliance.done("halt", "--reason", "looks odd")
    assert "trading is halted" in said
    assert "the daemon was not told" in said
    assert appliance.halt_file.read_text() == "looks odd\n"

    daemon.send(Signals.SIGCONT)
    message = agent.receive()
    assert message["id"] == pending
    late = message["result"]["structuredContent"]
    assert not late["ok"] or late["order"]["state"] == "absent", late
    after = agent.done("wait_for_cex_order", order_id=resting["order_id"], timeout_sec=10)
    assert after["order"]["state"] == "cancelled"
    assert refused(agent) == {"TRADING_STATE"}
    (scope,) = appliance.json("status")["states"]
    assert (scope["scope"], scope["state"], scope["reason"]) == ("global", "halted", "looks odd")


def test_the_file_alone_is_enough(appliance: Appliance) -> None:
    """Whoever can write a file can halt, without this program."""
    appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    resting = agent.order("buy", "0.01", **RESTING)
    appliance.halt_file.touch()
    after = agent.done("wait_for_cex_order", order_id=resting["order_id"], timeout_sec=10)
    assert after["order"]["state"] == "cancelled"
    assert refused(agent) == {"TRADING_STATE"}
    appliance.halt_file.unlink()
    assert refused(agent) == {"TRADING_STATE"}  # it was latched


def test_it_tells_a_daemon_that_answers(appliance: Appliance) -> None:
    appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    agent.order("buy", "0.01", **RESTING)
    agent.order("buy", "0.011", **RESTING)
    assert "latched it and cancelled 2 open orders" in appliance.done("halt", "--reason", "x")
    assert agent.done("list_cex_open_orders")["orders"] == []
    status = appliance.json("status")
    assert (status["halted"], status["orders_live"]) == (True, 0)
    assert "HALTED" in appliance.done("status")


def test_a_halt_without_a_daemon_is_found_by_the_next_one(appliance: Appliance) -> None:
    assert "the daemon was not told" in appliance.done("halt", "--reason", "before the start")
    appliance.serve()
    assert appliance.json("status")["halted"]
    agent = appliance.mcp().agent
    agent.fund()
    assert refused(agent) == {"TRADING_STATE"}


def test_it_survives_a_restart_even_without_its_file(appliance: Appliance) -> None:
    daemon = appliance.serve()
    appliance.done("halt", "--reason", "for the night")
    daemon.end()
    appliance.halt_file.unlink()
    appliance.serve()
    assert appliance.json("status")["halted"]


def test_it_asks_nothing_of_the_home_but_that_it_can_be_written(appliance: Appliance) -> None:
    appliance.configure("nonsense = 1")
    appliance.home.chmod(0o755)
    appliance.done("halt", "--reason", "x")
    assert appliance.halt_file.exists()


def test_a_halt_that_cannot_be_written_says_so(appliance: Appliance) -> None:
    (appliance.folder / "file").write_text("")
    home = appliance.folder / "file" / "home"
    finished = appliance.run("--home", str(home), "halt", "--reason", "x")
    assert finished.returncode == 3
    assert "is halted" not in finished.stdout
    assert str(home) in finished.stderr
    assert "Traceback" not in finished.stderr


def test_resume_lets_trading_go_on(appliance: Appliance) -> None:
    appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    appliance.done("halt", "--reason", "x")
    assert refused(agent) == {"TRADING_STATE"}
    assert "global is active again" in appliance.done("resume", "--reason", "looked")
    assert not appliance.halt_file.exists()
    assert agent.order("buy", "0.011")["state"] == "filled"


def test_resume_without_a_daemon_is_written_down_for_the_next_one(appliance: Appliance) -> None:
    daemon = appliance.serve()
    appliance.done("halt", "--reason", "x")
    daemon.end()
    appliance.done("resume", "--reason", "looked")
    assert not appliance.halt_file.exists()
    appliance.serve()
    assert not appliance.json("status")["halted"]


def test_resume_needs_a_reason(appliance: Appliance) -> None:
    appliance.done("halt", "--reason", "x")
    assert appliance.run("resume").returncode == 2
    assert appliance.halt_file.exists()


def test_what_the_appliance_narrowed_is_resumed_by_its_scope(appliance: Appliance) -> None:
    appliance.configure("[limits]\nrepeated_orders_max = 2\nduplicate_window_sec = 1")
    appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    for turn in range(3):
        agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001", idempotency_key=f"k{turn}")
    narrowed = {it["scope"]: it["state"] for it in appliance.json("status")["states"]}
    assert narrowed == {"agent:local": "reduce_only"}
    assert "TRADING_STATE" in codes(agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.005"))
    assert "agent:local" in appliance.done("resume", "--scope", "agent:local", "--reason", "looked")
    assert agent.order("buy", "0.005")["state"] == "filled"


def test_what_is_not_narrowed_cannot_be_resumed(appliance: Appliance) -> None:
    appliance.serve()
    for scope in ("global", "agent:bob"):
        finished = appliance.run("resume", "--scope", scope, "--reason", "x")
        assert finished.returncode == 1
        assert f"refused: {scope!r} is not narrowed" in finished.stderr


def test_a_halt_of_everything_makes_no_other_scope_resumable(appliance: Appliance) -> None:
    appliance.serve()
    appliance.done("halt", "--reason", "x")
    assert appliance.run("resume", "--scope", "agent:bob", "--reason", "x").returncode == 1
    appliance.done("resume", "--reason", "x")
    assert appliance.run("resume", "--reason", "again").returncode == 1
