"""`readytrader`: every verb, mounted on one root."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import click

from appliance import __version__
from appliance.cli.account_verbs import operator_group
from appliance.cli.agent_verbs import agent_group
from appliance.cli.approval_verbs import approvals_group
from appliance.cli.audit_verbs import audit_group
from appliance.cli.config_verbs import config_group
from appliance.cli.context import EXIT_DAMAGED, EXIT_REFUSED, EXIT_UNAVAILABLE, CommandLine, Verbs
from appliance.cli.daemon_verbs import demo_command, init_command, mcp_command, serve_command
from appliance.cli.doctor_verb import doctor_command
from appliance.cli.limit_verbs import limits_group
from appliance.cli.local_exchange_verb import local_exchange_command
from appliance.cli.metrics_verb import metrics_command
from appliance.cli.notice_verbs import notices_group
from appliance.cli.operator_verbs import halt_command, restrict_command, resume_command, status_command
from appliance.cli.order_verbs import order_group, orders_command
from appliance.cli.plugin_verbs import plugin_group
from appliance.cli.portfolio_verb import portfolio_command
from appliance.cli.report_verbs import report_group
from appliance.cli.selftest_verb import selftest_command
from appliance.cli.venue_verbs import venue_group
from appliance.cli.watchdog_verb import watchdog_command
from appliance.home import CONFIG_VARIABLE, HOME_VARIABLE, Home

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Of a disk, of a user's share of it, of a file: write(2)."""


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--home",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"The folder of keys, journal and sockets. Default: ${HOME_VARIABLE}, else ~/.readytrader.",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The configuration. Default: ${CONFIG_VARIABLE}, else readytrader.toml in the home.",
)
@click.version_option(__version__, prog_name="readytrader", message="%(prog)s %(version)s")
@click.pass_context
def root_group(context: click.Context, root: Path | None, config_path: Path | None) -> None:
    """ReadyTrader lets an untrusted agent trade within what its operator allowed.

    Exit codes: 0 done, 1 refused or problems found, 2 wrong usage, 3 no daemon or unusable home, 4 damaged journal.
    """
    if os.environ.get("NO_COLOR"):  # no-color.org: whatever is not empty
        context.color = False
    context.obj = CommandLine(Home.find(os.environ, root, config_path))


@root_group.command("version")
def version_command() -> None:
    """Print the version."""
    click.echo(f"readytrader {__version__}")


for command in (
    agent_group,
    approvals_group,
    audit_group,
    config_group,
    demo_command,
    doctor_command,
    halt_command,
    init_command,
    limits_group,
    local_exchange_command,
    mcp_command,
    operator_group,
    metrics_command,
    notices_group,
    order_group,
    orders_command,
    plugin_group,
    portfolio_command,
    report_group,
    restrict_command,
    resume_command,
    selftest_command,
    serve_command,
    status_command,
    venue_group,
    watchdog_command,
):
    root_group.add_command(command)


def run() -> int:
    """Run the command line; errors that a person can mend are one line, not a traceback."""
    from readytrader_sdk.errors import Misconfigured

    from appliance.config import ConfigurationError
    from appliance.home import HomeRefused
    from appliance.plugin_host.catalog import CatalogError
    from appliance.store.credentials import CredentialsUnavailable
    from appliance.store.journal import JournalCorrupt, JournalUnavailable

    try:
        root_group(prog_name="readytrader")
    except ConfigurationError as fault:
        for problem in fault.problems:
            click.echo(str(problem), err=True)
        return EXIT_REFUSED
    except Misconfigured as fault:
        click.echo(f"readytrader: {fault}", err=True)
        return EXIT_REFUSED
    except JournalCorrupt as fault:
        click.echo(f"readytrader: {fault}; readytrader audit verify says where", err=True)
        return EXIT_DAMAGED
    except (HomeRefused, JournalUnavailable, CredentialsUnavailable, CatalogError) as fault:
        click.echo(f"readytrader: {fault}", err=True)
        return EXIT_UNAVAILABLE
    except OSError as fault:
        if fault.errno not in NO_ROOM:
            raise
        where = fault.filename or "a file"
        click.echo(f"readytrader: {where}: {fault.strerror}; make room on its disk, then do the same again", err=True)
        return EXIT_UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(run())
