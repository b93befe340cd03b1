"""Checks a file that was taken out: offline with the public key alone, and against the journal where it is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from appliance.service.report_files import NotMade, Source, made_again
from appliance.store.checkpoint import Checkpoint
from appliance.store.export import LINE_MAX, InvalidFile, Verified, verify_export
from appliance.store.proof import root_at
from appliance.store.seal import is_sealed_format, note_from_base64, verify_sealed


def check_file(path: Path, vkey: str, journal: Path | None = None) -> Verified:
    """What the file was proven to be.

    With a `journal`, its entries must be those that the file's checkpoint covers, and a report must come out of them
    again to the byte. Raises `InvalidFile` for the first thing that is wrong, InvalidCheckpoint where `vkey` is
    malformed, OSError where the file cannot be read, JournalUnavailable and JournalCorrupt where the journal cannot.
    """
    with path.open("rb") as file:
        first = file.readline(LINE_MAX)
        file.seek(0)
        if not is_sealed_format(first):
            proven = verify_export(file, vkey)
            if journal is not None:
                _require_same_log(journal, proven.checkpoint)
            return proven
        proven, fields = verify_sealed(file, vkey)
        if journal is not None:
            _require_same_log(journal, proven.checkpoint)
            file.seek(0)
            source = Source(journal, note_from_base64(fields["checkpoint"]))
            try:
                _compare(file, made_again(fields, source, as_json=first.startswith(b"{")))
            except NotMade as fault:
                raise InvalidFile(str(fault)) from fault
            finally:
                source.close()
        return proven


def _require_same_log(journal: Path, checkpoint: Checkpoint) -> None:
    found = root_at(journal, checkpoint.size)
    if found is None:
        raise InvalidFile(f"the journal has fewer than the {checkpoint.size} entries that the file's checkpoint covers")
    if found != checkpoint.root:
        raise InvalidFile(f"the first {checkpoint.size} entries of the journal are not those of the file's checkpoint")


def _compare(file: BinaryIO, chunks: Iterator[bytes]) -> None:
    """The file but for its last line must be what the journal gives."""
    number = 1
    for chunk in chunks:  # pieces of whole lines, or of one long one
        for line in chunk.splitlines(keepends=True):
            if file.read(len(line)) != line:
                given = line[:120].decode("utf-8", "replace")
                raise InvalidFile(f"line {number}: not what the journal gives, which is {given!r}")
            number += line.endswith(b"\n")
    file.readline(LINE_MAX)
    if file.read(1):
        raise InvalidFile(f"line {number}: the journal gives no more lines")
