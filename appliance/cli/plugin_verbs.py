"""`readytrader plugin`: what plugins there are, whether they are as they were signed, and which may run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

import click

from appliance.cli.context import EXIT_REFUSED, CommandLine, Verbs, json_option
from appliance.cli.plugin_check_verb import check_command
from appliance.cli.plugin_install_verbs import diff_command, inspect_command, install_command
from appliance.cli.plugin_publishing_verbs import keygen_command, new_command, sign_command
from appliance.cli.plugin_words import (
    RESTART,
    agreed,
    no_terminal,
    refuse,
    refusing,
    short_key,
    the_instance,
    the_plugin,
)
from appliance.cli.tables import print_table

if TYPE_CHECKING:
    from appliance.config import Configuration
    from appliance.plugin_host.cage import CageReport
    from appliance.plugin_host.verification import Finding


@click.group("plugin", cls=Verbs)
def plugin_group() -> None:
    """Plugins: install, verify, enable, give secrets, check; and for authors: new, keygen, sign.

    Exit codes: 0 done or sound, 1 refused or problems found, 2 wrong usage, 3 unusable home.
    """


for command in (
    check_command, diff_command, inspect_command, install_command, keygen_command, new_command, sign_command,
):  # fmt: skip
    plugin_group.add_command(command)


@plugin_group.command("list")
@json_option
@click.pass_obj
def list_command(line: CommandLine, as_json: bool) -> None:
    """Every plugin: built in, installed, or beside the appliance and not used; and what is wrong with it."""
    rows = list(_rows(line))
    if as_json:
        click.echo(json.dumps(rows))
        return
    _print_table(rows)


def _rows(line: CommandLine) -> Iterator[dict[str, object]]:
    from appliance import __version__
    from appliance.plugin_host.catalog import built_ins, installed_beside
    from appliance.plugin_host.verification import wrong_with_plugin

    configuration = line.configuration()
    for name, plugin in built_ins().items():
        yield {
            "name": name,
            "origin": "built-in",
            "version": __version__,
            "kinds": list(plugin.claims.kinds),
            "enabled": True,
            "instances": _instances(configuration, name),
            "publisher": "",
            "wrong": [],
        }
    for entry in configuration.plugins:
        yield {
            "name": entry.name,
            "origin": "installed",
            "version": entry.version,
            "kinds": list(entry.kinds),
            "enabled": entry.enabled,
            "instances": _instances(configuration, entry.name),
            "publisher": entry.publisher,
            "wrong": list(wrong_with_plugin(entry, line.home)),
        }
    for beside in installed_beside():
        yield {
            "name": beside.plugin,
            "origin": f"pip ({beside.distribution})",
            "version": beside.version,
            "kinds": [],
            "enabled": False,
            "instances": [],
            "publisher": "",
            "wrong": ["installed with pip: not used; readytrader plugin install"],
        }


def _instances(configuration: Configuration, plugin: str) -> list[str]:
    return [instance.name for instance in configuration.instances if instance.plugin == plugin]


def _print_table(rows: Sequence[dict[str, object]]) -> None:
    from rich.text import Text

    cells: list[tuple[str | Text, ...]] = []
    for row in rows:
        state = "enabled" if row["enabled"] else "disabled" if row["origin"] == "installed" else "not used"
        names = (row["name"], row["origin"], row["version"], _listed(row["kinds"]), state, _listed(row["instances"]))
        publisher, wrong = short_key(str(row["publisher"])), Text(_listed(row["wrong"]), style="red")
        cells.append((*map(str, names), publisher, wrong))
    print_table(("plugin", "origin", "version", "kinds", "state", "instances", "publisher", "wrong"), cells)


def _listed(values: object) -> str:
    return ", ".join(map(str, values)) if isinstance(values, list) else str(values)


@plugin_group.command("verify")
@click.argument("name", required=False)
@json_option
@click.pass_obj
def verify_command(line: CommandLine, name: str | None, as_json: bool) -> None:
    """Verify NAME, or every installed plugin, from the disk, and what this kernel has of the cage. Loads nothing."""
    from appliance.plugin_host.cage import available
    from appliance.plugin_host.verification import verify_plugins

    configuration = line.configuration()
    if name is not None:
        the_plugin(configuration, name)
    findings = verify_plugins(configuration, line.home, name)
    cage = available()
    lacking = [measure for measure in sorted(configuration.cage_required) if measure in cage.missing]
    sound = not lacking and not any(finding.wrong for finding in findings)
    if as_json:
        walls = {
            measure: {"state": state, "required": measure in configuration.cage_required}
            for measure, state in cage.measures.items()
        }
        found = [{"subject": finding.subject, "wrong": list(finding.wrong)} for finding in findings]
        click.echo(json.dumps({"ok": sound, "findings": found, "cage": walls}))
    else:
        _print_findings(findings)
        _print_cage(cage, configuration)
    if not sound:
        sys.exit(EXIT_REFUSED)


def _print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        _print_verdict("wrong" if finding.wrong else "sound", finding.subject)
        for text in finding.wrong:
            click.echo(f"       {text}")


def _print_cage(cage: CageReport, configuration: Configuration) -> None:
    for measure, state in cage.measures.items():
        required = measure in configuration.cage_required
        title = f"cage: {measure}{' (required)' if required else ''}"
        if state == "on":
            _print_verdict("sound", title)
        else:
            _print_verdict("wrong" if required else "lacks", f"{title}: {state}")


def _print_verdict(verdict: str, subject: str) -> None:
    colour = {"sound": "green", "lacks": "yellow"}.get(verdict, "red")
    click.echo(f"{click.style(verdict, fg=colour)}  {subject}")


@plugin_group.command("enable")
@click.argument("name")
@click.pass_obj
def enable_command(line: CommandLine, name: str) -> None:
    """Let instances of NAME run again."""
    _set_enabled(line, name, enabled=True)


@plugin_group.command("disable")
@click.argument("name")
@click.pass_obj
def disable_command(line: CommandLine, name: str) -> None:
    """Let no instance of NAME run. Refused while the configuration has one."""
    _set_enabled(line, name, enabled=False)


def _set_enabled(line: CommandLine, name: str, *, enabled: bool) -> None:
    from appliance.config.editing import enable_plugin

    with refusing():
        enable_plugin(line.home.config, os.environ, name, enabled=enabled)
    click.echo(f"{name} is {'enabled' if enabled else 'disabled'}. {RESTART}")


@plugin_group.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_command(line: CommandLine, name: str, yes: bool) -> None:
    """Take NAME out of the configuration and of the plugins folder. Refused while an instance uses it.

    Secrets and state of its former instances stay.
    """
    from appliance.config.editing import drop_plugin
    from appliance.plugin_host.wheels.folder import remove

    configuration = line.configuration()
    entry = the_plugin(configuration, name)
    users = _instances(configuration, name)
    if users:
        refuse(f"{name} is used by {', '.join(users)}; take these out of {line.home.config} first")
    if not yes:
        agreed(f"Remove {name} {entry.version}?")
    with refusing():
        drop_plugin(line.home.config, os.environ, name)
        # What the configuration does not name is never loaded: an end here leaves a folder that `verify` tells.
        if (line.home.plugins / name).exists():
            remove(line.home.plugins / name)
    click.echo(f"{name} is removed. {RESTART}")


@plugin_group.command("secret", context_settings={"allow_extra_args": True})
@click.argument("name")
@click.argument("secret")
@click.option("--from-file", type=click.File("rb"), help="Read it from a file; - is standard input.")
@click.pass_context
def secret_command(context: click.Context, name: str, secret: str, from_file: BinaryIO | None) -> None:
    """Give the instance NAME its SECRET: asked for without echo, kept in a file that its worker alone is given.

    Where there is no terminal it is read from standard input, and never from an argument, which others could see. A
    live exchange NAME has another key as NAME-watchdog, for the watchdog process.
    """
    from appliance.plugin_host.catalog import WATCHDOG, optional_secrets_of, secrets_of
    from appliance.plugin_host.secret_files import write_secret
    from appliance.plugin_host.worker.credentials import BYTES_MAX

    if context.args:  # told without repeating it
        raise click.UsageError("a secret is no argument: it would be in the shell's history and in the process table")
    line: CommandLine = context.obj
    configuration = line.configuration()
    instance = the_instance(configuration, name.removesuffix(WATCHDOG))
    if name.endswith(WATCHDOG) and instance not in configuration.live_exchanges:
        refuse(f"{name}: the watchdog has keys of its own for live exchanges alone")
    plugin = instance.plugin
    known = (
        *secrets_of(configuration, line.home, plugin),
        *optional_secrets_of(configuration, line.home, plugin),
    )
    if secret not in known:
        claimed = ", ".join(known) or "none"
        refuse(f"plugin {instance.plugin} has no secret {secret}; it has {claimed}")
    with refusing():
        value = from_file.read(BYTES_MAX + 1) if from_file is not None else _asked(f"{secret} of {name}", BYTES_MAX)
        path = write_secret(line.home, name, secret, value)
    click.echo(f"{path} is written. {RESTART}")


def _asked(title: str, bytes_max: int) -> bytes:
    """What a person types, or a program writes: one byte more than may be, so that too much is seen."""
    if not sys.stdin.isatty():
        value = sys.stdin.buffer.read(bytes_max + 1)
        return value or no_terminal("write the secret to standard input, or give its file with --from-file")
    answer: str = click.prompt(title, hide_input=True, confirmation_prompt="Once more")
    return answer.encode()
