"""`readytrader config`: is the configuration sound, and what is in force. Reads only."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.context import EXIT_REFUSED, CommandLine, Verbs, json_option
from appliance.cli.tables import print_table

if TYPE_CHECKING:
    from appliance.config import Configuration, ConfigurationError


@click.group("config", cls=Verbs)
def config_group() -> None:
    """Check and show the configuration. Exit codes: 0 sound, 1 problems, 2 wrong usage."""


_config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="The TOML file. Default: that of the command as a whole.",
)


@config_group.command("check")
@_config_option
@json_option
@click.pass_context
def check(context: click.Context, config_path: Path | None, as_json: bool) -> None:
    """Read the file and the environment, and tell every problem and every secret that is missing. Changes nothing."""
    from appliance.config import ConfigurationError

    path = _path(context, config_path)
    try:
        configuration = _load(path)
    except ConfigurationError as error:
        _tell_problems(error, as_json=as_json)
        sys.exit(EXIT_REFUSED)
    lacking = _wrong_secrets(context, path, configuration)
    if as_json:
        problems = [{"where": where, "setting": "secrets", "text": text} for where, text in lacking]
        click.echo(json.dumps({"ok": not lacking, "digest": configuration.digest, "problems": problems}))
    else:
        for where, text in lacking:
            click.echo(f"{where}: {text}", err=True)
        verdict = "its settings are sound, but what is told above cannot run" if lacking else "sound"
        click.echo(f"{_described(path)}: {verdict}, {configuration.mode} mode, digest {configuration.digest}")
    if lacking:
        sys.exit(EXIT_REFUSED)


@config_group.command("show")
@_config_option
@json_option
@click.pass_context
def show(context: click.Context, config_path: Path | None, as_json: bool) -> None:
    """Every setting in force, with its unit and where it came from."""
    from appliance.config import ConfigurationError

    try:
        configuration = _load(_path(context, config_path))
    except ConfigurationError as error:
        _tell_problems(error, as_json=as_json)
        sys.exit(EXIT_REFUSED)
    if as_json:
        click.echo(json.dumps({"digest": configuration.digest, "settings": _rows(configuration)}))
    else:
        line = context.find_object(CommandLine)
        _print_table(configuration, None if line is None else line.home.root)


def _wrong_secrets(context: click.Context, path: Path | None, configuration: Configuration) -> list[tuple[str, str]]:
    """What the instances' workers would not be given: which instance, and why not."""
    from appliance.doctor.host import Host
    from appliance.plugin_host.verification import verify_instances

    line = context.find_object(CommandLine)
    if line is None:
        return []
    with Host(line.home, path, os.environ, datetime.now(UTC)).as_owner():
        findings = list(verify_instances(configuration, line.home))
    return [(finding.subject, text) for finding in findings for text in finding.wrong]


def _path(context: click.Context, config_path: Path | None) -> Path | None:
    if config_path is not None:
        return config_path
    line = context.find_object(CommandLine)
    return None if line is None else line.config_path


def _load(path: Path | None) -> Configuration:
    from appliance.config import load

    return load(path, os.environ)


def _described(path: Path | None) -> str:
    return "environment and defaults (no file)" if path is None else click.format_filename(path)


def _tell_problems(error: ConfigurationError, *, as_json: bool) -> None:
    """For a program on stdout, for a person on stderr."""
    if as_json:
        problems = [{"where": one.where, "setting": one.setting, "text": one.text} for one in error.problems]
        click.echo(json.dumps({"ok": False, "problems": problems}))
        return
    for problem in error.problems:
        click.echo(str(problem), err=True)
    count = len(error.problems)
    click.echo(f"{count} problem{'' if count == 1 else 's'}: refused", err=True)


def _rows(configuration: Configuration) -> list[dict[str, str]]:
    return [
        {"setting": row.setting, "value": row.value, "unit": row.unit, "origin": str(row.origin)}
        for row in configuration.effective
    ]


def _print_table(configuration: Configuration, home: Path | None) -> None:
    """An origin in the home is shown from there on: almost every row has one."""
    from rich.text import Text

    prefix = "" if home is None else f"{home}{os.sep}"
    rows = [
        (
            row.setting,
            row.value,
            row.unit,
            Text(str(row.origin).removeprefix(prefix), style="" if str(row.origin) == "default" else "cyan"),
        )
        for row in configuration.effective
    ]
    print_table(("setting", "value", "unit", "origin"), rows)
    click.echo(f"digest {configuration.digest}")
