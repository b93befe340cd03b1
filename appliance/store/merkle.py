"""RFC 6962 Merkle trees, kept as tiles.

The hashes, proofs and verifications are those of RFC 9162 section 2 (equal to RFC 6962 section 2). The hashes of leaves
and of perfect subtrees are stored in tiles of 256 (C2SP tlog-tiles, height 8): tile `(0, n)` holds leaf hashes
256n..256n+255, tile `(l, n)` the roots of the 256 tiles `(l-1, 256n..256n+255)`. Growing the tree by one leaf costs two
hashes on average; a proof reads at most two tiles per level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""The root of the perfect subtree of height `h` at index `i`: leaves i·2^h to (i+1)·2^h - 1."""
TileReader = Callable[[int, int], bytes]
"""The hashes of tile `(level, number)`, as many as there are."""


class InvalidProof(ValueError):
    """A proof that does not show what it claims. The message says which step fails."""


class Tile(NamedTuple):
    """Up to 256 hashes of one level, joined; fewer only at the right edge."""

    level: int
    number: int
    hashes: bytes


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a tree: all that is needed to grow it and to know its root."""

    __slots__ = ("_frontier", "_open", "size")

    def __init__(self) -> None:
        self.size = 0
        self._frontier: list[bytes] = []
        """Roots of the perfect subtrees that make up the tree, the largest first."""
        self._open: list[bytearray] = [bytearray()]
        """The unfinished tile of each level."""

    @classmethod
    def restore(cls, size: int, open_tiles: Mapping[int, bytes]) -> Edge:
        """The edge of a tree of `size` leaves from its unfinished tiles, by level; a missing one is empty.

        Raises ValueError where a tile does not have the width that `size` asks for.
        """
        edge = cls()
        edge.size = size
        edge._open = []
        level = 0
        while size >> (TILE_HEIGHT * level) or level == 0:
            hashes = open_tiles.get(level, b"")
            width = size >> (TILE_HEIGHT * level) & (TILE_WIDTH - 1)
            if len(hashes) != width * HASH_SIZE:
                raise ValueError(
                    f"open tile of level {level}: expected {width} hashes for a tree of {size} leaves, "
                    f"got {len(hashes)} bytes"
                )
            edge._open.append(bytearray(hashes))
            level += 1
        for tile in reversed(edge._open):
            edge._frontier.extend(_perfect_roots(bytes(tile)))
        return edge

    def grow(self, leaf_hashes: Iterable[bytes]) -> tuple[Edge, list[Tile]]:
        """A new edge with these leaves added, and the tiles to store; `self` stays as it is.

        Level 0 is stored when a tile is full (until then the leaves themselves are at hand); the levels above it are
        stored as they grow, once per 256 leaves.
        """
        edge = Edge()
        edge.size = self.size
        edge._frontier = self._frontier.copy()
        edge._open = [bytearray(tile) for tile in self._open]
        changed: dict[tuple[int, int], bytes] = {}
        for leaf in leaf_hashes:
            edge._push(leaf, changed)
        return edge, [Tile(level, number, hashes) for (level, number), hashes in changed.items()]

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves."""
        if not self._frontier:
            return EMPTY_ROOT
        root = self._frontier[-1]
        for left in reversed(self._frontier[:-1]):
            root = node_hash(left, root)
        return root

    def open_tile(self, level: int) -> bytes:
        """The hashes of the unfinished tile of one level; empty where there is none."""
        return bytes(self._open[level]) if level < len(self._open) else b""

    def _push(self, leaf: bytes, changed: dict[tuple[int, int], bytes]) -> None:
        self._open[0] += leaf
        node, index, height = leaf, self.size, 0
        while index & 1:
            node = sha256(b"\x01" + self._frontier.pop() + node).digest()
            index >>= 1
            height += 1
            if height % TILE_HEIGHT == 0:
                self._close_tile(height // TILE_HEIGHT - 1, index, node, changed)
        self._frontier.append(node)
        self.size += 1

    def _close_tile(self, level: int, number: int, root: bytes, changed: dict[tuple[int, int], bytes]) -> None:
        changed[level, number] = bytes(self._open[level])
        self._open[level].clear()
        if level + 1 == len(self._open):
            self._open.append(bytearray())
        above = self._open[level + 1]
        above += root
        changed[level + 1, number >> TILE_HEIGHT] = bytes(above)


def _perfect_roots(hashes: bytes) -> Iterable[bytes]:
    """The roots of the perfect subtrees over a row of fewer than 256 hashes, the largest first."""
    start = 0
    width = len(hashes) // HASH_SIZE
    for height in range(TILE_HEIGHT - 1, -1, -1):
        if width >> height & 1:
            stop = start + (HASH_SIZE << height)
            yield row_root(hashes[start:stop])
            start = stop


def row_root(hashes: bytes) -> bytes:
    """The root over a row of 2^n joined hashes."""
    row = [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def node_reader(read_tile: TileReader) -> NodeReader:
    """Read nodes of any height from tiles."""

    def read(height: int, index: int) -> bytes:
        level, rest = divmod(height, TILE_HEIGHT)
        first = index << rest
        number, offset = divmod(first, TILE_WIDTH)
        start = offset * HASH_SIZE
        hashes = read_tile(level, number)[start : start + (HASH_SIZE << rest)]
        if len(hashes) != HASH_SIZE << rest:
            raise ValueError(
                f"tile ({level}, {number}): expected {1 << rest} hashes from {offset}, got {len(hashes)} bytes"
            )
        return row_root(hashes)

    return read


def root_of(size: int, node: NodeReader) -> bytes:
    """The root of the first `size` leaves."""
    return _range_root(0, size, node) if size else EMPTY_ROOT


def _range_root(start: int, stop: int, node: NodeReader) -> bytes:
    count = stop - start
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return node(height, start >> height)
    split = start + _split(count)
    return node_hash(_range_root(start, split, node), _range_root(split, stop, node))


def _split(count: int) -> int:
    """The largest power of two smaller than `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """The path from leaf `index` to the root of the first `size` leaves, nearest first (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"inclusion proof: leaf {index} is not in a tree of {size} leaves")
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        split = start + _split(stop - start)
        if index < split:
            path.append(_range_root(split, stop, node))
            stop = split
        else:
            path.append(_range_root(start, split, node))
            start = split
    path.reverse()
    return path


def consistency_proof(old_size: int, size: int, node: NodeReader) -> list[bytes]:
    """That the first `old_size` leaves of a tree of `size` leaves are the old tree (RFC 9162 section 2.1.4.1)."""
    if not 0 < old_size <= size:
        raise ValueError(f"consistency proof: {old_size} leaves are not the beginning of {size}")
    path: list[bytes] = []
    start, stop = 0, size
    while stop != old_size:
        split = start + _split(stop - start)
        if old_size <= split:
            path.append(_range_root(split, stop, node))
            stop = split
        else:
            path.append(_range_root(start, split, node))
            start = split
    if start:
        path.append(_range_root(start, stop, node))
    path.reverse()
    return path


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Check that the hash `leaf` is number `index` of the tree (RFC 9162 section 2.1.3.2). Raises InvalidProof."""
    if not 0 <= index < size:
        raise InvalidProof(f"leaf {index} is not in a tree of {size} leaves")
    seen = leaf
    for sibling, on_left in _climb(index, size - 1, path):
        seen = node_hash(sibling, seen) if on_left else node_hash(seen, sibling)
    if seen != root:
        raise InvalidProof(f"the path of leaf {index} leads to root {seen.hex()}, not {root.hex()}")


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the old tree is the beginning of the new one (RFC 9162 section 2.1.4.2). Raises InvalidProof."""
    if not 0 < old_size <= size:
        raise InvalidProof(f"{old_size} leaves are not the beginning of {size}")
    if old_size == size:
        if path or old_root != root:
            raise InvalidProof(f"two trees of {size} leaves with roots {old_root.hex()} and {root.hex()}")
        return
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    if not hashes:
        raise InvalidProof("the path is empty")
    here, last = old_size - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old_seen = seen = hashes[0]
    for sibling, on_left in _climb(here, last, hashes[1:]):
        if on_left:
            old_seen = node_hash(sibling, old_seen)
        seen = node_hash(sibling, seen) if on_left else node_hash(seen, sibling)
    if old_seen != old_root:
        raise InvalidProof(f"the path leads to old root {old_seen.hex()}, not {old_root.hex()}")
    if seen != root:
        raise InvalidProof(f"the path leads to root {seen.hex()}, not {root.hex()}")


def _climb(here: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a path with the side on which it stands, from node `here` of a row whose last node is `last`."""
    for sibling in path:
        if last == 0:
            raise InvalidProof(f"the path has {len(path)} hashes, more than the tree has levels")
        on_left = bool(here & 1) or here == last
        yield sibling, on_left
        while on_left and not here & 1 and here:
            here, last = here >> 1, last >> 1
        here, last = here >> 1, last >> 1
    if last:
        raise InvalidProof(f"the path has {len(path)} hashes, fewer than the tree has levels")
