"""`readytrader config`: exit codes, and what people and programs read."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from appliance.cli.config_verbs import config_group
from appliance.cli.context import CommandLine
from appliance.config import load
from appliance.config.settings import SETTINGS
from appliance.config.template import template
from appliance.home import Home

OURS = [setting.environment for setting in SETTINGS]


def run(*arguments: str, environ: dict[str, str] | None = None, obj: object = None) -> Result:
    clean = {**dict.fromkeys([*OURS, "READYTRADER_CONFIG", "READYTRADER_HOME"]), **(environ or {})}
    return CliRunner().invoke(config_group, arguments, env=clean, obj=obj)


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "readytrader.toml"
    path.write_text(template())
    return path


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("papermode = true\n[limits]\nposition_max_pct = '5%'\n")
    return path


def test_a_sound_file_is_told_with_its_digest_and_exit_code_0(sound):
    result = run("check", "--config", str(sound))
    assert result.exit_code == 0
    assert result.stdout == f"{sound}: sound, paper mode, digest {load(sound, {}).digest}\n"


def test_a_broken_file_is_told_line_by_line_on_stderr_with_exit_code_1(broken):
    result = run("check", "--config", str(broken))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{broken}:1: papermode: unknown setting; did you mean paper_mode?",
        f"{broken}:3: limits.position_max_pct: expected a plain decimal number above 0 and at most 100, got '5%'",
        "2 problems: refused",
    ]


def test_wrong_usage_has_exit_code_2():
    assert run("check", "--strict").exit_code == 2
    assert run("chekc").exit_code == 2


def test_check_answers_a_program_in_json(sound, broken):
    good, bad = run("check", "--json", "--config", str(sound)), run("check", "--json", "--config", str(broken))
    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert json.loads(good.stdout) == {"ok": True, "digest": load(sound, {}).digest, "problems": []}
    answer = json.loads(bad.stdout)
    assert answer["ok"] is False
    assert [(one["where"], one["setting"]) for one in answer["problems"]] == [
        (f"{broken}:1", "papermode"),
        (f"{broken}:3", "limits.position_max_pct"),
    ]


def test_the_environment_is_checked_with_the_file(sound):
    result = run("check", "--config", str(sound), environ={"PAPER_MODE": "maybe"})
    assert result.exit_code == 1
    assert result.stderr.startswith("env PAPER_MODE: expected true or false")


def test_the_file_comes_from_the_option_else_from_the_command_as_a_whole(sound, broken, tmp_path):
    whole = CommandLine(Home(tmp_path / "home", broken))
    assert run("check", obj=whole).exit_code == 1
    assert run("check", "--config", str(sound), obj=whole).exit_code == 0
    assert "no file" in run("check", obj=CommandLine(Home(tmp_path / "home"))).stdout


def test_show_says_for_every_setting_its_value_unit_and_origin(sound):
    result = run("show", "--config", str(sound), environ={"RISK_PROFILE": "moderate"})
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    for setting in SETTINGS:
        assert any(row and row[0] == setting.key for row in rows)
    (profile,) = [line for line in result.stdout.splitlines() if line.startswith("risk_profile")]
    assert profile.split() == ["risk_profile", "moderate", "env", "RISK_PROFILE"]
    assert "\x1b" not in result.stdout


def test_show_answers_a_program_in_json(sound):
    answer = json.loads(run("show", "--json", "--config", str(sound)).stdout)
    configuration = load(sound, {})
    assert answer["digest"] == configuration.digest
    assert answer["settings"] == [
        {"setting": one.setting, "value": one.value, "unit": one.unit, "origin": str(one.origin)}
        for one in configuration.effective
    ]


def test_show_of_a_broken_file_tells_the_problems_instead(broken):
    result = run("show", "--config", str(broken))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "papermode" in result.stderr
    assert json.loads(run("show", "--json", "--config", str(broken)).stdout)["ok"] is False
