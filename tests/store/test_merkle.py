from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.store.merkle import (
    EMPTY_ROOT,
    Edge,
    InvalidProof,
    NodeReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_reader,
    root_of,
    verify_consistency,
    verify_inclusion,
)

BOUNDARIES = [1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537]

# The inputs, roots and proofs of the Certificate Transparency reference implementation's own tests.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class StoredTree:
    """An edge with the tiles that it asked to be stored."""

    def __init__(self, leaves: list[bytes], *, step: int | None = None) -> None:
        self.edge = Edge()
        self.tiles: dict[tuple[int, int], bytes] = {}
        hashes = [leaf_hash(leaf) for leaf in leaves]
        for start in range(0, len(hashes), step or max(1, len(hashes))):
            self.edge, tiles = self.edge.grow(hashes[start : start + (step or len(hashes))])
            self.tiles.update({(tile.level, tile.number): tile.hashes for tile in tiles})

    @property
    def node(self) -> NodeReader:
        return node_reader(lambda level, number: self.tiles.get((level, number)) or self.edge.open_tile(level))


def leaves_of(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def recursive_root(hashes: list[bytes]) -> bytes:
    """The definition of RFC 9162 section 2.1.1, word by word."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + recursive_root(hashes[:split]) + recursive_root(hashes[split:])).digest()


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Edge().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_certificate_transparency_tests(size: int) -> None:
    assert StoredTree(CT_LEAVES[:size]).edge.root().hex() == CT_ROOTS[size - 1]


@pytest.mark.parametrize("sizes", CT_CONSISTENCY)
def test_consistency_proofs_are_those_of_the_certificate_transparency_tests(sizes: tuple[int, int]) -> None:
    tree = StoredTree(CT_LEAVES)
    assert [digest.hex() for digest in consistency_proof(*sizes, tree.node)] == CT_CONSISTENCY[sizes]


@pytest.mark.parametrize("size", BOUNDARIES)
def test_the_edge_and_the_tiles_give_the_root_of_the_definition(size: int) -> None:
    leaves = leaves_of(size)
    tree = StoredTree(leaves, step=1000)
    expected = recursive_root([leaf_hash(leaf) for leaf in leaves])
    assert tree.edge.root() == expected
    assert root_of(size, tree.node) == expected


@pytest.mark.parametrize("size", BOUNDARIES)
def test_an_edge_restored_from_its_open_tiles_grows_on_as_before(size: int) -> None:
    tree = StoredTree(leaves_of(size))
    restored = Edge.restore(size, {level: tree.edge.open_tile(level) for level in range(4)})
    assert restored.root() == tree.edge.root()
    assert restored.grow([leaf_hash(b"next")])[0].root() == tree.edge.grow([leaf_hash(b"next")])[0].root()


def test_an_edge_is_not_restored_from_a_tile_of_the_wrong_width() -> None:
    with pytest.raises(ValueError, match="level 0: expected 2 hashes"):
        Edge.restore(2, {0: bytes(32)})


def test_growing_leaves_the_old_edge_as_it_was() -> None:
    edge = StoredTree(leaves_of(255)).edge
    before = edge.root()
    edge.grow([leaf_hash(b"one more")])
    assert (edge.size, edge.root()) == (255, before)


@given(size=st.integers(1, 700), data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_leaf_is_proven_to_be_in_its_tree_and_nothing_else_is(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree = StoredTree(leaves_of(size))
    root, leaf = tree.edge.root(), leaf_hash(b"%d" % index)
    path = inclusion_proof(index, size, tree.node)
    verify_inclusion(index, size, leaf, path, root)
    with pytest.raises(InvalidProof):
        verify_inclusion(index, size, leaf_hash(b"other"), path, root)
    with pytest.raises(InvalidProof):
        verify_inclusion(index, size, leaf, [*path, bytes(32)], root)
    if path:
        with pytest.raises(InvalidProof):
            verify_inclusion(index, size, leaf, path[:-1], root)
        with pytest.raises(InvalidProof):
            verify_inclusion(index ^ 1, size, leaf, path, root)


@given(size=st.integers(1, 700), data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_older_tree_is_proven_to_be_the_beginning_and_no_other_is(size: int, data: st.DataObject) -> None:
    old_size = data.draw(st.integers(1, size))
    tree = StoredTree(leaves_of(size))
    root, old_root = tree.edge.root(), root_of(old_size, tree.node)
    path = consistency_proof(old_size, size, tree.node)
    verify_consistency(old_size, size, old_root, root, path)
    with pytest.raises(InvalidProof):
        verify_consistency(old_size, size, bytes(32), root, path)
    with pytest.raises(InvalidProof):
        verify_consistency(old_size, size, old_root, bytes(32), path)
    with pytest.raises(InvalidProof):
        verify_consistency(old_size, size, old_root, root, [*path, bytes(32)])
    if path:
        with pytest.raises(InvalidProof):
            verify_consistency(old_size, size, old_root, root, path[:-1])


@pytest.mark.parametrize(("index", "size"), [(1, 1), (-1, 1), (0, 0)])
def test_no_proof_is_made_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    tree = StoredTree(leaves_of(1))
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(index, size, tree.node)
    with pytest.raises(InvalidProof, match="not in a tree"):
        verify_inclusion(index, size, leaf_hash(b"0"), [], tree.edge.root())


def test_an_inner_node_does_not_pass_for_a_leaf() -> None:
    tree = StoredTree(CT_LEAVES)
    left, right = tree.node(2, 0), tree.node(2, 1)
    with pytest.raises(InvalidProof, match="fewer than the tree has levels"):
        verify_inclusion(0, 8, left, [right], tree.edge.root())
    with pytest.raises(InvalidProof, match="fewer than the tree has levels"):
        verify_consistency(1, 8, left, tree.edge.root(), [right])


@pytest.mark.parametrize(("old_size", "size"), [(0, 1), (2, 1)])
def test_no_growth_is_proven_from_nothing_or_from_the_future(old_size: int, size: int) -> None:
    tree = StoredTree(leaves_of(1))
    with pytest.raises(ValueError, match="beginning"):
        consistency_proof(old_size, size, tree.node)
    with pytest.raises(InvalidProof, match="beginning"):
        verify_consistency(old_size, size, tree.edge.root(), tree.edge.root(), [])
