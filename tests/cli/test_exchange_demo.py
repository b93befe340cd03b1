"""The demonstration of live trading is one of success only where every step came out as told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.appliances import VERB_WAIT_MAX_S, Appliance

BROKEN = """\
import sys
from appliance.cli import exchange_demo
exchange_demo.CONFIGURATION = exchange_demo.CONFIGURATION.replace('order_max = "5000"', 'order_max = "1"')
sys.exit(exchange_demo.run_exchange_demo(keep=False, plain=True))
"""
DISHONEST = """\
import sys
from appliance.cli import exchange_demo
exchange_demo.ExchangeDemo._accepted = lambda self, order_id: 2
sys.exit(exchange_demo.run_exchange_demo(keep=False, plain=True))
"""


def run(program: str, appliance: Appliance) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env=appliance.environment(TMPDIR=str(appliance.folder)),
        capture_output=True,
        text=True,
        timeout=VERB_WAIT_MAX_S,
        check=False,
    )


def running_in(folder: Path) -> list[str]:
    """Command lines of processes that name something in this folder (proc(5))."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", process, "cmdline").read_text()
        except OSError:  # it ended, or is another user's
            continue
        if str(folder) in words:
            found.append(words)
    return found


def test_it_tells_its_steps_and_succeeds_whatever_the_environment_says(appliance: Appliance) -> None:
    said = appliance.done("demo", "--exchange", "--plain", PAPER_MODE="true", TRADING_HALTED="true")
    steps = [int(number) for number in re.findall(r"^ ?(\d+)\. ", said, re.MULTILINE)]
    assert steps == list(range(1, 11))
    for told in (
        "speaks Binance's wire",
        "binance  fit",
        "cannot withdraw",
        "the appliance says unknown, sends nothing again, and asks: filled",
        "the exchange counts that order once",
        "its order is open, and was sent once",
        "the order is cancelled, nothing is open there",
        "signature good",
        "4 orders accepted there, 4 permitted here, each once and the same ones",
        "Done.",
    ):
        assert told in said
    assert "\x1b[" not in said


def test_a_step_that_comes_out_otherwise_ends_it_with_1(appliance: Appliance) -> None:
    finished = run(BROKEN, appliance)
    assert finished.returncode == 1
    assert "failed: not what must come out" in finished.stdout
    assert "NOTIONAL_ABOVE_MAX" in finished.stdout
    assert "Done." not in finished.stdout


def test_an_order_that_the_exchange_took_twice_ends_it_with_1_and_nothing_runs_on(appliance: Appliance) -> None:
    finished = run(DISHONEST, appliance)
    assert finished.returncode == 1
    assert "failed: not what must come out: accepted 2 times" in finished.stdout
    assert running_in(appliance.folder) == []
