"""The verbs of a person who decides: what waits, everything that it would let happen, yes and no."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json, print_json_line
from appliance.cli.context import CommandLine, ListedAlone, json_option
from appliance.cli.tables import print_table, screen, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from appliance.transport.approval_results import ApprovalDetail

WATCH_S = 1.0
"""How often `watch` looks."""
HEADINGS = ("request", "agent", "what", "at most", "worst price", "agreed", "left")


@click.group("approvals", cls=ListedAlone)
def approvals_group() -> None:
    """What agents asked for and a person must decide. Without a verb: list."""


@approvals_group.command("list")
@json_option
@click.pass_obj
def list_approvals(line: CommandLine, as_json: bool) -> None:
    """What waits for a decision, oldest first."""
    approvals = [_without_token(one) for one in ask(line, lambda client: client.approvals())]
    if as_json:
        print_json(approvals)
    elif not approvals:
        click.echo("nothing waits for a decision")
    else:
        print_table(HEADINGS, _rows(approvals))


def _rows(approvals: Sequence[ApprovalDetail]) -> list[tuple[str, ...]]:
    now = datetime.now(UTC)
    return [
        (
            one.request_id,
            one.agent,
            one.asks,
            one.notional_max,
            one.price_worst or "",
            f"{len(one.approvals_given)} of {one.approvals_needed}",
            _left(one, now),
        )
        for one in approvals
    ]


def _left(approval: ApprovalDetail, now: datetime) -> str:
    """How long it still waits, as minutes and seconds."""
    seconds = max(0, int((approval.expires_at - now).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02}"


def _without_token(approval: ApprovalDetail) -> ApprovalDetail:
    """As it may be printed: a terminal's history is no place for a token."""
    import msgspec

    return msgspec.structs.replace(approval, confirm_token=None)


@approvals_group.command("show")
@click.argument("request_id")
@json_option
@click.pass_obj
def show_approval(line: CommandLine, request_id: str, as_json: bool) -> None:
    """Everything that an approval would let happen, on the facts of now."""
    shown = _without_token(ask(line, lambda client: client.approval(request_id)))
    if as_json:
        print_json(shown)
    else:
        _print_approval(shown)


def _print_approval(approval: ApprovalDetail) -> None:
    quote = approval.quote
    market = f"bid {quote.bid}, ask {quote.ask}, {quote.at:%H:%M:%S} UTC" if quote else "no quote now"
    given = ", ".join(approval.approvals_given) or "nobody yet"
    rows = [
        ("request", approval.request_id),
        ("agent", approval.agent + (", for the first time here" if approval.first_time else "")),
        ("asks", approval.asks),
        ("venue", approval.venue),
        ("notional", f"at most {approval.notional_max}"),
        ("takes", f"at most {approval.pay_max}, fees included"),
        ("fees", f"at most {approval.fee_max}"),
        ("worst price", approval.price_worst or "does not apply"),
        ("market now", market),
        ("until", f"{approval.expires_at:%Y-%m-%d %H:%M:%S} UTC, {_left(approval, datetime.now(UTC))} left"),
        ("state", approval.outcome or approval.state),
        ("agreed", f"{given}; {approval.approvals_needed} must"),
        ("digest", approval.digest),
    ]
    for name, value in rows:
        click.echo(f"{name:<12} {value}")
    for reason in approval.held_because:
        figures = f" ({reason.observed}, limit {reason.limit} {reason.unit or ''})" if reason.observed else ""
        click.echo(f"{'held because':<12} {reason.text}{figures}")
    if approval.note:
        click.echo(f"{'agent says':<12} {approval.note!r} (untrusted)")
    if approval.limits:
        click.echo()
        print_table(
            ("limit", "before", "after", "of", "unit", "used after"),
            [
                (one.name, one.before, one.after, one.limit, one.unit, f"{one.after_pct} %" if one.after_pct else "")
                for one in approval.limits
            ],
        )


