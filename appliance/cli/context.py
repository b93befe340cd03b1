"""What every verb is given, and the exit codes that all verbs share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.home import Home

if TYPE_CHECKING:
    from appliance.config import Configuration

EXIT_REFUSED = 1
"""What was asked was refused, or a check found problems."""
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3
"""No daemon answers, or the home cannot be used."""
EXIT_DAMAGED = 4
"""The journal or a proof is not as it was written."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


class Verbs(click.Group):
    """A group whose help tells of each verb a whole sentence, on as many lines as it takes."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Click's own cuts each at the end of its line."""
        verbs = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.get_short_help_str(1000)) for name, verb in verbs if verb is not None])


class ListedAlone(Verbs):
    """Verbs of which `list` is meant where none is named: with that verb's own options, and its exit codes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """An option that does not ask for help is the list's: `limits --json` is `limits list --json`."""
        named = args and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["list", *args])


class CommandLine:
    """The home that the options and the environment name."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @property
    def config_path(self) -> Path | None:
        """The configuration file, or None when there is none and none was asked for by name."""
        named = self.home.config != self.home.root / "readytrader.toml"
        return self.home.config if named or self.home.config.exists() else None

    def configuration(self) -> Configuration:
        """The checked configuration. Raises `ConfigurationError` with every problem."""
        from appliance.config import load

        return load(self.config_path, os.environ)

    def vkey(self) -> str | None:
        """The journal's public key as `init` or the first start wrote it, or None."""
        return self.home.vkey.read_text().strip() if self.home.vkey.exists() else None
