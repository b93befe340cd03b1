"""The daemon: one a home, ends when told to, and comes back from being killed."""

from __future__ import annotations

import os
import re
import resource
import socket
import sys
from pathlib import Path
from signal import Signals

import pytest

from tests.cli.appliances import Appliance

RESTING = {"order_type": "limit", "price": "59000"}
"""Below the made-up market, inside the collar."""


def test_it_says_where_it_listens_and_nothing_else(appliance: Appliance) -> None:
    daemon = appliance.serve()
    assert daemon.end() == 0
    assert daemon.lines[:2] == [
        f"readytrader serves paper trading from {appliance.home}",
        f"  agents     {appliance.home}/run/agent.sock",
    ]
    assert daemon.lines[2].startswith("             http://127.0.0.1:")
    assert daemon.lines[3] == f"  operators  {appliance.home}/run/operator.sock"
    assert daemon.lines[4].startswith("             http://localhost:")
    assert len(daemon.lines) == 5


def test_status_tells_how_it_is(appliance: Appliance) -> None:
    appliance.serve()
    table = appliance.done("status")
    assert "trading        active" in table
    assert "source         sample" in table
    status = appliance.json("status")
    assert (status["halted"], status["orders_live"], "journal_failure" in status) == (False, 0, False)
    assert status["checkpoint"].startswith("readytrader/")


def test_status_says_stopped_while_the_journal_cannot_be_written_and_nothing_is_lost(appliance: Appliance) -> None:
    """A file that may not grow stands for a full disk (RLIMIT_FSIZE, setrlimit(2))."""
    daemon = appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    resource.prlimit(daemon.popen.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    refused = agent.call("deposit_paper_funds", asset="USDT", amount="1")
    assert refused["denials"][0]["code"] == "JOURNAL_UNAVAILABLE"
    assert "trading        STOPPED" in appliance.done("status")
    daemon.end(Signals.SIGKILL)
    appliance.serve()
    assert "trading        active" in appliance.done("status")
    assert appliance.run("audit", "verify").returncode == 0


FULL = """\
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
from appliance.cli.main import run
sys.exit(run())
"""
"""The same program, whose files cannot grow beyond so many bytes."""


def full_at(most: int) -> tuple[str, ...]:
    """The command of it; -B, for a compiled module that is cut short stays so."""
    return (sys.executable, "-B", "-c", FULL.format(most=most))


def test_a_start_on_a_full_disk_names_the_file_and_what_to_do_and_the_next_one_works(appliance: Appliance) -> None:
    command = appliance.command
    for most in (0, 4096, 20_000):
        appliance.command = full_at(most)
        refused = appliance.run("serve")
        assert refused.returncode == 3, refused
        (line,) = refused.stderr.splitlines()
        assert str(appliance.home / ("journal.db" if most else "keys/checkpoint.key")) in line
        assert "make room on" in line.lower()
    appliance.command = command
    appliance.serve()
    assert appliance.run("audit", "verify").returncode == 0


def test_init_on_a_full_disk_leaves_no_half_of_a_configuration(appliance: Appliance) -> None:
    written = appliance.home / "readytrader.toml"
    written.unlink()
    command, appliance.command = appliance.command, full_at(4096)
    refused = appliance.run("init")
    assert (refused.returncode, written.exists()) == (3, False)
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"readytrader: {written}: ")
    appliance.command = command
    appliance.done("init")


def test_nobody_of_the_same_user_looks_into_its_memory(appliance: Appliance) -> None:
    """It holds the keys of permits and checkpoints. An undumpable process belongs to root in /proc (proc(5))."""
    process = f"/proc/{appliance.serve().popen.pid}"
    assert re.search(r"Max core file size +0 +0 ", Path(f"{process}/limits").read_text())
    if os.geteuid() != 0:  # root may read all
        with pytest.raises(PermissionError):
            Path(f"{process}/environ").read_bytes()


@pytest.mark.parametrize("verb", [("status",), ("status", "--json"), ("approvals", "list")])
def test_without_a_daemon_there_is_nothing_to_ask(appliance: Appliance, verb: tuple[str, ...]) -> None:
    finished = appliance.run(*verb)
    assert finished.returncode == 3
    assert "no daemon answers at" in finished.stderr
    assert finished.stderr.endswith("start one with: readytrader serve\n")
    assert finished.stdout == ""


@pytest.mark.parametrize("number", [Signals.SIGTERM, Signals.SIGINT])
def test_it_ends_when_told_to_and_leaves_a_whole_journal(appliance: Appliance, number: Signals) -> None:
    daemon = appliance.serve()
    child = appliance.mcp()
    child.agent.fund()
    order = child.agent.order("buy", "0.001")
    assert daemon.end(number) == 0
    assert child.end(None) == 3  # the bridge says that its daemon is gone
    assert "the daemon went away" in child.said
    assert [path.name for path in appliance.run_folder.iterdir()] == ["core.alive"], "which says that it stopped"
    assert appliance.json("audit", "verify")["whole"]
    exported = appliance.done("audit", "export")
    assert order["order_id"] in exported
    assert '"core.stopped"' in exported.splitlines()[-1]


def test_a_second_daemon_in_the_same_home_is_refused(appliance: Appliance) -> None:
    appliance.serve()
    second = appliance.run("serve")
    assert second.returncode == 3
    assert second.stderr.splitlines()[-1].startswith(
        f"readytrader: {appliance.journal}: another process holds the journal"
    )
    assert "Traceback" not in second.stderr
    assert appliance.run("status").returncode == 0


def test_a_port_that_is_taken_is_one_line(appliance: Appliance) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = appliance.run("serve", READYTRADER_AGENT_HTTP_PORT=str(port))
    assert finished.returncode == 3
    assert finished.stderr.splitlines()[-1] == (
        f"readytrader: 127.0.0.1:{port}: cannot listen: Address already in use; ss -tlnp shows by whom"
    )
    assert "Traceback" not in finished.stderr


def test_a_killed_daemon_comes_back_with_everything_it_had_acknowledged(appliance: Appliance) -> None:
    daemon = appliance.serve()
    agent = appliance.mcp().agent
    agent.fund()
    filled = agent.order("buy", "0.01", idempotency_key="first")
    resting = agent.order("buy", "0.01", **RESTING)
    assert daemon.end(Signals.SIGKILL) == -9

    appliance.serve()
    again = appliance.mcp().agent
    again.market()
    replayed = again.done("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.01", idempotency_key="first")
    assert (replayed["replayed"], replayed["order"]["order_id"]) == (True, filled["order_id"])
    assert again.done("get_cex_order", order_id=filled["order_id"])["order"] == filled
    assert [order["order_id"] for order in again.done("list_cex_open_orders")["orders"]] == [resting["order_id"]]
    balances = {view["total"].split()[1]: view["total"] for view in again.done("get_cex_balance")["balances"]}
    assert balances["BTC"] == "0.01 BTC"
    assert appliance.json("audit", "verify")["whole"]
