"""An export and a sealed report prove themselves offline: the public key alone finds every change of any byte."""

from __future__ import annotations

import base64
import io
import json
import random
from hashlib import sha256
from pathlib import Path

import pymerkle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.store import export as export_module
from appliance.store.checkpoint import parse_unverified
from appliance.store.export import Export, InvalidFile, verify_export
from appliance.store.seal import Sealer, header_lines, note_in_base64, sealed, verify_sealed
from tests.store.journals import KEY, ORIGIN, OTHER_KEY, VKEY, append_all, make_journal, open_journal

SIZE = 1100


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_journal(tmp_path_factory.mktemp("export"), SIZE)


def exported(path: Path, first: int = 0, last: int | None = None) -> bytes:
    return b"".join(Export(path, first, last).chunks())


def verified(content: bytes, vkey: str = VKEY) -> str:
    return verify_export(io.BytesIO(content), vkey).what


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).map(sorted))
def test_any_range_of_entries_proves_itself(journal: Path, span: list[int]) -> None:
    content = exported(journal, *span)
    assert verified(content) == f"entries {span[0]} to {span[1]}"
    assert content.count(b"\n") == span[1] - span[0] + 2


def test_the_lines_after_the_header_make_the_signed_root_in_a_foreign_tree(journal: Path) -> None:
    header, *lines = exported(journal).splitlines()
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for line in lines:
        tree.append_entry(line)
    assert tree.get_root() == parse_unverified(json.loads(header)["checkpoint"]).root


def test_an_export_is_taken_while_the_journal_grows(tmp_path: Path) -> None:
    with_writer = open_journal(tmp_path)
    append_all(with_writer, 20)
    chunks = Export(tmp_path / "journal.db").chunks()
    header = next(chunks)
    append_all(with_writer, 300)
    assert verified(header + b"".join(chunks)) == "entries 0 to 19"
    with_writer.close()


def test_a_journal_without_entries_is_exported_as_its_header(tmp_path: Path) -> None:
    assert verified(exported(make_journal(tmp_path, 0))) == "no entries"


def test_a_range_that_is_not_there_is_refused(journal: Path) -> None:
    for first, last in ((0, SIZE), (5, 3), (-1, 3), (SIZE + 1, None)):
        with pytest.raises(ValueError, match="entries"):
            Export(journal, first, last)


@pytest.mark.parametrize("span", [(0, 4), (3, 9)])
def test_every_changed_bit_of_an_export_is_found(journal: Path, span: tuple[int, int]) -> None:
    content = exported(journal, *span)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 7)
        with pytest.raises(InvalidFile):
            verified(bytes(changed))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_lines_that_are_dropped_swapped_repeated_or_cut_are_found(journal: Path, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, SIZE - 30))
    content = exported(journal, first, first + data.draw(st.integers(1, 25)))
    lines = content.splitlines(keepends=True)
    place, other = data.draw(st.tuples(*[st.integers(0, len(lines) - 1)] * 2).filter(lambda it: it[0] != it[1]))
    swapped = lines.copy()
    swapped[place], swapped[other] = swapped[other], swapped[place]
    cut = data.draw(st.integers(0, len(content) - 1))
    for changed in (
        b"".join(lines[:place] + lines[place + 1 :]),
        b"".join(swapped),
        b"".join([*lines[: place + 1], *lines[place:]]),
        content[:cut],
        content + lines[-1],
        content + b"\n",
    ):
        with pytest.raises(InvalidFile):
            verified(changed)


def test_the_first_wrong_line_is_named(journal: Path) -> None:
    lines = exported(journal, 10, 40).splitlines(keepends=True)
    lines[7] = lines[7].replace(b'"number":"16"', b'"number":"61"')
    with pytest.raises(InvalidFile, match="line 8: not entry 16 as the journal has it"):
        verified(b"".join(lines))
    with pytest.raises(InvalidFile, match="line 5: expected entry 13, got entry 14"):
        verified(b"".join(lines[:4] + lines[5:]))


