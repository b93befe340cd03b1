"""One secp256k1 key, which signs digests and shows itself to nobody."""

from __future__ import annotations

import re

from coincurve import PrivateKey, PublicKey
from msgspec import Struct
from readytrader_sdk.errors import OutcomeUnknown

from builtin_plugins.evm_signing.addresses import checksum_address, keccak256

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""The order of secp256k1 (SEC 2, section 2.4.1): a key is from 1 to one less."""

_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)


class Signature(Struct, frozen=True, kw_only=True):
    """An ECDSA signature with its recovery bit. `s` is in the lower half, as EIP-2 demands."""

    r: int
    s: int
    y_parity: int

    def to_bytes(self) -> bytes:
        """65 bytes: r, s, and v as 27 or 28."""
        return self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big") + bytes([27 + self.y_parity])


class SecretKey:
    """A key in memory. Its text is its address."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        """Raises `ValueError` for what is no key, and quotes nothing of it."""
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < ORDER:
            raise ValueError("expected 32 bytes that make a number from 1 to the order of secp256k1, less one")
        self._key = PrivateKey(secret)
        self.address = _address_of(self._key.public_key)

    def __repr__(self) -> str:
        return f"SecretKey of {self.address}"

    def sign_digest(self, digest: bytes) -> Signature:
        """Sign 32 bytes (RFC 6979: the same digest, the same signature), and check the signature.

        Raises `OutcomeUnknown` for a signature that is not this key's: it is shown to nobody.
        """
        compact = self._key.sign_recoverable(digest, hasher=None)
        signature = Signature(
            r=int.from_bytes(compact[:32], "big"), s=int.from_bytes(compact[32:64], "big"), y_parity=compact[64]
        )
        if recovered_address(digest, signature) != self.address:
            raise OutcomeUnknown("a signature was made that does not recover to the key's address; it was thrown away")
        return signature


def secret_key_from_text(text: str) -> SecretKey:
    """A key from `0x` and 64 hexadecimal digits. Raises `ValueError` that quotes nothing."""
    if not _HEXADECIMAL.fullmatch(text):
        raise ValueError("expected 0x and 64 hexadecimal digits")
    return SecretKey(bytes.fromhex(text[2:]))


def recovered_address(digest: bytes, signature: Signature) -> str | None:
    """Whose signature of `digest` this is; None where it is nobody's, or not in the one form that chains accept."""
    if not (0 < signature.r < ORDER and 0 < signature.s <= ORDER // 2 and signature.y_parity in (0, 1)):
        return None
    compact = signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes([signature.y_parity])
    try:
        return _address_of(PublicKey.from_signature_and_message(compact, digest, hasher=None))
    except Exception:  # noqa: BLE001 - coincurve raises bare `Exception` for a point that is not on the curve
        return None


def _address_of(key: PublicKey) -> str:
    return checksum_address(keccak256(key.format(compressed=False)[1:])[12:])
