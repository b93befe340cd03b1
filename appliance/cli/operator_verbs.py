"""The operator's first verbs: how everything is, and how much may be traded: status, halt, restrict, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import CommandLine, json_option
from appliance.cli.venue_verbs import venue_line, watchdog_line
from appliance.home import Home, HomeRefused

if TYPE_CHECKING:
    from appliance.transport.operator_results import StatusView, WorkerView

HALT_NOTICE_TIMEOUT_S = 5.0


@click.command("status")
@json_option
@click.pass_obj
def status_command(line: CommandLine, as_json: bool) -> None:
    """How the appliance is: mode, halt, journal, orders, sources, venues. Exit code 3 when no daemon runs."""
    status = ask(line, lambda client: client.status())
    if as_json:
        print_json(status)
        return
    _print_status(status)


def _trading(status: StatusView) -> str:
    if status.halted:
        return click.style("HALTED", fg="red", bold=True)
    if status.journal_failure is not None:
        return click.style("STOPPED: nothing is sent while the journal cannot be written", fg="red", bold=True)
    return click.style("active", fg="green")


def _print_status(status: StatusView) -> None:
    rows = [
        ("version", status.version),
        ("mode", status.mode),
        ("trading", _trading(status)),
        ("since", f"{status.started_at:%Y-%m-%d %H:%M:%S} UTC" if status.started_at else "not started"),
        ("equity", status.equity or "unknown: something held has no sane price"),
        ("open orders", str(status.orders_live)),
        ("approvals", f"{status.approvals_pending} pending"),
        ("agents", f"{status.agents} with a good token"),
        ("journal", status.journal_failure or f"{status.journal_entries} entries"),
        ("configuration", status.configuration_digest[:16]),
    ]
    for name, value in rows:
        click.echo(f"{name:<14} {value}")
    for state in status.states:
        if state.state != "active":
            click.echo(f"{state.scope:<14} {click.style(state.state, fg='yellow')} by {state.by}: {state.reason}")
    for source in status.sources:
        last = f"{source.last_tick_at:%H:%M:%S}" if source.last_tick_at else "never"
        kind = "" if source.admissible else ", for looking only"
        click.echo(
            f"source         {source.name}: {source.accepted} ticks, {source.refused} refused, last {last}{kind}"
        )
    for worker in status.workers:
        click.echo(f"worker         {_worker_line(worker)}")
    for notifier in status.notices.notifiers:
        problem = f", {click.style(notifier.problem, fg='yellow')}" if notifier.problem else ""
        click.echo(f"notifier       {notifier.name}: {notifier.waiting} notices wait{problem}")
    if status.notices.failed:
        click.echo(f"notices        {status.notices.failed} did not arrive: readytrader notices list --failed")
    for notice in status.notices.untold:
        alarm = click.style(f"NOBODY WAS TOLD: {notice.subject}", fg="red", bold=True)
        click.echo(f"notices        {alarm} ({notice.made_at:%Y-%m-%d %H:%M:%S} UTC): {notice.text}")
    for venue in status.venues:
        click.echo(f"venue          {venue_line(venue)}")
    if status.venues:
        click.echo(f"watchdog       {watchdog_line(status.watchdog)}")


def _worker_line(worker: WorkerView) -> str:
    """One worker in one line: what it is, and what an operator should know of it."""
    state = click.style(worker.state, fg="green" if worker.state == "ready" else "yellow")
    parts = [f"{worker.name}: {worker.kind} {worker.plugin}, {state}"]
    if worker.restarts:
        parts.append(f"{worker.restarts} restarts")
    if worker.last_error is not None:
        parts.append(f"last error: {worker.last_error}")
    if worker.cage_missing:
        parts.append(f"cage without {'; '.join(worker.cage_missing)}")
    if worker.connections_refused:
        parts.append(f"{worker.connections_refused} connections refused, last {worker.refused_last}")
    return ", ".join(parts)


def _write_halt_file(home: Home, reason: str) -> None:
    """Before anything else, and asking nothing of the home but that it can be written to."""
    from appliance.service.halt import HaltFile

    try:
        if not home.root.exists():
            home.prepare()
        HaltFile(home.halt_file).set(reason)
    except OSError as fault:
        raise HomeRefused(f"{home.halt_file}: cannot be written: {fault.strerror}") from fault


@click.command("halt")
@click.option("--reason", required=True, help="Why; goes into the journal.")
@click.pass_obj
def halt_command(line: CommandLine, reason: str) -> None:
    """Stop all trading at once and cancel what is open. Works while the daemon hangs, and survives restarts."""
    _write_halt_file(line.home, reason)
    from appliance.transport.operator_client import NoDaemon, OperatorClient, OperatorRefused

    click.echo(f"trading is halted: {line.home.halt_file} is written, and nothing is sent while it is there")
    try:
        with OperatorClient(line.home.operator_socket, HALT_NOTICE_TIMEOUT_S) as client:
            cancelled = client.halt(reason)
    except NoDaemon as fault:
        click.echo(f"the daemon was not told ({fault}); it halts by the file alone")
    except OperatorRefused as fault:
        click.echo(f"the daemon could not write it down ({fault}); it halts by the file alone")
    else:
        click.echo(f"the daemon has latched it and cancelled {cancelled} open order{'' if cancelled == 1 else 's'}")


@click.command("restrict")
@click.argument("scope")
@click.argument("state", type=click.Choice(["reduce_only", "cancel_only"]))
@click.option("--reason", required=True, help="Why; goes into the journal.")
@click.pass_obj
def restrict_command(line: CommandLine, scope: str, state: str, reason: str) -> None:
    """Allow less in SCOPE (global, venue:NAME, agent:NAME or symbol:SYMBOL) from now on: STATE.

    reduce_only lets exits pass, cancel_only nothing but cancels. Only ever stricter: `resume --scope` loosens.
    """
    from appliance.transport.operator_wire import Restriction

    ask(line, lambda client: client.restrict(scope, Restriction(state), reason), offline=True)
    click.echo(f"{scope} is {state}")


@click.command("resume")
@click.option("--reason", required=True, help="Why; goes into the journal.")
@click.option("--scope", default="global", show_default=True, help="global, venue:NAME, agent:NAME or symbol:SYMBOL.")
@click.pass_obj
def resume_command(line: CommandLine, reason: str, scope: str) -> None:
    """Allow trading again after a halt, a restriction, or after the appliance narrowed it by itself."""
    ask(line, lambda client: client.resume(reason, scope), offline=True)
    click.echo(f"{scope} is active again")
