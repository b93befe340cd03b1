"""The verbs for notices: which there were, whether a notifier works, and what to do with one that did not arrive."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import EXIT_REFUSED, CommandLine, ListedAlone, json_option
from appliance.cli.tables import print_table

if TYPE_CHECKING:
    from appliance.transport.notice_results import NoticeView

SHOWN_MAX = 200


@click.group("notices", cls=ListedAlone)
def notices_group() -> None:
    """What people were told, through which notifier, and what did not arrive. Without a verb: list."""


@notices_group.command("list")
@click.option("--failed", is_flag=True, help="Only those that were given up and that nobody has read.")
@click.option("--limit", type=click.IntRange(1, SHOWN_MAX), default=50, show_default=True, help="How many at most.")
@json_option
@click.pass_obj
def list_notices(line: CommandLine, failed: bool, limit: int, as_json: bool) -> None:
    """Notices, newest first, each with what became of it at every notifier."""
    notices = ask(line, lambda client: client.notices(failed=failed, limit=limit))
    if as_json:
        print_json(notices)
    elif not notices:
        click.echo("every notice arrived, or is on its way" if failed else "no notice was made yet")
    else:
        print_table(("notice", "made", "severity", "subject", "deliveries"), [_row(notice) for notice in notices])
        for notice in notices if failed else ():
            click.echo(f"{notice.notice_id}: {notice.text}")


@notices_group.command("test")
@click.argument("name")
@click.pass_obj
def test_command(line: CommandLine, name: str) -> None:
    """Send a harmless notice through notifier NAME, on the very line of real ones. Exit code 1 if it did not arrive."""
    tested = ask(line, lambda client: client.test_notifier(name))
    if not tested.delivered:
        click.echo(f"not delivered: {tested.problem}", err=True)
        sys.exit(EXIT_REFUSED)
    click.echo(f"delivered: {name} has it")


@notices_group.command("resend")
@click.argument("notice_id", metavar="ID")
@click.pass_obj
def resend_command(line: CommandLine, notice_id: str) -> None:
    """Send notice ID, which was given up, again under the same ID."""
    to = ask(line, lambda client: client.resend_notice(notice_id))
    click.echo(f"sent again through {', '.join(to)}; readytrader notices list shows what becomes of it")


@notices_group.command("dismiss")
@click.argument("notice_id", metavar="ID")
@click.pass_obj
def dismiss_command(line: CommandLine, notice_id: str) -> None:
    """Call notice ID, which was given up, read: it is no longer among the failed ones."""
    ask(line, lambda client: client.dismiss_notice(notice_id))
    click.echo(f"{notice_id} is read")


def _row(notice: NoticeView) -> tuple[str, ...]:
    deliveries = "; ".join(
        f"{it.notifier}: {it.state}" + (f" after {it.attempts}" if it.attempts > 1 else "")
        + (f" ({it.reason})" if it.reason else "")
        for it in notice.deliveries
    )  # fmt: skip
    return (notice.notice_id, f"{notice.made_at:%Y-%m-%d %H:%M:%S}", notice.severity, notice.subject, deliveries)