@approvals_group.command("approve")
@click.argument("request_id")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@click.pass_obj
def approve_command(line: CommandLine, request_id: str, yes: bool) -> None:
    """Approve exactly what is shown; the whole pipeline runs again before anything is sent.

    Where more than one person must agree, this is one yes, and the last one sends the order.
    """
    shown = ask(line, lambda client: client.approval(request_id))
    if not yes:
        _print_approval(shown)
        click.confirm("Approve exactly this?", abort=True)
    # Without a token the daemon says why this person's yes does not count.
    done = ask(line, lambda client: client.approve(request_id, shown.confirm_token or "none"))
    if done.order is None:
        given = ", ".join(done.approvals_given)
        click.echo(f"agreed: {given}; {done.approvals_needed} different persons must, and nothing is sent before")
        return
    order = done.order.order
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


@approvals_group.command("history")
@click.option("--state", type=click.Choice(["pending", "approved", "refused", "expired"]), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many at most.")
@click.option("--before", help="What the page before said comes next.")
@json_option
@click.pass_obj
def history_command(line: CommandLine, state: str | None, limit: int, before: str | None, as_json: bool) -> None:
    """Proposals and what became of them, the newest first."""
    from appliance.domain.events import ProposalState

    wanted = None if state is None else ProposalState(state)
    page = ask(line, lambda client: client.decided(wanted, limit, before))
    if as_json:
        print_json(page)
        return
    if not page.approvals:
        click.echo("no proposal was made yet")
        return
    rows = [
        (
            one.request_id,
            one.agent,
            one.asks,
            one.state,
            ", ".join(yes.name for yes in one.approvals_given) or one.decided_by or "",
            f"{one.decided_at:%Y-%m-%d %H:%M:%S}" if one.decided_at else "",
            (one.outcome if one.state == "approved" else one.reason) or "",
        )
        for one in page.approvals
    ]
    print_table(("request", "agent", "what", "state", "by", "decided", "why"), rows)
    if page.next is not None:
        click.echo(f"more: --before {page.next}")


@approvals_group.command("watch")
@json_option
@click.option("--count", type=click.IntRange(1), help="Look so many times, then end. Without it: until interrupted.")
@click.pass_obj
def watch_command(line: CommandLine, as_json: bool, count: int | None) -> None:
    """What waits, with the time that is left, kept up to date. With --json a line per proposal when it changes.

    Lines are {"request_id", "state", ...}: `pending` with all that `show` tells, `gone` once it waits no more.
    """
    try:
        if as_json:
            _watch_lines(line, count)
        else:
            _watch_screen(line, count)
    except KeyboardInterrupt:
        click.echo()


def _watch_screen(line: CommandLine, count: int | None) -> None:
    from rich.live import Live

    with Live(console=screen(), auto_refresh=False, transient=False) as live:
        looked = 0
        while count is None or looked < count:
            if looked:
                time.sleep(WATCH_S)
            picture = _picture(ask(line, lambda client: client.approvals()), live.console.width)
            live.update(picture, refresh=True)
            looked += 1
    if not live.console.is_terminal:
        click.echo()


def _picture(approvals: Sequence[ApprovalDetail], width: int) -> RenderableType:
    from rich.text import Text

    if not approvals:
        return Text(f"nothing waits for a decision ({datetime.now(UTC):%H:%M:%S} UTC)")
    return table_of(HEADINGS, _rows(approvals), width)


def _watch_lines(line: CommandLine, count: int | None) -> None:
    told: dict[str, ApprovalDetail] = {}
    looked = 0
    while count is None or looked < count:
        if looked:
            time.sleep(WATCH_S)
        waiting = {one.request_id: _without_token(one) for one in ask(line, lambda client: client.approvals())}
        for request_id in [known for known in told if known not in waiting]:
            del told[request_id]
            print_json_line({"request_id": request_id, "state": "gone"})
        for request_id, one in waiting.items():
            if request_id not in told or told[request_id].approvals_given != one.approvals_given:
                print_json_line(one)
            told[request_id] = one
        looked += 1
