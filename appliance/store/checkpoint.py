"""Signed checkpoints: what the journal was at one size, in a form that any C2SP client reads.

The text is a C2SP tlog-checkpoint (origin, size, root), signed as a C2SP signed-note with Ed25519 (type byte 0x01).
The key's name is the journal's origin, as tlog-checkpoint recommends.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from appliance.durable import make_file
from appliance.store.merkle import HASH_SIZE

ED25519 = b"\x01"
"""The signed-note type byte of an Ed25519 key."""
KEY_HEADER = "readytrader checkpoint key v1 ed25519 "
SEED_SIZE = 32
TREE_SIZE_MAX = (1 << 63) - 1

_ORIGIN = re.compile(r"[!-*,-~]{1,128}", re.ASCII)
"""Printable ASCII without blank and plus, which signed-note forbids in a key's name."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class InvalidCheckpoint(ValueError):
    """A checkpoint or key that is malformed or not signed by the expected key. The message says what was seen."""


class Checkpoint(Struct, frozen=True, kw_only=True):
    """The log `origin` had `size` entries with this RFC 6962 root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text: three lines, each with its newline."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"


class Verifier:
    """The public half of a key under the name of one origin. It is safe to publish, and should be."""

    __slots__ = ("_public", "key_hash", "origin", "vkey")

    def __init__(self, origin: str, public: bytes) -> None:
        require_origin(origin)
        self.origin = origin
        self._public = Ed25519PublicKey.from_public_bytes(public)
        self.key_hash = sha256(origin.encode() + b"\n" + ED25519 + public).digest()[:4]
        """The first four bytes of SHA-256 over name, newline, type and key (C2SP signed-note)."""
        self.vkey = f"{origin}+{self.key_hash.hex()}+{_encode(ED25519 + public)}"
        """The key as text: name, hash and base64, joined by plus signs."""

    @classmethod
    def from_vkey(cls, vkey: str) -> Verifier:
        """Read a key written as `name+hash+base64`. Raises InvalidCheckpoint."""
        parts = vkey.strip().split("+", 2)
        if len(parts) != 3:
            raise InvalidCheckpoint(f"verifier key: expected name+hash+key, got {vkey[:80]!r}")
        origin, key_hash, encoded = parts
        blob = _decode(encoded, "verifier key")
        if blob[:1] != ED25519 or len(blob) != 33:
            raise InvalidCheckpoint(f"verifier key of {origin[:80]!r}: expected an Ed25519 key (33 bytes, type 1)")
        verifier = cls(origin, blob[1:])
        if verifier.key_hash.hex() != key_hash:
            raise InvalidCheckpoint(f"verifier key: its hash is {verifier.key_hash.hex()}, not {key_hash[:80]!r}")
        return verifier

    def verify(self, note: str) -> Checkpoint:
        """The checkpoint that this key signed. Raises InvalidCheckpoint; other keys' signatures are ignored."""
        checkpoint = _parse_text(_split_note(note)[0])
        if checkpoint.origin != self.origin:
            raise InvalidCheckpoint(f"checkpoint: expected origin {self.origin!r}, got {checkpoint.origin[:80]!r}")
        self._require_signature(note, f"checkpoint of {self.origin} at size {checkpoint.size}")
        return checkpoint

    def open(self, note: str) -> str:
        """The text of any note that this key signed. Raises InvalidCheckpoint; other keys' signatures are ignored."""
        self._require_signature(note, f"note of {self.origin}")
        return _split_note(note)[0]

    def _require_signature(self, note: str, name_of_note: str) -> None:
        text, signatures = _split_note(note)
        for name, blob in signatures:
            if name == self.origin and blob[:4] == self.key_hash:
                try:
                    self._public.verify(blob[4:], text.encode())
                except InvalidSignature:
                    raise InvalidCheckpoint(f"{name_of_note}: its signature is wrong") from None
                return
        raise InvalidCheckpoint(f"{name_of_note}: no signature by the key with hash {self.key_hash.hex()}")


