"""The operator's verbs: status, approvals, halt, resume, agent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from appliance.cli.context import EXIT_REFUSED, EXIT_UNAVAILABLE, CommandLine, json_option
from appliance.home import Home, HomeRefused

if TYPE_CHECKING:
    from appliance.transport.operator_client import OperatorClient
    from appliance.transport.operator_wire import ApprovalView, StatusView, WorkerView

T = TypeVar("T")
HALT_NOTICE_TIMEOUT_S = 5.0
SCOPES = ("read", "paper", "live", "feed")


def _ask(line: CommandLine, question: Callable[[OperatorClient], T], *, offline: bool = False) -> T:
    """Ask the daemon; without one, and where that is sound, a core of our own that is not started."""
    from appliance.transport.operator_client import NoDaemon, OperatorClient, OperatorRefused

    try:
        try:
            with OperatorClient(line.home.operator_socket) as client:
                return question(client)
        except NoDaemon:
            if not offline:
                raise
        with _core_of_our_own(line), OperatorClient(line.home.operator_socket) as client:
            return question(client)
    except NoDaemon as fault:
        click.echo(f"readytrader: {fault}", err=True)
        sys.exit(EXIT_UNAVAILABLE)
    except OperatorRefused as fault:
        click.echo(f"refused: {fault}", err=True)
        sys.exit(EXIT_REFUSED)


@contextmanager
def _core_of_our_own(line: CommandLine) -> Iterator[None]:
    from appliance.bootstrap import offline_core

    with offline_core(line.home, line.configuration()):
        yield


def _print_json(value: object) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


@click.command("status")
@json_option
@click.pass_obj
def status_command(line: CommandLine, as_json: bool) -> None:
    """How the appliance is: mode, halt, journal, orders, sources. Exit code 3 when no daemon runs."""
    status = _ask(line, lambda client: client.status())
    if as_json:
        _print_json(status)
        return
    _print_status(status)


def _print_status(status: StatusView) -> None:
    trading = click.style("HALTED", fg="red", bold=True) if status.halted else click.style("active", fg="green")
    rows = [
        ("version", status.version),
        ("mode", status.mode),
        ("trading", trading),
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


@click.command("resume")
@click.option("--reason", required=True, help="Why; goes into the journal.")
@click.option("--scope", default="global", show_default=True, help="global, venue:NAME, agent:NAME or symbol:SYMBOL.")
@click.pass_obj
def resume_command(line: CommandLine, reason: str, scope: str) -> None:
    """Allow trading again after a halt, or after the appliance narrowed it by itself."""
    _ask(line, lambda client: client.resume(reason, scope), offline=True)
    click.echo(f"{scope} is active again")


@click.group("approvals")
def approvals_group() -> None:
    """What agents asked for and a person must decide."""


@approvals_group.command("list")
@json_option
@click.pass_obj
def list_approvals(line: CommandLine, as_json: bool) -> None:
    """What waits for a decision, oldest first."""
    approvals = _ask(line, lambda client: client.approvals())
    if as_json:
        _print_json(approvals)
    elif not approvals:
        click.echo("nothing waits for a decision")
    else:
        for approval in approvals:
            proposal = approval.proposal
            click.echo(
                f"{proposal.request_id}  {approval.agent}  {proposal.asks}  until {proposal.expires_at:%H:%M:%S}"
            )


@approvals_group.command("show")
@click.argument("request_id")
@json_option
@click.pass_obj
def show_approval(line: CommandLine, request_id: str, as_json: bool) -> None:
    """Everything that an approval would let happen."""
    shown = _ask(line, lambda client: client.approval(request_id))
    if as_json:
        _print_json(shown.approval)
    else:
        _print_approval(shown.approval)


def _print_approval(approval: ApprovalView) -> None:
    proposal = approval.proposal
    rows = [
        ("request", proposal.request_id),
        ("agent", approval.agent),
        ("asks", proposal.asks),
        ("notional", f"at most {proposal.notional_max}"),
        ("takes", f"at most {proposal.pay_max}, fees included"),
        ("worst price", approval.price_worst or "does not apply"),
        ("until", f"{proposal.expires_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("state", proposal.state),
    ]
    for name, value in rows:
        click.echo(f"{name:<12} {value}")
    for reason in proposal.reasons:
        figures = f" ({reason.observed}, limit {reason.limit} {reason.unit or ''})" if reason.observed else ""
        click.echo(f"{'held because':<12} {reason.text}{figures}")
    if approval.note:
        click.echo(f"{'agent says':<12} {approval.note!r} (untrusted)")


@approvals_group.command("approve")
@click.argument("request_id")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@click.pass_obj
def approve_command(line: CommandLine, request_id: str, yes: bool) -> None:
    """Approve exactly what is shown; the whole pipeline runs again before anything is sent."""
    shown = _ask(line, lambda client: client.approval(request_id))
    if not yes:
        _print_approval(shown.approval)
        click.confirm("Approve exactly this?", abort=True)
    done = _ask(line, lambda client: client.approve(request_id, shown.confirm_token))
    order = done.order
    price = f" at {order.average_price}" if order.average_price else ""
    click.echo(f"approved: order {order.order_id} is {order.state}, {order.filled} filled{price}")


@approvals_group.command("refuse")
@click.argument("request_id")
@click.option("--reason", default="refused", show_default=True, help="Goes into the journal, and to the agent.")
@click.pass_obj
def refuse_command(line: CommandLine, request_id: str, reason: str) -> None:
    """Say no. Doing nothing says no as well, when the time is up."""
    _ask(line, lambda client: client.refuse(request_id, reason))
    click.echo(f"refused: {request_id}")


@click.group("agent")
def agent_group() -> None:
    """Agents and their tokens."""


@agent_group.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("read", "paper"),
    show_default=True,
    help="What the token opens; give it once for each. None implies another.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How long the token is good.")
@click.option("--symbol", "symbols", multiple=True, help="Narrow it to this instrument; give it once for each.")
@json_option
@click.pass_obj
def add_agent(
    line: CommandLine, name: str, scopes: tuple[str, ...], days: int, symbols: tuple[str, ...], as_json: bool
) -> None:
    """Add an agent and show its token, this once."""
    from appliance.domain.agents import AgentScope

    granted = frozenset(AgentScope(scope) for scope in scopes)
    only = frozenset(symbols) or None
    added = _ask(line, lambda client: client.add_agent(name, granted, days, only), offline=True)
    if as_json:
        _print_json(added)
        return
    click.echo(f"agent {added.name} may {', '.join(sorted(scopes))} for {days} days. Its token, shown this once:\n")
    click.echo(f"  {added.token}\n")
    click.echo("Give it as READYTRADER_AGENT_TOKEN to `readytrader mcp`, or as a bearer token over HTTP.")


@agent_group.command("list")
@json_option
@click.pass_obj
def list_agents(line: CommandLine, as_json: bool) -> None:
    """Every agent that was ever added."""
    agents = _ask(line, lambda client: client.agents(), offline=True)
    if as_json:
        _print_json(agents)
    elif not agents:
        click.echo("no agent was added yet; whoever runs as this user may read and trade on paper without one")
    else:
        for agent in agents:
            state = "revoked" if agent.revoked_at else "good" if agent.good else "expired"
            only = "" if agent.symbols is None else f"  only {', '.join(agent.symbols)}"
            click.echo(
                f"{agent.name:<20} {state:<8} {','.join(agent.scopes):<22} until {agent.expires_at:%Y-%m-%d}{only}"
            )


@agent_group.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke_agent(line: CommandLine, name: str) -> None:
    """Close an agent's token for good. Open sessions are refused at their next call."""
    _ask(line, lambda client: client.revoke_agent(name), offline=True)
    click.echo(f"agent {name} is revoked")
