"""`readytrader selftest`: every part is used, and one that does not work is told by its name with exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from appliance.selftest import COMPILED
from tests.cli.appliances import Appliance

WITHOUT = """\
import sys
from appliance import selftest
selftest.COMPILED = (*selftest.COMPILED, "nothing_of_that_name")
from appliance.cli.main import run
sys.exit(run())
"""


def broken(appliance: Appliance, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, "selftest", *options],
        env=appliance.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_part_of_the_source_works(appliance: Appliance) -> None:
    told = appliance.json("selftest")
    assert (told["ok"], told["frozen"]) == (True, False)
    assert all(part["fault"] is None for part in told["parts"])
    assert {part["area"] for part in told["parts"]} == {
        "compiled modules",
        "plugins",
        "own modules",
        "standard library",
        "uses",
    }


def test_people_get_a_row_for_each_area(appliance: Appliance) -> None:
    rows = appliance.done("selftest").splitlines()
    assert len(rows) == 6
    assert all(row.startswith("sound ") for row in rows[1:])


def test_it_needs_no_home_and_makes_none(appliance: Appliance) -> None:
    home = str(appliance.folder / "elsewhere")
    appliance.done("selftest", READYTRADER_HOME=home)
    assert not (appliance.folder / "elsewhere").exists()


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["table", "json"])
def test_a_part_that_is_missing_is_told_with_exit_code_1(appliance: Appliance, options: tuple[str, ...]) -> None:
    finished = broken(appliance, *options)
    assert finished.returncode == 1, finished
    assert "nothing_of_that_name" in finished.stdout
    if options:
        told = json.loads(finished.stdout)
        assert not told["ok"]
        assert [part["name"] for part in told["parts"] if part["fault"]] == ["nothing_of_that_name"]
    else:
        assert f"{len(COMPILED)} of {len(COMPILED) + 1}" in finished.stdout
        assert "wrong" in finished.stdout
