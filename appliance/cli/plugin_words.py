"""What the plugin verbs share: how they ask, how they refuse, and how they write what comes from elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from appliance.cli.context import EXIT_REFUSED

if TYPE_CHECKING:
    from appliance.config import Configuration
    from appliance.plugin_host.entries import InstalledPlugin, Instance

RESTART = "A running daemon takes it up when it is restarted."
_KEY_SHOWN = 20


@contextmanager
def refusing() -> Iterator[None]:
    """Tell a refusal of a file, a wheel or a change in one line, and end with exit code 1."""
    from appliance.config.editing import EditRefused
    from appliance.plugin_host.secret_files import SecretRefused
    from appliance.plugin_host.wheels.refusal import WheelRefused

    try:
        yield
    except (EditRefused, SecretRefused, WheelRefused) as fault:
        refuse(str(fault))
    except OSError as fault:
        refuse(f"{fault.filename}: {fault.strerror}" if fault.filename else str(fault))


def refuse(text: str) -> NoReturn:
    """End with exit code 1 and this reason."""
    click.echo(f"refused: {text}", err=True)
    sys.exit(EXIT_REFUSED)


def agreed(question: str) -> None:
    """Go on only after a plain yes of a person at a terminal; nothing is the answer no."""
    if not sys.stdin.isatty():
        no_terminal("say --yes to go on without being asked")
    if not click.confirm(question, default=False):
        refuse("nothing is changed")


def no_terminal(advice: str) -> NoReturn:
    """End because nobody can be asked."""
    refuse(f"there is no terminal to ask at; {advice}")


def plain(foreign: str) -> str:
    """Foreign text in full, without what a terminal would act upon: a right that was cut off would be hidden."""
    return "".join(character if character.isprintable() else "?" for character in foreign)


def short_key(publisher: str) -> str:
    """The beginning of a publisher's key, for a table."""
    return publisher if len(publisher) <= _KEY_SHOWN else publisher[:_KEY_SHOWN] + "…"


def the_plugin(configuration: Configuration, name: str) -> InstalledPlugin:
    """The installed plugin of that name."""
    for entry in configuration.plugins:
        if entry.name == name:
            return entry
    installed = ", ".join(entry.name for entry in configuration.plugins) or "none"
    raise click.UsageError(f"no plugin {name} is installed; installed are {installed}")


def the_instance(configuration: Configuration, name: str) -> Instance:
    """The instance of that name, of whatever kind."""
    for instance in configuration.instances:
        if instance.name == name:
            return instance
    known = ", ".join(instance.name for instance in configuration.instances) or "none"
    raise click.UsageError(f"no instance {name} is in the configuration; it has {known}")
