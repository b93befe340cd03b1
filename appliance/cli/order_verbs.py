"""The verbs for orders: which there are, and a person's word on one that nobody could find out about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import CommandLine, Verbs, json_option
from appliance.cli.tables import print_table

if TYPE_CHECKING:
    from appliance.transport.operator_results import OperatorOrder

SHOWN_MAX = 200


@click.group("order", cls=Verbs)
def order_group() -> None:
    """Orders of every agent."""


open_option = click.option("--open", "open_only", is_flag=True, help="Only what may still happen, oldest first.")
symbol_option = click.option("--symbol", help="Only of this instrument.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, SHOWN_MAX), default=50, show_default=True, help="How many at most."
)


@click.command("orders")
@open_option
@symbol_option
@limit_option
@json_option
@click.pass_obj
def orders_command(line: CommandLine, open_only: bool, symbol: str | None, limit: int, as_json: bool) -> None:
    """Orders of all agents as a table, newest first: the same as `order list`."""
    _print_orders(line, open_only, symbol, limit, as_json)


@order_group.command("list")
@open_option
@symbol_option
@limit_option
@json_option
@click.pass_obj
def list_orders(line: CommandLine, open_only: bool, symbol: str | None, limit: int, as_json: bool) -> None:
    """Orders of all agents, newest first."""
    _print_orders(line, open_only, symbol, limit, as_json)


def _print_orders(line: CommandLine, open_only: bool, symbol: str | None, limit: int, as_json: bool) -> None:
    orders = ask(line, lambda client: client.orders(symbol, live_only=open_only, limit=limit))
    if as_json:
        print_json(orders)
    elif not orders:
        click.echo("no order is open" if open_only else "no order was placed yet")
    else:
        print_table(
            ("order", "agent", "venue", "what", "state", "filled", "at", "since"), [_row(order) for order in orders]
        )


@order_group.command("resolve")
@click.argument("order_id", metavar="ID")
@click.argument("outcome", type=click.Choice(["absent", "cancelled"]))
@click.option("--reason", required=True, help="What you saw at the venue; goes into the journal.")
@click.pass_obj
def resolve_command(line: CommandLine, order_id: str, outcome: str, reason: str) -> None:
    """Say what became of order ID, whose outcome is unknown: it never arrived (absent), or it was cancelled unfilled.

    Look at the venue first: from then on nothing is reserved for it. Refused for every order that is not unknown.
    """
    from appliance.transport.operator_wire import Resolution

    resolved = ask(line, lambda client: client.resolve(order_id, Resolution(outcome), reason))
    click.echo(f"order {resolved.order.order_id} is {resolved.order.state}")


def _row(shown: OperatorOrder) -> tuple[str, ...]:
    order = shown.order
    what = " ".join(filter(None, (order.side, order.amount, order.symbol, order.order_type, order.price)))
    return (
        order.order_id,
        shown.agent,
        order.exchange or order.chain or "",
        what,
        order.state + (f" ({order.reason})" if order.reason else ""),
        order.filled,
        order.average_price or "",
        f"{order.updated_at:%Y-%m-%d %H:%M:%S}",
    )
