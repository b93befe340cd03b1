"""Ethereum addresses and the hash they are made with.

Sources: EIP-55 (the checksum in an address's letters), and the yellow paper, appendix F (an address is the last 20
bytes of the public key's Keccak-256).
"""

from __future__ import annotations

import re

from Crypto.Hash import keccak

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def keccak256(data: bytes) -> bytes:
    """Keccak-256, as Ethereum has it (not the later SHA3-256)."""
    return keccak.new(data=data, digest_bits=256).digest()


def checksum_address(address: bytes) -> str:
    """20 bytes as text, with the EIP-55 checksum."""
    digits = address.hex()
    marks = keccak256(digits.encode()).hex()
    letters = (digit.upper() if mark > "7" else digit for digit, mark in zip(digits, marks, strict=False))
    return "0x" + "".join(letters)


def address_from_text(text: str) -> bytes:
    """The 20 bytes. Letters of both cases are a checksum, and must be right; all small or all capital are none.

    Raises `ValueError`.
    """
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"expected 0x and 40 hexadecimal digits, got {text[:60]!r}")
    address = bytes.fromhex(text[2:])
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and text != checksum_address(address):
        raise ValueError(f"the checksum in the letters of {text} is wrong; a digit may be")
    return address
