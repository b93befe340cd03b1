"""The verbs of a person who decides: what waits, everything that it would let happen, yes and no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import CommandLine, json_option

if TYPE_CHECKING:
    from appliance.transport.operator_results import ApprovalView


@click.group("approvals")
def approvals_group() -> None:
    """What agents asked for and a person must decide."""


@approvals_group.command("list")
@json_option
@click.pass_obj
def list_approvals(line: CommandLine, as_json: bool) -> None:
    """What waits for a decision, oldest first."""
    approvals = ask(line, lambda client: client.approvals())
    if as_json:
        print_json(approvals)
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
    shown = ask(line, lambda client: client.approval(request_id))
    if as_json:
        print_json(shown.approval)
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
    shown = ask(line, lambda client: client.approval(request_id))
    if not yes:
        _print_approval(shown.approval)
        click.confirm("Approve exactly this?", abort=True)
    done = ask(line, lambda client: client.approve(request_id, shown.confirm_token))
    order = done.order
    price = f" at {order.average_price}" if order.average_price else ""
    click.echo(f"approved: order {order.order_id} is {order.state}, {order.filled} filled{price}")


@approvals_group.command("refuse")
@click.argument("request_id")
@click.option("--reason", default="refused", show_default=True, help="Goes into the journal, and to the agent.")
@click.pass_obj
def refuse_command(line: CommandLine, request_id: str, reason: str) -> None:
    """Say no. Doing nothing says no as well, when the time is up."""
    ask(line, lambda client: client.refuse(request_id, reason))
    click.echo(f"refused: {request_id}")
