"""The verbs of limits: what holds and how much of it is used, tighter at once, looser late, and what was changed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import EXIT_REFUSED, CommandLine, ListedAlone, json_option
from appliance.cli.tables import print_table

if TYPE_CHECKING:
    from appliance.transport.limit_results import ChangeView, GaugeView, LimitsView

BAR_WIDTH = 20

reason_option = click.option("--reason", required=True, help="Why; goes into the journal.")
code_option = click.option(
    "--code", help="A one-time code of the account that your Unix user is bound to; else asked for."
)


@click.group("limits", cls=ListedAlone)
def limits_group() -> None:
    """Limits as they hold now: tighten at once, loosen with a second factor and a delay. Without a verb: list."""


@limits_group.command("list")
@click.option("--all", "everything", is_flag=True, help="Every limit, not only what is used and what was changed.")
@json_option
@click.pass_obj
def list_limits(line: CommandLine, everything: bool, as_json: bool) -> None:
    """How much of each limit is used, what was changed while the core ran, and what waits."""
    limits, usage = ask(line, lambda client: (client.limits(), client.usage()))
    if as_json:
        print_json({"limits": limits, "gauges": usage.gauges})
        return
    print_table(("limit", "used", "of", "unit", "", ""), [_gauge_row(gauge) for gauge in usage.gauges])
    rows = [
        (it.name, it.value, it.unit, it.configured, it.tighter or f"fixed: {it.fixed_because}", it.changed_by or "")
        for it in limits.limits
        if everything or it.changed_by is not None
    ]
    if rows:
        click.echo()
        print_table(("setting", "value", "unit", "configured", "tighter", "changed by"), rows)
    if not everything:
        fixed = ", ".join(it.name for it in limits.limits if it.tighter is None)
        click.echo(f"fixed until a restart (--all says why): {fixed}")
    _print_waiting(limits)


def _gauge_row(gauge: GaugeView) -> tuple[str, ...]:
    share = "" if gauge.used_pct is None else f"{gauge.used_pct} %"
    return gauge.name, _short(gauge.used), _short(gauge.limit), gauge.unit, bar(gauge.used_pct), share


def _short(figure: str) -> str:
    """A figure for a table: eight digits after the point are enough to look at."""
    value = Decimal(figure)
    rounded = round(value, 8)
    return figure if rounded == value else f"{rounded.normalize():f}"


def bar(used_pct: str | None) -> str:
    """How full a limit is, as a bar; what is over it fills it."""
    share = min(max(Decimal(used_pct or 0), Decimal(0)), Decimal(100))
    filled = int(share * BAR_WIDTH / 100)
    return "█" * filled + "░" * (BAR_WIDTH - filled)


def _print_waiting(limits: LimitsView) -> None:
    now = datetime.now(UTC)
    for change in limits.pending:
        seconds = max(0, int((change.due_at - now).total_seconds()))
        wanted = 1 + len(change.confirmed_by)
        people = f", {wanted} of {change.people_needed} persons want it" if change.people_needed > 1 else ""
        click.echo(
            f"waits: {change.id}  {change.name} from {change.before} to {change.value}, by {change.asked_by}, "
            f"holds in {seconds // 60}:{seconds % 60:02}, anew after a restart{people}"
        )


@limits_group.command("tighten")
@click.argument("name")
@click.argument("value")
@reason_option
@click.pass_obj
def tighten_command(line: CommandLine, name: str, value: str, reason: str) -> None:
    """Let the limit NAME (as in `config show`) be VALUE from the next decision on. Refused where it may allow more."""
    change = ask(line, lambda client: client.tighten(name, value, reason))
    click.echo(f"{change.name} is {change.value} now; it was {change.before}")


@limits_group.command("loosen")
@click.argument("name")
@click.argument("value")
@reason_option
@code_option
@click.pass_obj
def loosen_command(line: CommandLine, name: str, value: str, reason: str, code: str | None) -> None:
    """Ask that the limit NAME become VALUE, which may allow more. Needs a one-time code, and holds after a delay."""
    code = _code(code)
    _print_asked(ask(line, lambda client: client.loosen(name, value, reason, code)))


@limits_group.command("confirm")
@click.argument("change_id", metavar="ID")
@code_option
@click.pass_obj
def confirm_command(line: CommandLine, change_id: str, code: str | None) -> None:
    """Want the loosening ID too, where more than one person must. Needs a one-time code."""
    code = _code(code)
    _print_asked(ask(line, lambda client: client.confirm_loosening(change_id, code)))


def _code(code: str | None) -> str:
    """The code that was given, or that a person types; a program that gives none is refused."""
    if code is not None:
        return code
    if not sys.stdin.isatty():
        click.echo("refused: loosening a limit needs a one-time code of your account: --code", err=True)
        sys.exit(EXIT_REFUSED)
    return str(click.prompt("One-time code")).strip()


def _print_asked(change: ChangeView) -> None:
    wanted = 1 + len(change.confirmed_by)
    click.echo(f"asked: {change.id}: {change.name} becomes {change.value} at {change.due_at:%Y-%m-%d %H:%M:%S} UTC")
    if wanted < change.people_needed:
        click.echo(f"another person must want it too: readytrader limits confirm {change.id}")
    click.echo(f"take it back: readytrader limits withdraw {change.id}")


@limits_group.command("withdraw")
@click.argument("change_id", metavar="ID")
@click.option("--reason", default="withdrawn", show_default=True, help="Goes into the journal.")
@click.pass_obj
def withdraw_command(line: CommandLine, change_id: str, reason: str) -> None:
    """Take the loosening ID back before it holds; anybody may."""
    ask(line, lambda client: client.withdraw(change_id, reason))
    click.echo(f"withdrawn: {change_id}")


@limits_group.command("history")
@json_option
@click.pass_obj
def history_command(line: CommandLine, as_json: bool) -> None:
    """Changes of limits while the core ran, and what became of them, the newest first."""
    history = ask(line, lambda client: client.limits()).history
    if as_json:
        print_json(history)
    elif not history:
        click.echo("no limit was changed yet")
    else:
        print_table(
            ("id", "setting", "from", "to", "state", "by", "asked", "why"), [_history_row(it) for it in history]
        )


def _history_row(change: ChangeView) -> tuple[str, ...]:
    people = ", ".join((change.asked_by, *change.confirmed_by))
    why = change.reason if change.ended_why is None else f"{change.reason}; {change.ended_why} ({change.ended_by})"
    asked = f"{change.asked_at:%Y-%m-%d %H:%M:%S}"
    return change.id, change.name, change.before, change.value, change.state, people, asked, why
