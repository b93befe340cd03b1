"""`readytrader metrics`: every figure over the operator's socket, for a scrape without HTTP."""

from __future__ import annotations

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import CommandLine, json_option


@click.command("metrics")
@json_option
@click.pass_obj
def metrics_command(line: CommandLine, as_json: bool) -> None:
    """Every figure, in Prometheus' text format: for node_exporter's textfile collector, or to look at."""
    if as_json:
        print_json(ask(line, lambda client: client.metrics()))
    else:
        click.echo(ask(line, lambda client: client.exposition()).text, nl=False)
