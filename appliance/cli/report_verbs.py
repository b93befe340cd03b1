"""`readytrader report`: gains by year, and what a day was. Needs the journal alone, beside a daemon or without one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from appliance.cli.context import EXIT_REFUSED, CommandLine, Verbs
from appliance.cli.writing import report_files, write_sealed

F = TypeVar("F", bound=Callable[..., Any])


@click.group("report", cls=Verbs)
def report_group() -> None:
    """Reports that name what they were computed from and prove themselves: `audit verify --file`."""


def _where(command: F) -> F:
    output = click.option(
        "--output", type=click.Path(path_type=Path), help="The file to write; default: standard output."
    )
    journal = click.option(
        "--journal", type=click.Path(path_type=Path, exists=True), help="The file; default: the one in the home."
    )
    return output(journal(command))


@report_group.command("tax")
@click.option(
    "--method",
    type=click.Choice(["fifo", "lifo", "hifo", "average"]),
    default="fifo",
    show_default=True,
    help="Which lots a disposal takes: first in, last in, highest cost, or the average of all.",
)
@click.option("--year", type=click.IntRange(2000, 9999), help="The year (UTC); default: all.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True, help="As what.")
@_where
@click.pass_obj
def tax_command(
    line: CommandLine, method: str, year: int | None, form: str, output: Path | None, journal: Path | None
) -> None:
    """Gains, losses and fees by asset and year, with the lots that each disposal took."""
    from appliance.service.tax import CurrencyChanged
    from appliance.service.tax_lots import Method

    make = report_files().tax_csv if form == "csv" else report_files().tax_json
    try:
        write_sealed(
            line,
            journal or line.home.journal,
            output,
            lambda source, sealer: make(source, sealer, Method(method), year),
        )
    except CurrencyChanged as fault:
        click.echo(f"refused: {fault}", err=True)
        sys.exit(EXIT_REFUSED)


@report_group.command("daily")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The day (UTC); default: yesterday.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="As what."
)
@_where
@click.pass_obj
def daily_command(
    line: CommandLine, day: datetime | None, form: str, output: Path | None, journal: Path | None
) -> None:
    """What a day was: orders, decisions, fills, gains, worth, and what people did."""
    from appliance.service.tax import CurrencyChanged

    wanted = (day or datetime.now(UTC) - timedelta(days=1)).date()
    make = report_files().daily_text if form == "text" else report_files().daily_json
    try:
        write_sealed(line, journal or line.home.journal, output, lambda source, sealer: make(source, sealer, wanted))
    except CurrencyChanged as fault:
        click.echo(f"refused: {fault}", err=True)
        sys.exit(EXIT_REFUSED)
