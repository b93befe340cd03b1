"""`readytrader selftest`: whether every part of this very program is there and works."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence

import click

from appliance import __version__, selftest
from appliance.cli.context import EXIT_REFUSED, json_option
from appliance.cli.tables import print_table


@click.command("selftest")
@json_option
def selftest_command(as_json: bool) -> None:
    """Use every part of this program once; some seconds. Exit code 1 when one is missing or does not work.

    Needs no home and reaches for nothing outside. A build that lost a file does not even start: exit code 3.
    """
    parts = tuple(selftest.thorough())
    sound = not any(part.fault for part in parts)
    if as_json:
        told = {
            "ok": sound,
            "version": __version__,
            "frozen": selftest.is_frozen(),
            "parts": [part._asdict() for part in parts],
        }
        click.echo(json.dumps(told))
    else:
        _print_table(parts)
    if not sound:
        sys.exit(EXIT_REFUSED)


def _print_table(parts: Sequence[selftest.Part]) -> None:
    """One row for each area, and below it what is wrong there."""
    from rich.text import Text

    areas: dict[str, list[selftest.Part]] = defaultdict(list)
    for part in parts:
        areas[part.area].append(part)
    rows: list[tuple[str | Text, ...]] = []
    for area, members in areas.items():
        wrong = [part for part in members if part.fault is not None]
        verdict = Text("wrong", style="red") if wrong else Text("sound", style="green")
        rows.append((verdict, area, f"{len(members) - len(wrong)} of {len(members)}"))
        rows += [("", Text(f"  {part.name}"), Text(str(part.fault), style="red")) for part in wrong]
    print_table(("verdict", "area", "parts"), rows)
