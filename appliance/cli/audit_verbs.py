"""`readytrader audit`: verify, prove and export the journal. Needs the file alone, beside a daemon or without one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from appliance.cli.context import EXIT_DAMAGED, CommandLine, Verbs, json_option
from appliance.cli.report_verbs import tax_command
from appliance.cli.writing import report_files, write_out, write_sealed


@click.group("audit", cls=Verbs)
def audit_group() -> None:
    """Verify, prove and export the journal. Exit codes: 0 whole, 2 wrong usage, 4 damaged."""


@audit_group.command("verify")
@click.option("--journal", type=click.Path(path_type=Path, exists=True), help="The file; default: the one in the home.")
@click.option("--vkey", help="The public key as text, as printed by `init`; default: the one in the home.")
@click.option(
    "--checkpoint",
    "checkpoint_path",
    type=click.Path(path_type=Path, exists=True),
    help="A checkpoint kept elsewhere: finds what even the owner of the key changed since.",
)
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Check a file that was exported, or a report, instead: offline, with the public key alone. "
    "With --journal a report is computed again as well.",
)
@json_option
@click.pass_obj
def verify_command(
    line: CommandLine,
    journal: Path | None,
    vkey: str | None,
    checkpoint_path: Path | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Check every entry, tile, record and signature; tell everything that is not as it was written."""
    if file is not None:
        _verify_file(file, vkey or line.vkey(), journal, as_json=as_json)
        return
    from appliance.store.audit import verify
    from appliance.store.checkpoint import InvalidCheckpoint

    path = journal or line.home.journal
    old = checkpoint_path.read_text() if checkpoint_path else None
    try:
        if as_json or not sys.stderr.isatty():
            report = verify(path, vkey or line.vkey(), old)
        else:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task("verify", total=None)
                report = verify(
                    path,
                    vkey or line.vkey(),
                    old,
                    lambda done, total: progress.update(task, completed=done, total=total),
                )
    except InvalidCheckpoint as fault:
        raise click.UsageError(str(fault)) from fault
    findings = [{"entry": finding.seq, "text": finding.text} for finding in report.findings]
    if as_json:
        click.echo(
            json.dumps(
                {
                    "whole": report.whole,
                    "entries": report.size,
                    "records": report.records,
                    "root": report.root.hex(),
                    "signed": report.signed,
                    "findings": findings,
                }
            )
        )
    else:
        for finding in report.findings:
            where = "" if finding.seq is None else f"entry {finding.seq}: "
            click.echo(click.style("FAIL ", fg="red") + where + finding.text)
        _tell_verdict(report.whole, report.signed, report.size, report.records, report.root.hex())
    if not report.whole:
        sys.exit(EXIT_DAMAGED)


def _verify_file(file: Path, vkey: str | None, journal: Path | None, *, as_json: bool) -> None:
    from appliance.service.file_check import check_file
    from appliance.store.checkpoint import InvalidCheckpoint
    from appliance.store.export import InvalidFile

    if vkey is None:
        raise click.UsageError("no public key: give --vkey")
    try:
        proven = check_file(file, vkey, journal)
    except InvalidCheckpoint as fault:
        raise click.UsageError(str(fault)) from fault
    except InvalidFile as fault:
        if as_json:
            click.echo(json.dumps({"whole": False, "findings": [{"text": str(fault)}]}))
        else:
            click.echo(click.style("FAIL ", fg="red") + f"{file}: {fault}")
        sys.exit(EXIT_DAMAGED)
    checkpoint = proven.checkpoint
    if as_json:
        known = {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
        click.echo(json.dumps({"whole": True, "what": proven.what, "checkpoint": known, "findings": []}))
        return
    again = "" if journal is None else ", and is what the journal gives"
    click.echo(click.style("OK ", fg="green") + f"{proven.what}, as written{again}")
    click.echo(f"   journal {checkpoint.origin} at {checkpoint.size} entries, root {checkpoint.root.hex()}")


def _tell_verdict(whole: bool, signed: bool, size: int, records: int, root: str) -> None:
    if not whole:
        click.echo(click.style("the journal is not as it was written", fg="red", bold=True))
        return
    key = "signature good" if signed else "signature NOT checked (no public key given)"
    click.echo(click.style("OK ", fg="green") + f"{size} entries, {records} records, {key}")
    click.echo(f"   root {root}")


@audit_group.command("prove")
@click.argument("entry", type=click.IntRange(min=0))
@click.option("--journal", type=click.Path(path_type=Path, exists=True), help="The file; default: the one in the home.")
@click.pass_obj
def prove_command(line: CommandLine, entry: int, journal: Path | None) -> None:
    """Print a proof that ENTRY is in the journal: a text for whoever has the public key and nothing else."""
    from appliance.store.proof import prove

    try:
        click.echo(prove(journal or line.home.journal, entry), nl=False)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from fault


@audit_group.command("check-proof")
@click.argument("proof", type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option("--vkey", help="The public key as text; default: the one in the home.")
@click.pass_obj
def check_proof_command(line: CommandLine, proof: Path, vkey: str | None) -> None:
    """Verify a PROOF made by `audit prove` (a file, or - for standard input) and print the entry that it proves."""
    from appliance.store.checkpoint import InvalidCheckpoint
    from appliance.store.merkle import InvalidProof
    from appliance.store.proof import verify_proof

    key = vkey or line.vkey()
    if key is None:
        raise click.UsageError("no public key: give --vkey")
    try:
        with click.open_file(str(proof)) as file:
            proven = verify_proof(file.read(), key)
    except (InvalidProof, InvalidCheckpoint) as fault:
        click.echo(click.style("FAIL ", fg="red") + str(fault))
        sys.exit(EXIT_DAMAGED)
    click.echo(
        click.style("OK ", fg="green")
        + f"entry {proven.entry.seq} ({proven.entry.kind}, {proven.entry.at}) is in the journal of "
        + f"{proven.checkpoint.size} entries named {proven.checkpoint.origin}"
    )
    click.echo(bytes(proven.entry.body).decode())


@audit_group.command("export")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv", "tax-csv"]),
    default="jsonl",
    show_default=True,
    help="What to write.",
)
@click.option("--from", "first", type=click.IntRange(min=0), default=0, help="The first entry; default: the oldest.")
@click.option("--to", "last", type=click.IntRange(min=0), help="The last entry, included; default: the newest.")
@click.option("--output", type=click.Path(path_type=Path), help="The file to write; default: standard output.")
@click.option("--journal", type=click.Path(path_type=Path, exists=True), help="The file; default: the one in the home.")
@click.pass_context
def export_command(
    context: click.Context, form: str, first: int, last: int | None, output: Path | None, journal: Path | None
) -> None:
    """Write entries with their proofs as JSON lines, or in words as CSV; tax-csv: as `report tax`, first in first out.

    `audit verify --file` checks each of them with the public key alone.
    """
    from appliance.store.export import Export

    if form == "tax-csv":
        if first or last is not None:
            raise click.UsageError("tax-csv takes no --from and no --to: gains need every entry from the first on")
        context.invoke(tax_command, method="fifo", output=output, journal=journal)
        return
    line: CommandLine = context.obj
    path = journal or line.home.journal
    try:
        export = Export(path, first, last)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from fault
    if form == "jsonl":
        write_out(export.chunks(), output)
    else:
        export.close()
        write_sealed(
            line,
            path,
            output,
            lambda source, sealer: report_files().journal_csv(source, sealer, first, export.header.last),
        )
    click.echo(f"{export.count} entries exported", err=True)
