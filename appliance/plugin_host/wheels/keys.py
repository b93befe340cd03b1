"""A publisher's key: how its public half is written, where its private half lies, and what it signs."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.plugin_host.wheels.refusal import WheelRefused

PREFIX = "ed25519:"
_FILE_PREFIX = "readytrader publisher key "
_KEY_BYTES = 32


def keygen(path: Path) -> str:
    """Make a key in a new file that only its owner can read; the text of its public half.

    Raises `FileExistsError` rather than replace a file.
    """
    key = Ed25519PrivateKey.generate()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(_FILE_PREFIX + base64.b64encode(key.private_bytes_raw()).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return public_text(key)


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file that `keygen` made, closed to others. Raises `WheelRefused`; the content is never shown."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as fault:
        raise WheelRefused(str(path), "cannot be read", fault.strerror) from fault
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
            raise WheelRefused(str(path), "must be a file that only its owner can read", f"{found.st_mode & 0o777:o}")
        text = file.read(1024).decode("ascii", "replace").strip()
    seed = _decoded(text.removeprefix(_FILE_PREFIX)) if text.startswith(_FILE_PREFIX) else b""
    if len(seed) != _KEY_BYTES:
        raise WheelRefused(str(path), "is not a publisher's key file")
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_text(key: Ed25519PrivateKey) -> str:
    """`ed25519:` and the public half in base64."""
    return PREFIX + base64.b64encode(key.public_key().public_bytes_raw()).decode()


def verify(publisher: str, signature: bytes, signed: bytes) -> bool:
    """Whether the publisher signed exactly these bytes (RFC 8032). Raises `WheelRefused` for what is no public key."""
    raw = _decoded(publisher.removeprefix(PREFIX)) if publisher.startswith(PREFIX) else b""
    if len(raw) != _KEY_BYTES:
        raise WheelRefused(publisher, "is not a publisher's key (ed25519: and 44 characters of base64)")
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(text: str) -> bytes:
    """Base64 in its one canonical form; anything else is empty."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""
