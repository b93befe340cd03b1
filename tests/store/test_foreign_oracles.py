"""Three implementations that share no code with ours come to the same roots, proofs and checkpoints."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InclusionProof, InmemoryTree
from pymerkle import verify_inclusion as pymerkle_verify_inclusion
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore.errors import VerificationError

from appliance.store.checkpoint import Signer
from appliance.store.merkle import verify_consistency
from appliance.store.proof import prove, prove_growth
from tests.store.journals import KEY, ORIGIN, VKEY, append_all, make_journal, open_journal

SIZES = [1, 2, 3, 255, 256, 257, 511, 600]


def leaves_of(path: Path) -> list[bytes]:
    return [leaf for (leaf,) in apsw.Connection(str(path)).execute("SELECT leaf FROM entry ORDER BY seq").fetchall()]


def parse(text: str) -> tuple[list[bytes], str]:
    """The hashes and the checkpoint of a proof's text, read by nothing of ours."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")[3 if head.startswith("c2sp") else 1 :]
    return [base64.b64decode(line) for line in lines], note


def root_in(note: str) -> bytes:
    return base64.b64decode(note.split("\n")[2])


@pytest.mark.parametrize("size", SIZES)
def test_pymerkle_has_the_same_root_and_accepts_our_inclusion_proofs(tmp_path: Path, size: int) -> None:
    path = make_journal(tmp_path, size)
    tree = InmemoryTree(algorithm="sha256")
    for leaf in leaves_of(path):
        tree.append_entry(leaf)
    for seq in {0, size // 2, size - 1}:
        hashes, note = parse(prove(path, seq))
        theirs = tree.prove_inclusion(seq + 1, size)
        assert theirs.path[1:] == hashes
        ours = InclusionProof("sha256", True, size, seq + 1, theirs.rule, [tree.get_leaf(seq + 1), *hashes])
        pymerkle_verify_inclusion(tree.get_leaf(seq + 1), root_in(note), ours, index=seq + 1, size=size)
    assert tree.get_root() == root_in(note)


@pytest.mark.parametrize("size", SIZES)
def test_sigstore_accepts_our_inclusion_proofs_and_no_others(tmp_path: Path, size: int) -> None:
    path = make_journal(tmp_path, size)
    leaves = leaves_of(path)
    for seq in {0, size // 2, size - 1}:
        hashes, note = parse(prove(path, seq))
        proof = SimpleNamespace(log_index=seq, tree_size=size, hashes=hashes, root_hash=root_in(note))

        def entry_of(leaf: bytes, proof: SimpleNamespace = proof) -> SimpleNamespace:
            return SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=leaf))

        verify_merkle_inclusion(entry_of(leaves[seq]))
        with pytest.raises(VerificationError):
            verify_merkle_inclusion(entry_of(leaves[seq] + b" "))


def test_sigstore_reads_our_checkpoint_and_finds_the_signature_over_its_text(tmp_path: Path) -> None:
    note = parse(prove(make_journal(tmp_path, 5), 0))[1]
    theirs = SignedCheckpoint.from_text(note)
    assert (theirs.checkpoint.origin, theirs.checkpoint.log_size) == (ORIGIN, 5)
    assert bytes.fromhex(theirs.checkpoint.log_hash) == root_in(note)
    (signature,) = theirs.signed_note.signatures
    _, key_hash, key = VKEY.split("+", 2)
    assert (signature.name, signature.sig_hash.hex()) == (ORIGIN, key_hash)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
    public.verify(base64.b64decode(signature.signature), theirs.signed_note.note.encode())


def test_our_growth_proofs_end_in_pymerkles_roots(tmp_path: Path) -> None:
    path = make_journal(tmp_path, 300)
    tree = InmemoryTree(algorithm="sha256")
    for leaf in leaves_of(path):
        tree.append_entry(leaf)
    for old_size in (1, 2, 3, 127, 128, 129, 255, 256, 257, 299, 300):
        hashes, _ = parse(prove_growth(path, old_size))
        verify_consistency(old_size, 300, tree.get_root(old_size), tree.get_root(), hashes)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="aics-tlog needs Python 3.12")
def test_aics_tlog_accepts_our_tiles_checkpoints_and_proofs(tmp_path: Path) -> None:
    from aics_tlog.checkpoint import verify_checkpoint
    from aics_tlog.note import parse_note, parse_vkey
    from aics_tlog.tiles import materialise_tiles, tile_path
    from aics_tlog.tree import MerkleTree, verify_leaf_inclusion
    from aics_tlog.tree import verify_consistency as aics_verify_consistency

    journal = open_journal(tmp_path)
    append_all(journal, 257)
    old = journal.checkpoint
    append_all(journal, 343)
    journal.close()
    path = tmp_path / "journal.db"
    leaves = leaves_of(path)
    tree = MerkleTree(leaves)
    note = parse(prove(path, 0))[1]
    assert verify_checkpoint(parse_note(note), parse_vkey(VKEY), expected_origin=ORIGIN).ok
    forged = Signer(KEY, "readytrader/other").sign(600, tree.root())
    assert not verify_checkpoint(parse_note(forged), parse_vkey(VKEY), expected_origin=ORIGIN).ok
    for seq in (0, 255, 256, 599):
        hashes, _ = parse(prove(path, seq))
        assert hashes == tree.inclusion_proof(seq, 600)
        assert verify_leaf_inclusion(leaves[seq], seq, 600, hashes, root_in(note))
    hashes, _ = parse(prove_growth(path, 257))
    assert hashes == tree.consistency_proof(257, 600)
    assert aics_verify_consistency(257, 600, root_in(old), root_in(note), hashes)
    theirs = materialise_tiles(leaves)
    for level, number, stored in apsw.Connection(str(path)).execute("SELECT * FROM tile").fetchall():
        width = len(stored) // 32
        assert theirs[tile_path(level, number, None if width == 256 else width)] == stored
