"""Signing a transaction, and reading back what was signed before anybody sees it.

The bytes are made by the SDK's encoder and read by the decoder here, which takes the one canonical form alone; what
comes out must be, field by field, what was asked for, and must recover to the key's address.

Sources: EIP-1559, EIP-2718, EIP-2 (low s), and appendix B of the yellow paper (RLP).
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace
from readytrader_sdk.errors import OutcomeUnknown
from readytrader_sdk.evm import TRANSACTION_TYPE, Transaction, signed_payload, unsigned_payload

from builtin_plugins.evm_signing.addresses import keccak256
from builtin_plugins.evm_signing.secret_key import SecretKey, Signature, recovered_address

_Item = bytes | list["_Item"]


class Signed(Struct, frozen=True, kw_only=True):
    """A signed transaction as its bytes have it; `to` in small letters."""

    transaction: Transaction
    signature: Signature


def sign(key: SecretKey, transaction: Transaction) -> bytes:
    """The raw transaction. Raises `ValueError` for one that cannot be encoded, `OutcomeUnknown` as `SecretKey` does."""
    payload = unsigned_payload(transaction)
    signature = key.sign_digest(keccak256(payload))
    raw = signed_payload(transaction, y_parity=signature.y_parity, r=signature.r, s=signature.s)
    if fault := difference(raw, transaction, key.address):
        raise OutcomeUnknown(f"a signed transaction was thrown away: {fault}")
    return raw


def difference(raw: bytes, asked: Transaction, address: str) -> str | None:
    """How a raw transaction is not `asked`, signed by `address`; None where it is."""
    try:
        signed = decoded(raw)
    except ValueError as error:
        return f"it cannot be read back: {error}"
    wanted = replace(asked, to=asked.to.lower() if asked.to is not None else None)
    for field in Transaction.__struct_fields__:
        if getattr(signed.transaction, field) != getattr(wanted, field):
            return f"its {field} is not what was asked for"
    if recovered_address(keccak256(unsigned_payload(signed.transaction)), signed.signature) != address:
        return "its signature is not this key's"
    return None


def decoded(raw: bytes) -> Signed:
    """A signed EIP-1559 transaction without an access list. Raises `ValueError` for anything else."""
    if raw[:1] != TRANSACTION_TYPE:
        raise ValueError("not of type 2")
    fields, end = _item(raw, 1, len(raw))
    if end != len(raw) or not isinstance(fields, list) or len(fields) != 12:
        raise ValueError("not one list of twelve fields")
    if fields.pop(8) != []:
        raise ValueError("it has an access list")
    texts = [field for field in fields if isinstance(field, bytes)]
    if len(texts) != 11:
        raise ValueError("a list where a value belongs")
    chain_id, nonce, tip, fee, gas, to, value, data, y_parity, r, s = texts
    if len(to) not in (0, 20):
        raise ValueError("an address that is not 20 bytes")
    transaction = Transaction(
        chain_id=_number(chain_id),
        nonce=_number(nonce),
        to=f"0x{to.hex()}" if to else None,
        value=_number(value),
        data=data,
        gas=_number(gas),
        max_fee_per_gas=_number(fee),
        max_priority_fee_per_gas=_number(tip),
    )
    signature = Signature(r=_number(r), s=_number(s), y_parity=_number(y_parity))
    return Signed(transaction=transaction, signature=signature)


def _number(digits: bytes) -> int:
    if digits[:1] == b"\0":
        raise ValueError("a number with a leading zero")
    return int.from_bytes(digits, "big")


def _item(raw: bytes, at: int, end: int) -> tuple[_Item, int]:
    """The item that begins at `at`, and where the next one does."""
    if at >= end:
        raise ValueError("it ends too early")
    first = raw[at]
    if first < 0x80:
        return raw[at : at + 1], at + 1
    begin, stop = _extent(raw, at, end, first - (0xC0 if first >= 0xC0 else 0x80))
    if first < 0xC0:
        if stop - begin == 1 and raw[begin] < 0x80:
            raise ValueError("a byte in a longer form than it needs")
        return raw[begin:stop], stop
    items: list[_Item] = []
    while begin < stop:
        item, begin = _item(raw, begin, stop)
        items.append(item)
    return items, stop


def _extent(raw: bytes, at: int, end: int, marker: int) -> tuple[int, int]:
    """Where the contents begin and stop, after a length of one byte (up to 55) or of several."""
    begin, length = at + 1, marker
    if marker > 55:
        begin += marker - 55
        digits = raw[at + 1 : begin]
        length = _number(digits)
        if begin > end or length < 56:
            raise ValueError("a length in a longer form than it needs")
    if begin + length > end:
        raise ValueError("it ends too early")
    return begin, begin + length
