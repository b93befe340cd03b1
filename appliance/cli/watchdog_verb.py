"""`readytrader watchdog`: a process of its own that cancels everything when the core is dead or hangs."""

from __future__ import annotations

import asyncio

import click

from appliance.cli.context import CommandLine
from appliance.cli.daemon_verbs import log_level_option, log_to_stderr, tell


@click.command("watchdog")
@log_level_option
@click.pass_obj
def watchdog_command(line: CommandLine, log_level: str | None) -> None:
    """Watch over the core from outside: when it gives no sign of life, cancel everything on every live venue.

    Uses a credential of its own for each live exchange: give it one that can look and cancel, with `readytrader plugin
    secret NAME-watchdog SECRET`. Runs in the foreground and ends on SIGTERM. Start it after the core.
    """
    from appliance.bootstrap import run_watchdog

    configuration = line.configuration()
    log_to_stderr(configuration, log_level)
    venues = ", ".join(one.venue for one in configuration.live_exchanges) or "no venue"
    seconds = configuration.watchdog_after.total_seconds()
    tell(configuration, f"readytrader watches over {line.home.root}: {venues}, after {seconds:g} s of silence")
    asyncio.run(run_watchdog(line.home, configuration))
