"""The verbs that make a home and run the appliance in it: init, serve, mcp, demo."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING

import click

from appliance.cli.context import EXIT_UNAVAILABLE, CommandLine
from appliance.domain.snapshot import Mode
from appliance.durable import replace_file
from appliance.home import TOKEN_VARIABLE

if TYPE_CHECKING:
    from appliance.config import Configuration

JOIN_WAIT_MAX_S = 10.0
"""How long a core that another agent's start is just bringing up may take until it listens."""
JOIN_RETRY_S = 0.05

log_level_option = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="What to tell on standard error; goes before `log.level` of the configuration.",
)


@click.command("init")
@click.option(
    "--profile",
    type=click.Choice(["conservative", "moderate", "aggressive"]),
    default="conservative",
    show_default=True,
    help="Which limits to write out.",
)
@click.pass_obj
def init_command(line: CommandLine, profile: str) -> None:
    """Make a home: folders, keys, a configuration with every limit written out, and the journal."""
    from appliance.bootstrap import open_journal
    from appliance.config import RiskProfile
    from appliance.config.template import template

    home = line.home
    home.prepare()
    if home.config.exists():
        raise click.UsageError(f"{home.config} exists; it is left as it is")
    replace_file(home.config, template(RiskProfile(profile)).encode(), 0o600)
    open_journal(home).close()
    click.echo(f"home           {home.root}")
    click.echo(f"configuration  {home.config} ({profile}, paper mode)")
    click.echo(f"journal        {home.journal}")
    click.echo(f"public key     {line.vkey()}")
    click.echo("\nKeep the public key somewhere else: with it anybody can verify the journal, and nobody can forge it.")
    click.echo(
        "Next: readytrader operator add NAME --role admin, then readytrader serve; readytrader doctor says what is"
    )
    click.echo("still missing. Or let an MCP client start readytrader mcp, without a daemon.")


@click.command("serve")
@log_level_option
@click.pass_obj
def serve_command(line: CommandLine, log_level: str | None) -> None:
    """Run in the foreground: agents, and operators with their page, over sockets and loopback HTTP. Ends on SIGTERM."""
    from appliance.bootstrap import Ports, run_daemon

    configuration = line.configuration()
    log_to_stderr(configuration, log_level)

    def on_ready(ports: Ports) -> None:
        operators = (
            ()
            if ports.operators is None
            else (f"             http://localhost:{ports.operators}/ (accounts: readytrader operator add)",)
        )
        tell(
            configuration,
            f"readytrader serves {configuration.mode} trading from {line.home.root}",
            f"  agents     {line.home.agent_socket}",
            f"             http://{configuration.agent_listener.host}:{ports.agents}/mcp (bearer token)",
            f"  operators  {line.home.operator_socket}",
            *operators,
        )

    _run(run_daemon(line.home, configuration, on_ready))


@click.command("mcp")
@click.pass_obj
def mcp_command(line: CommandLine) -> None:
    """Speak MCP on stdin and stdout: a bridge to the running daemon, or without one a paper core of its own.

    READYTRADER_AGENT_TOKEN says which agent it is for; tokens are checked by a daemon alone.
    """
    from appliance.transport import bridge

    path, token = str(line.home.agent_socket), os.environ.get(TOKEN_VARIABLE)
    code = bridge.pump_to(path, token)
    if code is not None:
        sys.exit(code)
    if token is not None:
        # A core of our own serves whoever starts it as the local agent: not somebody who says to be another.
        click.echo(f"readytrader mcp: no daemon runs that could check {TOKEN_VARIABLE}: readytrader serve", err=True)
        sys.exit(EXIT_UNAVAILABLE)
    from appliance.bootstrap import run_child
    from appliance.store.journal import JournalUnavailable

    configuration = line.configuration()
    log_to_stderr(configuration, "warning")
    if configuration.mode is Mode.LIVE:
        click.echo("readytrader mcp: real money needs the daemon: readytrader serve", err=True)
        sys.exit(EXIT_UNAVAILABLE)
    until = time.monotonic() + JOIN_WAIT_MAX_S
    while True:
        try:
            _run(run_child(line.home, configuration))
        except JournalUnavailable:
            # A host that starts two agents at once starts us twice: who comes second joins the first one's core.
            if time.monotonic() > until:
                raise
            time.sleep(JOIN_RETRY_S)
        else:
            return
        code = bridge.pump_to(path, token)
        if code is not None:
            sys.exit(code)


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the demo's home behind, to look at.")
@click.option("--plain", is_flag=True, help="No colours, no tables.")
@click.option("--exchange", is_flag=True, help="Live, on a local exchange of play money that loses an answer.")
def demo_command(keep: bool, plain: bool, exchange: bool) -> None:
    """Watch an agent trade within limits: a real MCP session, an approval, a halt, and the journal's proof."""
    if exchange:
        from appliance.cli.exchange_demo import run_exchange_demo

        sys.exit(run_exchange_demo(keep=keep, plain=plain))
    from appliance.cli.demo import run_demo

    sys.exit(run_demo(keep=keep, plain=plain))


def _run(serving: Coroutine[None, None, None]) -> None:
    """Serve to the end; a listener that cannot be opened is one line and an exit code."""
    from appliance.transport.loopback import HttpRefused
    from appliance.transport.unix_listener import ListenerRefused

    try:
        asyncio.run(serving)
    except (HttpRefused, ListenerRefused) as fault:
        click.echo(f"readytrader: {fault}", err=True)
        sys.exit(EXIT_UNAVAILABLE)


def log_to_stderr(configuration: Configuration, level: str | None = None) -> None:
    """Log as the configuration says; a level on the command line goes before it."""
    from appliance.telemetry.logs import LogLevel, to_stderr

    to_stderr(configuration.log.form, configuration.log.level if level is None else LogLevel(level))


def tell(configuration: Configuration, *lines: str) -> None:
    """Tell people, or the program that reads the log, where we are."""
    from appliance.telemetry.logs import LogForm

    if configuration.log.form is LogForm.TEXT:
        for line in lines:
            click.echo(line, err=True)
    else:
        logging.getLogger("appliance").info("%s", "; ".join(" ".join(line.split()) for line in lines))