class CheckpointKey:
    """The key that signs checkpoints. Never leaves its file but for this object."""

    __slots__ = ("_private", "_public")

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> CheckpointKey:
        """A new key that is written nowhere."""
        return cls(secrets.token_bytes(SEED_SIZE))

    @classmethod
    def create(cls, path: Path) -> CheckpointKey:
        """A new key in a new file that only its owner can read. Raises FileExistsError rather than replace one."""
        seed = secrets.token_bytes(SEED_SIZE)
        make_file(path, (KEY_HEADER + _encode(seed) + "\n").encode("ascii"), 0o600)
        return cls(seed)

    @classmethod
    def load(cls, path: Path) -> CheckpointKey:
        """The key of a file that `create` made. Raises InvalidCheckpoint; its text is never shown."""
        text = path.read_bytes().decode("ascii", "replace").strip()
        if not text.startswith(KEY_HEADER):
            raise InvalidCheckpoint(f"{path}: not a checkpoint key (its header is missing)")
        seed = _decode(text.removeprefix(KEY_HEADER), f"{path}: key", show=False)
        if len(seed) != SEED_SIZE:
            raise InvalidCheckpoint(f"{path}: expected a key of {SEED_SIZE} bytes, got {len(seed)}")
        return cls(seed)

    def verifier(self, origin: str) -> Verifier:
        """The public half, under the name of one journal."""
        return Verifier(origin, self._public)

    def sign(self, text: str) -> bytes:
        """The Ed25519 signature over a note's text."""
        return self._private.sign(text.encode())


class Signer:
    """Signs the checkpoints of one journal."""

    __slots__ = ("_key", "verifier")

    def __init__(self, key: CheckpointKey, origin: str) -> None:
        self._key = key
        self.verifier = key.verifier(origin)

    def sign(self, size: int, root: bytes) -> str:
        """The signed note of the checkpoint at this size and root."""
        text = Checkpoint(origin=self.verifier.origin, size=size, root=root).text()
        blob = self.verifier.key_hash + self._key.sign(text)
        return f"{text}\n— {self.verifier.origin} {_encode(blob)}\n"


def require_origin(origin: str) -> None:
    """Refuse a name that signed-note does not allow, or that cannot be typed. Raises InvalidCheckpoint."""
    if not _ORIGIN.fullmatch(origin):
        raise InvalidCheckpoint(f"origin: expected printable ASCII without blank and plus, got {origin[:80]!r}")


def parse_unverified(note: str) -> Checkpoint:
    """What a checkpoint claims, whoever signed it. Raises InvalidCheckpoint where it is malformed."""
    return _parse_text(_split_note(note)[0])


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text and the signatures (key name, hash and signature) of a signed note."""
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise InvalidCheckpoint("checkpoint: expected a text, an empty line and signature lines")
    signatures = []
    for line in tail.removesuffix("\n").split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != "—" or not name or not encoded:
            raise InvalidCheckpoint(f"checkpoint: expected a signature line, got {line[:80]!r}")
        signatures.append((name, _decode(encoded, "checkpoint signature")))
    return text + "\n", signatures


def _parse_text(text: str) -> Checkpoint:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) != 3:
        raise InvalidCheckpoint(f"checkpoint: expected origin, size and root, got {len(lines)} lines")
    origin, size, root = lines
    require_origin(origin)
    if not _SIZE.fullmatch(size) or int(size) > TREE_SIZE_MAX:
        raise InvalidCheckpoint(f"checkpoint: expected a tree size, got {size[:80]!r}")
    root_bytes = _decode(root, "checkpoint root")
    if len(root_bytes) != HASH_SIZE:
        raise InvalidCheckpoint(f"checkpoint: expected a root of {HASH_SIZE} bytes, got {len(root_bytes)}")
    return Checkpoint(origin=origin, size=int(size), root=root_bytes)


def _encode(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")


def _decode(text: str, name: str, *, show: bool = True) -> bytes:
    """Decode base64 in its one canonical spelling, so that no two texts mean the same."""
    try:
        blob = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        blob = b""
    if _encode(blob) != text:
        raise InvalidCheckpoint(f"{name}: expected base64" + (f", got {text[:80]!r}" if show else ""))
    return blob
