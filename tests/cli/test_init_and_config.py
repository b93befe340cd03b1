"""`init` makes a closed home that checks out; a damaged configuration is refused with every problem."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from appliance import __version__
from tests.cli.appliances import ROOT, Appliance

HEAVY = {"click", "mcp", "apsw", "msgspec", "cryptography", "uvicorn", "asyncio", "rich", "pluggy"}


@pytest.fixture
def bare(appliance: Appliance) -> Appliance:
    """Nothing at all: not even a home."""
    (appliance.home / "readytrader.toml").unlink()
    appliance.home.rmdir()
    return appliance


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_init_makes_a_home_that_is_closed_to_others(bare: Appliance) -> None:
    said = bare.done("init")
    folders = [bare.home, *(path for path in bare.home.rglob("*") if path.is_dir())]
    assert {mode(folder) for folder in folders} == {0o700}
    secret = ["readytrader.toml", "journal.db", "keys/checkpoint.key"]
    assert {name: mode(bare.home / name) for name in secret} == dict.fromkeys(secret, 0o600)
    vkey = (bare.home / "journal.vkey").read_text().strip()
    assert vkey.startswith("readytrader/")
    assert vkey in said
    assert (bare.home / "keys/checkpoint.key").read_text() not in said


def test_what_init_wrote_checks_out_and_is_all_defaults(bare: Appliance) -> None:
    bare.done("init", "--profile", "moderate")
    assert "sound, paper mode" in bare.done("config", "check")
    written = bare.json("config", "show")["digest"]
    (bare.home / "readytrader.toml").unlink()
    environment = bare.run("config", "show", "--json", RISK_PROFILE="moderate")
    assert json.loads(environment.stdout)["digest"] == written


def test_init_leaves_a_configuration_as_it_is(bare: Appliance) -> None:
    bare.done("init")
    config = bare.home / "readytrader.toml"
    config.write_text("# mine\n")
    again = bare.run("init")
    assert again.returncode == 2
    assert str(config) in again.stderr
    assert config.read_text() == "# mine\n"


def test_a_home_that_others_can_read_is_refused(appliance: Appliance) -> None:
    appliance.home.chmod(0o755)
    finished = appliance.run("serve")
    assert finished.returncode == 3
    assert "mode is 755, expected 700" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("verb", [("config", "check"), ("serve",), ("mcp",), ("agent", "list")])
def test_a_damaged_configuration_is_refused_with_every_problem(appliance: Appliance, verb: tuple[str, ...]) -> None:
    appliance.configure('risk_profile = "reckless"\n[limits]\nposition_max_pct = "0,05"\nnonsense = 1')
    finished = appliance.run(*verb)
    assert finished.returncode == 1
    for problem in ("reckless", "0,05", "nonsense"):
        assert problem in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_unknown_variable_of_ours_refuses_to_start(appliance: Appliance) -> None:
    finished = appliance.run("serve", READYTRADER_PAPERMODE="true")
    assert finished.returncode == 1
    assert "READYTRADER_PAPERMODE" in finished.stderr


def test_a_source_that_cannot_work_as_it_is_set_up_is_told_once_and_shown(appliance: Appliance) -> None:
    """It has no market then, and trades nothing; everything else goes on, and the operator sees why."""
    text = (appliance.home / "readytrader.toml").read_text()
    (appliance.home / "readytrader.toml").write_text(text.replace("history_minutes", "historic_minutes"))
    daemon = appliance.serve()
    daemon.wait_for("historic_minutes")
    (worker,) = appliance.json("status")["workers"]
    assert (worker["name"], worker["state"]) == ("sample", "failed")
    assert "historic_minutes" in worker["last_error"]
    assert "worker         sample: data_source sample, failed" in appliance.done("status")
    assert daemon.end() == 0
    assert sum("historic_minutes" in line for line in daemon.lines) == 1


@pytest.mark.parametrize("spelling", ["version", "--version"])
def test_version_imports_nothing_heavy(spelling: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "appliance", spelling],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout == f"readytrader {__version__}\n"
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in finished.stderr.splitlines()}
    assert "appliance" in imported
    assert not imported & HEAVY
