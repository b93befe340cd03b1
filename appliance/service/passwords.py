"""Passwords of operators: long instead of odd, and kept as Argon2id with its cost beside it (RFC 9106)."""

from __future__ import annotations

import asyncio
import os

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from appliance.redaction import SECRETS

LENGTH_MIN = 12
LENGTH_MAX = 256
DIFFERENT_MIN = 5
MEMORY_KIB = 47_104
"""46 MiB with one pass: a choice of the OWASP Password Storage Cheat Sheet; the memory is held only while it runs."""
ITERATIONS = 1
_SALT_BYTES = 16
_HASH_BYTES = 32


class PasswordRefused(ValueError):
    """The password is not good enough. The message says why, and never repeats it."""


def require_good(password: str, username: str) -> None:
    """Length is what counts (NIST SP 800-63B, 5.1.1.2); no rules of composition. Raises `PasswordRefused`."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise PasswordRefused(f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters")
    if username.lower() in password.lower() and len(password) - len(username) < LENGTH_MIN:
        raise PasswordRefused("a password is more than the username and a few characters")
    if len(set(password)) < DIFFERENT_MIN:
        raise PasswordRefused(f"a password has at least {DIFFERENT_MIN} different characters")


async def hashed(password: str) -> str:
    """The password as a PHC string: algorithm, cost, salt and hash."""
    SECRETS.pass_by(password)
    return await asyncio.to_thread(_hashed, password)


async def matches(password: str, phc: str | None) -> bool:
    """Whether it is the password of this hash. Without a hash the same work is done, and the answer is no."""
    with SECRETS.holding(password):
        good = await asyncio.to_thread(_matches, password, phc or _NOBODYS) and phc is not None
        if good:
            SECRETS.pass_by(password)
    return good


def is_cheap(phc: str) -> bool:
    """Whether a hash was made at another cost than is asked for now, and is to be made again."""
    return f"$m={MEMORY_KIB},t={ITERATIONS}," not in phc


def _hashed(password: str) -> str:
    kdf = Argon2id(
        salt=os.urandom(_SALT_BYTES), length=_HASH_BYTES, iterations=ITERATIONS, lanes=1, memory_cost=MEMORY_KIB
    )
    return kdf.derive_phc_encoded(password.encode())


def _matches(password: str, phc: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(errors="replace"), phc)
    except (InvalidKey, ValueError):
        return False
    return True


_NOBODYS = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""Nobody's hash, at the cost of everybody's: an unknown name takes as long as a wrong password."""
