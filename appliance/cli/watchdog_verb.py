"""`readytrader watchdog`: a process of its own that cancels everything when the core is dead or hangs."""

from __future__ import annotations

import asyncio

import click

from appliance.cli.context import CommandLine
from appliance.cli.daemon_verbs import log_to_stderr


@click.command("watchdog")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning"]),
    default="info",
    show_default=True,
    help="What to tell on standard error.",
)
@click.pass_obj
def watchdog_command(line: CommandLine, log_level: str) -> None:
    """Watch over the core from outside: when it gives no sign of life, cancel everything on every live venue.

    Uses a credential of its own for each live exchange: give it one that can look and cancel, with `readytrader plugin
    secret NAME-watchdog SECRET`. Runs in the foreground and ends on SIGTERM. Start it after the core.
    """
    from appliance.bootstrap import run_watchdog

    log_to_stderr(log_level)
    configuration = line.configuration()
    venues = ", ".join(one.venue for one in configuration.live_exchanges) or "no venue"
    seconds = configuration.watchdog_after.total_seconds()
    click.echo(f"readytrader watches over {line.home.root}: {venues}, after {seconds:g} s of silence", err=True)
    asyncio.run(run_watchdog(line.home, configuration))
