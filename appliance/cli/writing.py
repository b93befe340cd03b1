"""Writes what was taken out of the journal to a file, or to standard output, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click

from appliance.cli.context import CommandLine

if TYPE_CHECKING:
    from appliance.service.report_files import Source
    from appliance.store.seal import Sealer


def report_files() -> ModuleType:
    """The module that makes reports, imported when one is asked for."""
    from appliance.service import report_files as module

    return module


def write_out(chunks: Iterable[bytes], output: Path | None) -> None:
    """Write everything, to a file or to standard output."""
    with click.open_file(str(output or "-"), "wb") as out:
        for chunk in chunks:
            out.write(chunk)


def write_sealed(
    line: CommandLine,
    journal: Path,
    output: Path | None,
    make: Callable[[Source, Sealer | None], Iterator[bytes]],
) -> None:
    """Write a report of a journal, sealed with the key in the home where that is the journal's own."""
    from appliance.store.seal import sealer_of

    source = report_files().Source(journal)
    try:
        sealer = sealer_of(line.home.checkpoint_key, source.note)
        if sealer is None:
            click.echo("not sealed: the key that signs this journal is not in the home", err=True)
        write_out(make(source, sealer), output)
    finally:
        source.close()
