"""The demonstration is one of success only where every step came out as told."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.cli.appliances import VERB_WAIT_MAX_S, Appliance

BROKEN = """\
import sys
from appliance.cli import demo
demo.CONFIGURATION += '[limits]\\nnotional_cex_order_max = "1"\\n'
sys.exit(demo.run_demo(keep=False, plain=True))
"""


def test_it_tells_its_steps_and_succeeds_whatever_the_environment_says(appliance: Appliance) -> None:
    said = appliance.done("demo", "--plain", MAX_CEX_ORDER_AMOUNT="1", TRADING_HALTED="true")
    steps = [int(number) for number in re.findall(r"^ ?(\d+)\. ", said, re.MULTILINE)]
    assert steps == list(range(1, 11))
    for told in ("permitted", "denied", "held for a person", "cancelled", "TRADING_STATE", "signature good", "Done."):
        assert told in said
    assert "\x1b[" not in said


def test_a_step_that_comes_out_otherwise_ends_it_with_1(appliance: Appliance) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", BROKEN],
        env=appliance.environment(),
        capture_output=True,
        text=True,
        timeout=VERB_WAIT_MAX_S,
        check=False,
    )
    assert finished.returncode == 1
    assert "failed: not what must come out" in finished.stdout
    assert "NOTIONAL_ABOVE_MAX" in finished.stdout
    assert "Done." not in finished.stdout
