from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.store.checkpoint import Checkpoint, CheckpointKey, InvalidCheckpoint, Signer, Verifier, parse_unverified
from tests.store.journals import KEY, ORIGIN, OTHER_KEY, VKEY

ROOT = bytes(range(32))
NOTE = Signer(KEY, ORIGIN).sign(7, ROOT)


def test_a_signed_checkpoint_is_read_back_by_the_published_key() -> None:
    checkpoint = Verifier.from_vkey(VKEY).verify(NOTE)
    assert checkpoint == Checkpoint(origin=ORIGIN, size=7, root=ROOT) == parse_unverified(NOTE)


def test_signatures_of_other_keys_are_ignored_and_do_not_count() -> None:
    foreign = Signer(OTHER_KEY, ORIGIN).sign(7, ROOT)
    both = NOTE + foreign.rpartition("\n\n")[2]
    assert Verifier.from_vkey(VKEY).verify(both).size == 7
    with pytest.raises(InvalidCheckpoint, match="no signature by the key"):
        Verifier.from_vkey(VKEY).verify(foreign)


def test_every_changed_byte_of_a_checkpoint_is_noticed() -> None:
    verifier = Verifier.from_vkey(VKEY)
    for at, character in enumerate(NOTE):
        changed = NOTE[:at] + ("A" if character != "A" else "B") + NOTE[at + 1 :]
        with pytest.raises(InvalidCheckpoint):
            verifier.verify(changed)
    for length in range(len(NOTE)):
        with pytest.raises(InvalidCheckpoint):
            verifier.verify(NOTE[:length])


def test_a_signature_has_one_spelling() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert NOTE.endswith("=\n")
    twin = NOTE[:-3] + alphabet[alphabet.index(NOTE[-3]) ^ 1] + "=\n"
    with pytest.raises(InvalidCheckpoint, match="base64"):
        Verifier.from_vkey(VKEY).verify(twin)


@pytest.mark.parametrize("size", ["07", "-1", "", "1e3", "9223372036854775808", "٧"])
def test_a_tree_size_has_one_spelling(size: str) -> None:
    with pytest.raises(InvalidCheckpoint, match="tree size"):
        parse_unverified(NOTE.replace("\n7\n", f"\n{size}\n"))


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "new\nline", "é", "x" * 129])
def test_an_origin_is_a_name_that_signed_note_allows(origin: str) -> None:
    with pytest.raises(InvalidCheckpoint, match="origin"):
        Signer(KEY, origin)


@pytest.mark.parametrize(
    "vkey", ["", "a+b", VKEY.replace("+", "-"), VKEY[:-4], VKEY.replace("test", "tset"), f"{ORIGIN}+00000000+AQ=="]
)
def test_a_damaged_public_key_is_refused(vkey: str) -> None:
    with pytest.raises(InvalidCheckpoint, match="verifier key"):
        Verifier.from_vkey(vkey)


def test_a_key_file_is_for_its_owner_alone_and_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.key"
    key = CheckpointKey.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert CheckpointKey.load(path).verifier(ORIGIN).vkey == key.verifier(ORIGIN).vkey
    with pytest.raises(FileExistsError):
        CheckpointKey.create(path)


def test_a_damaged_key_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.key"
    CheckpointKey.create(path)
    text = path.read_text()
    secret = text.split()[-1]
    for damaged in ("", secret, text.replace(secret, secret[:-4]), text.replace(secret, "!" + secret[1:])):
        path.write_text(damaged)
        with pytest.raises(InvalidCheckpoint) as refused:
            CheckpointKey.load(path)
        assert secret[:16] not in str(refused.value)
