"""Sealed files: reports that were computed from the journal, and carry the journal's own signature.

A report is text: header lines, the report, and one last line with the seal. The seal is a C2SP signed-note by the key
that signs the journal's checkpoints, over a text that no checkpoint can be:

    readytrader-report/v1
    <the journal's origin>
    <number of bytes before the seal's line>
    sha256 <their SHA-256, in hex>

In CSV and plain text the seal's line is `# seal: ` and the note in base64, and the header's lines are `# name: value`.
In JSON the first line is the report, with its header's fields, and the last one `{"seal":"<the note in base64>"}`. The
field `checkpoint` holds the signed checkpoint that the report was computed at, in base64.

    head -n -1 FILE | sha256sum            # the digest
    tail -n 1 FILE | cut -d' ' -f3 | base64 -d    # the note that signs it
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from appliance.store.checkpoint import CheckpointKey, InvalidCheckpoint, Verifier, parse_unverified
from appliance.store.export import LINE_MAX, InvalidFile, Verified

FORMAT = "readytrader-report/v1"
HEADER_LINES_MAX = 20
_SEAL = re.compile(rb"# seal: ([A-Za-z0-9+/=]+)\n")
_JSON_SEAL = re.compile(rb'\{"seal":"([A-Za-z0-9+/=]+)"\}\n')
_FIELD = re.compile(r"# ([a-z_]+): (.*)")
_JSON_FIELD = re.compile(rb'[{,] ?"([a-z_]+)": ?"([^"\\]*)"')


class Sealer:
    """Signs reports of one journal."""

    def __init__(self, key: CheckpointKey, origin: str) -> None:
        self._key = key
        self.verifier = key.verifier(origin)

    def note(self, length: int, digest: bytes) -> str:
        """The signed note over so many bytes with this SHA-256."""
        text = f"{FORMAT}\n{self.verifier.origin}\n{length}\nsha256 {digest.hex()}\n"
        blob = self.verifier.key_hash + self._key.sign(text)
        return f"{text}\n— {self.verifier.origin} {base64.b64encode(blob).decode('ascii')}\n"


def header_lines(fields: Mapping[str, str]) -> bytes:
    """The header of a CSV or text report. A value has no line break and no comma: spreadsheets keep it in one cell."""
    for name, value in fields.items():
        if not value.isprintable() or "," in value or '"' in value:
            raise ValueError(f"header field {name}: not printable text without comma and quote: {value[:80]!r}")
    lines = {"format": FORMAT, **fields}
    return "".join(f"# {name}: {value}\n" for name, value in lines.items()).encode()


def sealed(chunks: Iterable[bytes], sealer: Sealer | None, *, as_json: bool = False) -> Iterator[bytes]:
    """The chunks, and at the end the seal's line over all of them; without a `sealer` there is none."""
    digest, length = sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        length += len(chunk)
        yield chunk
    if sealer is not None:
        note = base64.b64encode(sealer.note(length, digest.digest()).encode()).decode("ascii")
        yield (f'{{"seal":"{note}"}}\n' if as_json else f"# seal: {note}\n").encode()


def verify_sealed(file: BinaryIO, vkey: str) -> tuple[Verified, dict[str, str]]:
    """Check a sealed report with the public key alone; what it says of itself in its header comes with it.

    Raises `InvalidFile` for what is wrong, and InvalidCheckpoint where `vkey` itself is malformed.
    """
    verifier = Verifier.from_vkey(vkey)
    digest, length, held, head = sha256(), 0, b"", list[bytes]()
    while line := file.readline(LINE_MAX):
        digest.update(held)
        length += len(held)
        if len(head) < HEADER_LINES_MAX:
            head.append(line)
        held = line
    note = _seal_in(held)
    try:
        text = verifier.open(note)
    except InvalidCheckpoint as fault:
        raise InvalidFile(f"the seal in the last line is not good: {fault}") from fault
    expected = f"{FORMAT}\n{verifier.origin}\n{length}\nsha256 {digest.hexdigest()}\n"
    if text != expected:
        raise InvalidFile("the file before its last line is not what was sealed: something was changed, added or lost")
    fields = _fields(head)
    try:
        checkpoint = verifier.verify(note_from_base64(fields.get("checkpoint", "")))
    except InvalidCheckpoint as fault:
        raise InvalidFile(f"the header's checkpoint is not good: {fault}") from fault
    return Verified(what=f"{fields.get('report', 'a')} report", checkpoint=checkpoint), fields


def is_sealed_format(line: bytes) -> bool:
    """Whether a file with this first line claims to be a sealed report."""
    return line.startswith((f"# format: {FORMAT}\n".encode(), f'{{"format":"{FORMAT}"'.encode()))


def note_in_base64(note: str) -> str:
    """A signed note as one word, for a header's field."""
    return base64.b64encode(note.encode()).decode("ascii")


def note_from_base64(word: str) -> str:
    """The note that `note_in_base64` wrote. What is no base64 gives a text that is no note."""
    try:
        return base64.b64decode(word, validate=True).decode("utf-8", "replace")
    except ValueError:
        return ""


def sealer_of(key_file: Path, note: str) -> Sealer | None:
    """Who seals reports of the journal with this checkpoint; None where the key is not there, or is another one's.

    Raises InvalidCheckpoint for a file that is no key, and OSError where it cannot be read.
    """
    if not key_file.exists():
        return None
    sealer = Sealer(CheckpointKey.load(key_file), parse_unverified(note).origin)
    try:
        sealer.verifier.verify(note)
    except InvalidCheckpoint:
        return None
    return sealer


def _seal_in(line: bytes) -> str:
    found = _SEAL.fullmatch(line) or _JSON_SEAL.fullmatch(line)
    if found is None:
        raise InvalidFile("the last line is not a seal: the file is cut off, or was never sealed")
    try:
        note = base64.b64decode(found[1], validate=True)
    except ValueError as fault:
        raise InvalidFile(f"the last line is not a seal: {fault}") from fault
    if base64.b64encode(note) != found[1]:
        raise InvalidFile("the last line is not a seal as it is written")
    return note.decode("utf-8", "replace")


def _fields(head: list[bytes]) -> dict[str, str]:
    """What the header says; its bytes were verified before."""
    if head[0].startswith(b"{"):  # one line, of which only the beginning may be here
        fields, end = dict[str, str](), 0
        while field := _JSON_FIELD.match(head[0], end):
            fields[field[1].decode()], end = field[2].decode("utf-8", "replace"), field.end()
        return fields
    found = (_FIELD.fullmatch(line.decode("utf-8", "replace").rstrip("\n")) for line in head)
    return {match[1]: match[2] for match in found if match is not None}
