"""`readytrader portfolio`: what is held, what it is worth, and how far it fell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import CommandLine, json_option
from appliance.cli.tables import print_table

if TYPE_CHECKING:
    from appliance.transport.operator_results import PortfolioView


@click.command("portfolio")
@json_option
@click.pass_obj
def portfolio_command(line: CommandLine, as_json: bool) -> None:
    """What is held, what it is worth, and the reference points of the loss limits."""
    portfolio = ask(line, lambda client: client.portfolio())
    if as_json:
        print_json(portfolio)
    else:
        _print_portfolio(portfolio)


def _print_portfolio(portfolio: PortfolioView) -> None:
    if portfolio.holdings:
        rows = [(it.total, it.price or "no sane price", it.value or "") for it in portfolio.holdings]
        print_table(("held", "price", "value"), rows)
    else:
        click.echo("nothing is held")
    click.echo()
    unknown = f"unknown: no sane price for {', '.join(portfolio.unpriced)}" if portfolio.unpriced else "unknown"
    for name, value in (
        ("account", portfolio.account),
        ("equity", portfolio.equity or unknown),
        ("nav", portfolio.nav),
        ("nav at 00:00 UTC", portfolio.nav_day_open),
        ("highest nav", portfolio.nav_peak),
    ):
        click.echo(f"{name:<17} {value or 'unknown'}")
