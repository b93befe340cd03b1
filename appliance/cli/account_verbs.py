"""The verbs for operators' accounts: who may sign in to the page and the API, and as what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import CommandLine, Verbs, json_option
from appliance.cli.tables import print_table

if TYPE_CHECKING:
    from appliance.transport.operator_client import OperatorClient

ROLES = ("viewer", "operator", "admin")
role_option = click.option(
    "--role", type=click.Choice(ROLES), default="operator", show_default=True, help="What they may do."
)


@click.group("operator", cls=Verbs)
def operator_group() -> None:
    """Operators: who may sign in to the page and the API.

    A password comes from a prompt or from standard input, never from an argument. Works without a daemon, too.
    """


@operator_group.command("add")
@click.argument("name")
@role_option
@click.option("--uid", type=click.IntRange(0), help="This Unix user is them, on the operators' socket.")
@click.pass_obj
def add_operator(line: CommandLine, name: str, role: str, uid: int | None) -> None:
    """Add an account. Further factors are set up on the page, or with `operator totp`."""
    from appliance.domain.operators import Role

    password = _password(f"Password for {name}")
    ask(line, lambda client: client.add_operator(name, Role(role), password, uid), offline=True)
    click.echo(f"{name} may sign in as {role}")


@operator_group.command("list")
@json_option
@click.pass_obj
def list_operators(line: CommandLine, as_json: bool) -> None:
    """Every account that was ever added."""
    accounts = ask(line, lambda client: client.operators(), offline=True)
    if as_json:
        print_json(accounts)
    elif not accounts:
        click.echo("nobody has an account yet: readytrader operator add NAME --role admin")
    else:
        rows = [
            (
                it.username,
                "disabled" if it.disabled_at else it.role,
                "" if it.uid is None else str(it.uid),
                " and ".join([*(["codes"] if it.totp else []), *([f"{it.passkeys} passkeys"] if it.passkeys else [])]),
                f"{it.created_at:%Y-%m-%d}",
            )
            for it in accounts
        ]
        print_table(("name", "role", "uid", "second factor", "added"), rows)


@operator_group.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@click.pass_obj
def set_role(line: CommandLine, name: str, role: str) -> None:
    """Change what somebody may do, from their next call on."""
    from appliance.domain.operators import Role

    ask(line, lambda client: client.set_operator_role(name, Role(role)), offline=True)
    click.echo(f"{name} is {role}")


@operator_group.command("password")
@click.argument("name")
@click.pass_obj
def set_password(line: CommandLine, name: str) -> None:
    """Set somebody's password. Their sessions end."""
    password = _password(f"New password for {name}")
    ask(line, lambda client: client.set_operator_password(name, password), offline=True)
    click.echo(f"{name} has a new password; every session of theirs is over")


@operator_group.command("bind")
@click.argument("name")
@click.option("--uid", type=click.IntRange(0), help="The Unix user that is them; without it, none is.")
@click.pass_obj
def bind_operator(line: CommandLine, name: str, uid: int | None) -> None:
    """Say which Unix user is this person, on the operators' socket; they then have their role there, too."""
    ask(line, lambda client: client.bind_operator(name, uid), offline=True)
    click.echo(f"{name} is uid {uid}" if uid is not None else f"no Unix user is {name}")


@operator_group.command("totp")
@click.argument("name")
@click.pass_obj
def set_up_codes(line: CommandLine, name: str) -> None:
    """Set up one-time codes: shows a secret for an authenticator app, this once, and asks for a code of it."""

    def set_up(client: OperatorClient) -> None:
        codes = client.begin_operator_codes(name)
        click.echo(f"secret  {codes.secret}\nURI     {codes.uri}\n", err=True)
        client.confirm_operator_codes(name, _line("A code that the app shows now"))

    ask(line, set_up, offline=True)
    click.echo(f"{name} needs a one-time code to sign in from now on")


@operator_group.command("disable")
@click.argument("name")
@click.pass_obj
def disable_operator(line: CommandLine, name: str) -> None:
    """Close an account. Its sessions end at once."""
    _change(line, name, "disable")
    click.echo(f"{name} is disabled")


@operator_group.command("enable")
@click.argument("name")
@click.pass_obj
def enable_operator(line: CommandLine, name: str) -> None:
    """Open a closed account again."""
    _change(line, name, "enable")
    click.echo(f"{name} may sign in again")


@operator_group.command("forget-factors")
@click.argument("name")
@click.pass_obj
def forget_factors(line: CommandLine, name: str) -> None:
    """Take away codes and passkeys, for somebody who lost their device. Their sessions end."""
    _change(line, name, "forget_factors")
    click.echo(f"{name} has no second factor any more")


@operator_group.command("unlock")
@click.argument("name")
@click.pass_obj
def unlock_operator(line: CommandLine, name: str) -> None:
    """Let somebody try again at once after wrong passwords. The wait ends by itself, too: five minutes at most."""
    _change(line, name, "unlock")
    click.echo(f"{name} may try again")


def _change(line: CommandLine, name: str, change: str) -> None:
    from appliance.transport.account_wire import OperatorDeed

    ask(line, lambda client: client.change_operator(name, OperatorDeed(change)), offline=True)


def _password(prompt: str) -> str:
    """Asked for twice at a terminal; elsewhere the first line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def _line(prompt: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(prompt, err=True))
    return sys.stdin.readline().strip()
