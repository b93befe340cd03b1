"""`readytrader doctor`: everything that must be right on this host, and what to do about what is not."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from appliance.cli.asking import print_json
from appliance.cli.context import EXIT_REFUSED, CommandLine, json_option

if TYPE_CHECKING:
    from appliance.doctor import Examined, Host

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "bright_black"}


@click.command("doctor")
@click.option("--full", is_flag=True, help="Verify the whole journal, not only its newest part.")
@json_option
@click.pass_obj
def doctor_command(line: CommandLine, full: bool, as_json: bool) -> None:
    """Look at everything that must be right on this host; advise where it is not. Changes nothing; safe at any time.

    Exit code 1 when anything fails; warnings alone are 0.
    """
    from appliance.doctor import Host, Level, worst

    host = Host(line.home, line.config_path, os.environ, datetime.now(UTC), full=full)
    examined = _examined(host, told=not as_json)
    if as_json:
        print_json({"level": worst(one.level for one in examined), "checks": examined})
    if worst(one.level for one in examined) is Level.FAIL:
        sys.exit(EXIT_REFUSED)


def _examined(host: Host, *, told: bool) -> Sequence[Examined]:
    """Every check; told as soon as it is done."""
    from appliance.doctor import examine

    if not told:
        return tuple(examine(host))
    examined: list[Examined] = []
    section = ""
    for one in examine(host):
        if one.section != section:
            section = one.section
            click.echo(section)
        examined.append(one)
        click.echo(f"  {_word(one.level)} {one.name}")
        for finding in one.findings:
            click.echo(f"      {'' if finding.level == one.level else _word(finding.level) + ' '}{finding.text}")
            if finding.advice:
                click.echo(f"        -> {finding.advice}")
    counts = {level: sum(one.level == level for one in examined) for level in _COLOURS}
    click.echo("\n" + ", ".join(f"{count} {level}" for level, count in counts.items() if count))
    return examined


def _word(level: str) -> str:
    return click.style(f"{level.upper():<7}", fg=_COLOURS[level])
