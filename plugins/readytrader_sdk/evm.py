"""An EIP-1559 transaction as values, and the bytes of it that are hashed and signed.

Sources: EIP-1559 (type 2 transactions), EIP-2718 (typed envelopes), EIP-2930 (access lists), and the RLP chapter of the
Ethereum yellow paper (appendix B).
"""

from __future__ import annotations

import re

from msgspec import Struct

TRANSACTION_TYPE = b"\x02"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


class Transaction(Struct, frozen=True, kw_only=True):
    """One EIP-1559 transaction without an access list. Amounts in wei, fees in wei per gas; whole numbers."""

    chain_id: int
    nonce: int
    to: str | None
    """`0x` and 40 hexadecimal digits; None makes a contract."""
    value: int
    data: bytes
    gas: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int


def unsigned_payload(transaction: Transaction) -> bytes:
    """The bytes whose Keccak-256 is signed: `0x02 || rlp([chain_id, nonce, tip, fee, gas, to, value, data, []])`.

    A device that signs digests signs `keccak256` of these bytes; a service that hashes for itself is given the bytes.
    Raises `ValueError` for a negative number, or for an address that is not `0x` and 40 hexadecimal digits.
    """
    return TRANSACTION_TYPE + _sequence(_fields(transaction))


def signed_payload(transaction: Transaction, *, y_parity: int, r: int, s: int) -> bytes:
    """The raw transaction as it is broadcast: the unsigned fields, then the signature. Raises as `unsigned_payload`."""
    return TRANSACTION_TYPE + _sequence([*_fields(transaction), *(_text(_number(part)) for part in (y_parity, r, s))])


def _fields(transaction: Transaction) -> list[bytes]:
    to = b"" if transaction.to is None else _address(transaction.to)
    numbers = (
        transaction.chain_id,
        transaction.nonce,
        transaction.max_priority_fee_per_gas,
        transaction.max_fee_per_gas,
        transaction.gas,
    )
    texts = [*map(_number, numbers), to, _number(transaction.value), transaction.data]
    return [*map(_text, texts), _sequence([])]


def _address(text: str) -> bytes:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"to: expected 0x and 40 hexadecimal digits, got {text[:60]!r}")
    return bytes.fromhex(text[2:])


def _number(value: int) -> bytes:
    if value < 0:
        raise ValueError(f"expected a whole number from 0, got {value}")
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _text(value: bytes) -> bytes:
    if len(value) == 1 and value[0] < 0x80:
        return value
    return _length(len(value), 0x80) + value


def _sequence(items: list[bytes]) -> bytes:
    body = b"".join(items)
    return _length(len(body), 0xC0) + body


def _length(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    digits = _number(length)
    return bytes([offset + 55 + len(digits)]) + digits
