"""Every verb explains itself, in `--help` and in the manual's table."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from appliance.cli.main import root_group
from appliance.home import Home
from tests.cli.appliances import Appliance
from tests.cli.terminals import on_a_terminal

ROOT = Path(__file__).parents[2]


def verbs(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, *path, name)
        else:
            yield (*path, name)


VERBS = sorted(verbs(root_group))


def docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("packaging_docs", ROOT / "packaging" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_and_every_option_has_help(verb: tuple[str, ...]) -> None:
    finished = CliRunner().invoke(root_group, [*verb, "--help"])
    assert finished.exit_code == 0
    command: click.Command = root_group
    for name in verb:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert all(option.help for option in options)


def test_the_manuals_table_lists_every_verb() -> None:
    listed = set(re.findall(r"`readytrader ([a-z -]+?)(?: [A-Z_]+)*`", docs().verbs()))
    assert listed == {" ".join(verb) for verb in VERBS}


def test_every_verb_that_the_manual_shows_exists() -> None:
    shown = re.findall(r"^readytrader ([a-z -]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert shown
    known = {" ".join(verb) for verb in VERBS}
    for line in shown:
        words = line.split()
        assert {words[0], " ".join(words[:2])} & known, line


def test_no_test_can_reach_the_home_of_whoever_runs_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Controls, bypass 20: tests that wrote into the real journal."""
    import os
    import pwd

    temporary = tmp_path_factory.getbasetemp()
    real = Path(pwd.getpwuid(os.getuid()).pw_dir)
    for environment in (dict(os.environ), {}):
        root = Home.find(environment).root
        assert root.is_relative_to(temporary)
        assert not root.is_relative_to(real / ".readytrader")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_colour_is_no_colour(appliance: Appliance, no_color: str, coloured: bool) -> None:
    _, shown = on_a_terminal(appliance, [], "doctor", NO_COLOR=no_color, TERM="xterm")
    assert ("\x1b[" in shown) is coloured