def test_in_a_large_export_the_stretch_is_named_and_memory_stays_small(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "PINS_MAX", 64)
    lines = exported(journal).splitlines(keepends=True)
    assert len(json.loads(lines[0])["pins"]) <= 64
    assert verified(b"".join(lines)) == f"entries 0 to {SIZE - 1}"
    lines[101] = lines[101].replace(b'"number":"100"', b'"number":"101"')
    with pytest.raises(InvalidFile, match="lines 98 to 129: not entries 96 to 127"):
        verified(b"".join(lines))


def test_another_key_or_another_journal_is_no_proof(journal: Path, tmp_path: Path) -> None:
    content = exported(journal, 0, 3)
    with pytest.raises(InvalidFile, match="line 1"):
        verified(content, OTHER_KEY.verifier(ORIGIN).vkey)
    with pytest.raises(InvalidFile, match="line 1"):
        verified(content, KEY.verifier("readytrader/other").vkey)


# sealed reports

BODY = b"row,asset,gain\ndisposal,BTC,-1.5\n" * 3


def report(path: Path, *, as_json: bool = False) -> bytes:
    note = Export(path).header.checkpoint
    fields = {"report": "tax", "checkpoint": note_in_base64(note)}
    head = header_lines(fields)
    if as_json:
        head = json.dumps({"format": "readytrader-report/v1", **fields}).encode() + b"\n"
    return b"".join(sealed([head, BODY], Sealer(KEY, ORIGIN), as_json=as_json))


@pytest.mark.parametrize("as_json", [False, True])
def test_a_sealed_report_says_what_it_was_computed_at(journal: Path, *, as_json: bool) -> None:
    proven, fields = verify_sealed(io.BytesIO(report(journal, as_json=as_json)), VKEY)
    assert (proven.what, fields["report"], proven.checkpoint.size) == ("tax report", "tax", SIZE)


@pytest.mark.parametrize("as_json", [False, True])
def test_every_changed_bit_and_every_cut_of_a_sealed_report_is_found(journal: Path, *, as_json: bool) -> None:
    content = report(journal, as_json=as_json)
    chosen = random.Random(7)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << chosen.randrange(8)
        for wrong in (bytes(changed), content[:place], content[:place] + content[place + 1 :]):
            with pytest.raises(InvalidFile):
                verify_sealed(io.BytesIO(wrong), VKEY)


@pytest.mark.parametrize("length", [9, 99, 999])
def test_a_seal_has_one_spelling(length: int) -> None:
    """Base64 has bits at its end that mean nothing; a seal with another spelling of them is not the one written."""
    whole = b"".join(sealed([b"x" * (length - 1) + b"\n"], Sealer(KEY, ORIGIN)))
    word = whole.removesuffix(b"\n").rpartition(b" ")[2]
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    place = len(word.rstrip(b"=")) - 1
    other = word[:place] + letters[letters.index(word[place]) ^ 1 :][:1] + word[place + 1 :]
    with pytest.raises(InvalidFile, match="seal"):
        verify_sealed(io.BytesIO(whole.replace(word, other)), VKEY)


def test_a_seal_can_be_checked_with_two_shell_tools(journal: Path) -> None:
    head, _, last = report(journal).removesuffix(b"\n").rpartition(b"\n")
    note = base64.b64decode(last.split(b" ")[2]).decode()
    digest = sha256(head + b"\n").hexdigest()
    assert f"\nsha256 {digest}\n" in note


def test_a_checkpoint_is_no_seal_and_a_seal_is_no_checkpoint(journal: Path) -> None:
    note = Export(journal).header.checkpoint
    forged = BODY + b"# seal: " + base64.b64encode(note.encode()) + b"\n"
    with pytest.raises(InvalidFile):
        verify_sealed(io.BytesIO(forged), VKEY)
    seal = Sealer(KEY, ORIGIN).note(3, bytes(32))
    header = json.loads(exported(journal, 0, 1).splitlines()[0])
    with pytest.raises(InvalidFile):
        verified(json.dumps(header | {"checkpoint": seal}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
