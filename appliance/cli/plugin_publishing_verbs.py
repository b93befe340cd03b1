"""`readytrader plugin new | keygen | sign`: what an author of plugins does."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.plugin_words import refuse, refusing

_wheel_type = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("new")
@click.argument("kind", type=click.Choice(["data_source", "exchange", "notifier", "router", "signer"]))
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Default: here.")
def new_command(kind: str, name: str, into: Path) -> None:
    """Write the smallest plugin of a KIND that passes the conformance kit, as a package to go on from."""
    from readytrader_sdk.scaffold import ScaffoldRefused, create

    with refusing():
        try:
            folder = create(kind, name, into)
        except ScaffoldRefused as fault:
            refuse(str(fault))
    click.echo(f"{folder} is written: begin with its README.md")


@click.command("keygen")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def keygen_command(file: Path) -> None:
    """Make a publisher's key in FILE, which only you can read; prints its public half, for those who install."""
    from appliance.plugin_host.wheels.keys import keygen

    with refusing():
        click.echo(keygen(file))


@click.command("sign")
@click.argument("wheel", type=_wheel_type)
@click.option("--key", required=True, type=_wheel_type, help="The file that `keygen` made.")
@click.option("--dependency", "dependencies", multiple=True, type=_wheel_type, help="A wheel that it needs; repeat.")
def sign_command(wheel: Path, key: Path, dependencies: tuple[Path, ...]) -> None:
    """Sign WHEEL in place: every file's hash, what it claims, and the wheels that it needs."""
    from appliance.plugin_host.wheels.publishing import sign

    with refusing():
        manifest = sign(wheel, key, dependencies)
    click.echo(f"{wheel} is signed: {manifest.plugin} {manifest.version}, {len(manifest.files)} files")
    click.echo(f"publisher {manifest.publisher}")
