"""How the operator's verbs ask the daemon, and print what it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from appliance.cli.context import EXIT_REFUSED, EXIT_UNAVAILABLE, CommandLine

if TYPE_CHECKING:
    from appliance.transport.operator_client import OperatorClient

T = TypeVar("T")


def ask(line: CommandLine, question: Callable[[OperatorClient], T], *, offline: bool = False) -> T:
    """Ask the daemon; without one, and where that is sound, a core of our own that is not started.

    Ends the program with a line and an exit code where nobody answers, or the answer is no.
    """
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


def print_json(value: object) -> None:
    """Print a value for programs."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def print_json_line(value: object) -> None:
    """Print a value for programs that read line by line, at once."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())
    sys.stdout.flush()
