from __future__ import annotations

import base64
from pathlib import Path

import apsw
import pytest

from appliance.store.checkpoint import InvalidCheckpoint
from appliance.store.merkle import InvalidProof
from appliance.store.proof import prove, prove_growth, verify_growth, verify_proof
from tests.store.journals import KEY, ORIGIN, OTHER_KEY, VKEY, append_all, make_journal, open_journal


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 511, 700])
def test_every_entry_can_be_proven_to_whoever_has_the_public_key(tmp_path: Path, count: int) -> None:
    path = make_journal(tmp_path, count)
    for seq in {0, 1 % count, count // 2, 255 % count, 256 % count, count - 1}:
        proven = verify_proof(prove(path, seq), VKEY)
        assert (proven.entry.seq, bytes(proven.entry.body), proven.checkpoint.size) == (
            seq,
            b'{"number":"%d"}' % seq,
            count,
        )


def test_a_proof_has_the_shape_that_other_tools_read(tmp_path: Path) -> None:
    path = make_journal(tmp_path, 5)
    lines = prove(path, 3).split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert base64.b64decode(lines[1].removeprefix("extra ")).startswith(b'{"seq":3,')
    assert lines[2] == "index 3"
    assert [len(base64.b64decode(line)) for line in lines[3:6]] == [32, 32, 32]
    assert lines[6:9] == ["", ORIGIN, "5"]


def test_every_changed_character_of_a_proof_is_noticed(tmp_path: Path) -> None:
    text = prove(make_journal(tmp_path, 5), 3)
    for at in range(len(text)):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises((InvalidProof, InvalidCheckpoint)):
            verify_proof(changed, VKEY)


def test_a_proof_signed_by_another_key_is_refused(tmp_path: Path) -> None:
    text = prove(make_journal(tmp_path, 5), 3)
    with pytest.raises(InvalidCheckpoint, match="no signature"):
        verify_proof(text, OTHER_KEY.verifier(ORIGIN).vkey)


@pytest.mark.parametrize("seq", [-1, 5])
def test_what_is_not_in_the_journal_is_not_proven(tmp_path: Path, seq: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        prove(make_journal(tmp_path, 5), seq)


@pytest.mark.parametrize("old_size", [0, 1, 2, 255, 256, 257, 300])
def test_a_journal_is_proven_to_have_only_grown(tmp_path: Path, old_size: int) -> None:
    journal = open_journal(tmp_path)
    append_all(journal, old_size)
    old = journal.checkpoint
    append_all(journal, 300 - old_size)
    journal.close()
    text = prove_growth(tmp_path / "journal.db", old_size)
    assert verify_growth(text, VKEY, old).size == 300


def test_a_journal_that_was_rewritten_cannot_be_proven_to_have_grown(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    old = apsw.Connection(str(make_journal(first, 5))).execute("SELECT note FROM checkpoint").get
    assert isinstance(old, str)
    journal = open_journal(second)
    append_all(journal, 1)
    append_all(journal, 9)
    journal.close()
    with pytest.raises(InvalidProof, match="old root"):
        verify_growth(prove_growth(second / "journal.db", 5), VKEY, old)
    with pytest.raises(InvalidProof, match="from 5 entries"):
        verify_growth(prove_growth(second / "journal.db", 4), VKEY, old)
    with pytest.raises(ValueError, match="beginning"):
        prove_growth(second / "journal.db", 11)
    assert KEY.verifier(ORIGIN).vkey == VKEY
