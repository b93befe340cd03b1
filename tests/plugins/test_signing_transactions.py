"""Transactions: the same bytes as eth-account's, and nothing that differs from what was asked for gets out."""

from __future__ import annotations

import pytest
import rlp
from coincurve import PrivateKey
from eth_account import Account
from eth_utils import is_checksum_address, keccak, to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.errors import OutcomeUnknown
from readytrader_sdk.evm import Transaction, signed_payload

from builtin_plugins.evm_signing.addresses import address_from_text, checksum_address, keccak256
from builtin_plugins.evm_signing.secret_key import (
    ORDER,
    SecretKey,
    Signature,
    recovered_address,
    secret_key_from_text,
)
from builtin_plugins.evm_signing.transactions import decoded, difference, sign
from tests.plugins.signing import (
    ADDRESS,
    CHAIN,
    KEY,
    foreign_raw,
    foreign_signer_of,
    transaction,
    transactions,
)

KEYS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


@given(transactions, KEYS)
@settings(deadline=None)
def test_every_transaction_is_signed_to_the_bytes_that_eth_account_makes(asked: Transaction, secret: bytes) -> None:
    raw = sign(SecretKey(secret), asked)
    assert raw == foreign_raw(asked, "0x" + secret.hex())
    assert Account.recover_transaction(raw) == SecretKey(secret).address


def test_a_contract_creation_is_the_same_as_well() -> None:
    asked = transaction(to=None, data=b"\x60\x00")
    assert sign(secret_key_from_text(KEY), asked) == foreign_raw(asked)


def test_the_known_address_of_a_known_key() -> None:
    assert secret_key_from_text(KEY).address == ADDRESS


@given(KEYS, st.binary(min_size=32, max_size=32))
@settings(deadline=None, max_examples=30)
def test_a_signature_recovers_to_the_key_for_a_second_implementation_and_is_low_s(secret: bytes, digest: bytes) -> None:
    key = SecretKey(secret)
    signature = key.sign_digest(digest)
    assert foreign_signer_of(digest, signature.to_bytes()) == key.address
    assert signature.s <= ORDER // 2
    assert key.sign_digest(digest) == signature, "RFC 6979: nothing about it is random"


def test_a_high_s_is_nobodys_signature() -> None:
    digest = keccak256(b"text")
    good = secret_key_from_text(KEY).sign_digest(digest)
    flipped = Signature(r=good.r, s=ORDER - good.s, y_parity=1 - good.y_parity)
    assert recovered_address(digest, good) == ADDRESS
    assert foreign_signer_of(digest, flipped.to_bytes()) == ADDRESS, "the curve alone would take it"
    assert recovered_address(digest, flipped) is None


@pytest.mark.parametrize(
    "wrong", [{"r": 0}, {"s": 0}, {"r": ORDER}, {"s": ORDER}, {"y_parity": 2}, {"y_parity": 27}, {"r": 5}]
)
def test_what_is_no_signature_is_nobodys(wrong: dict[str, int]) -> None:
    good = secret_key_from_text(KEY).sign_digest(keccak256(b"text"))
    assert recovered_address(keccak256(b"text"), replace(good, **wrong)) != ADDRESS


CHANGES = {
    "chain_id": CHAIN + 1, "nonce": 8, "to": "0x" + "11" * 20, "value": 0, "data": b"\0", "gas": 21_001,
    "max_fee_per_gas": 3, "max_priority_fee_per_gas": 2,
}  # fmt: skip


@pytest.mark.parametrize("field", Transaction.__struct_fields__)
def test_bytes_that_say_something_else_are_told_apart_field_by_field(field: str) -> None:
    raw = foreign_raw(transaction(**{field: CHANGES[field]}))
    assert difference(raw, transaction(), ADDRESS) == f"its {field} is not what was asked for"


def test_the_right_fields_signed_by_somebody_else_are_refused() -> None:
    raw = foreign_raw(transaction(), "0x" + "42" * 32)
    assert difference(raw, transaction(), ADDRESS) == "its signature is not this key's"
    assert difference(foreign_raw(transaction()), transaction(), ADDRESS) is None


def test_a_library_that_signs_something_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def sign_another(key: PrivateKey, digest: bytes, **_: object) -> bytes:
        return original(key, keccak256(digest), hasher=None)

    original = PrivateKey.sign_recoverable
    monkeypatch.setattr(PrivateKey, "sign_recoverable", sign_another)
    with pytest.raises(OutcomeUnknown, match="does not recover"):
        sign(secret_key_from_text(KEY), transaction())


def test_an_encoder_that_encodes_something_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def encode_another(asked: Transaction, **signature: int) -> bytes:
        return signed_payload(replace(asked, value=asked.value + 1), **signature)

    monkeypatch.setattr("builtin_plugins.evm_signing.transactions.signed_payload", encode_another)
    with pytest.raises(OutcomeUnknown, match="its value is not what was asked for"):
        sign(secret_key_from_text(KEY), transaction())


@given(transactions)
@settings(deadline=None, max_examples=50)
def test_what_was_encoded_is_decoded_to_the_same(asked: Transaction) -> None:
    raw = signed_payload(asked, y_parity=1, r=2, s=3)
    assert decoded(raw).transaction == replace(asked, to=(asked.to or "").lower())


@given(st.data())
@settings(deadline=None)
def test_one_changed_byte_is_never_taken_for_what_was_asked(data: st.DataObject) -> None:
    raw = bytearray(foreign_raw(transaction(data=bytes(range(80)))))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    assert difference(bytes(raw), transaction(data=bytes(range(80))), ADDRESS) is not None


@given(st.binary(max_size=100))
def test_bytes_that_are_no_transaction_are_refused_and_nothing_else_happens(junk: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason is as good
        decoded(b"\x02" + junk)


FIELDS = [b"\x01", b"", b"\x01", b"\x02", b"\x52\x08", b"\x11" * 20, b"\x05", b"", [], b"\x01", b"\x07", b"\x08"]


CONTENTS = rlp.encode(FIELDS)[1:]
LONGER_LENGTH = bytes([0xF8, len(CONTENTS)]) + CONTENTS
"""Fewer than 56 bytes with the length of more."""
LONGER_BYTE = bytes([0xC0 + len(CONTENTS) + 1]) + CONTENTS[:-2] + b"\x81\x07" + CONTENTS[-1:]
"""7 as a text of one byte in place of itself."""


def changed(at: int, value: object) -> bytes:
    return b"\x02" + rlp.encode([*FIELDS[:at], value, *FIELDS[at + 1 :]])


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x01" + rlp.encode(FIELDS), rlp.encode(FIELDS), b"\x02" + rlp.encode(FIELDS) + b"\0",
     b"\x02" + rlp.encode(FIELDS[:-1]), b"\x02" + rlp.encode([*FIELDS, b""]), b"\x02" + rlp.encode(b"text"),
     changed(0, b"\x00\x01"), changed(0, [b"\x01"]), changed(5, b"\x11" * 19), changed(8, b""),
     changed(8, [[b"a", []]]),
     b"\x02" + rlp.encode(FIELDS)[:-1], b"\x02" + LONGER_BYTE, b"\x02" + LONGER_LENGTH, b"\x02\xf8\x01\x05",
     b"\x02\xf9\x00\x38" + b"\x80" * 56, b"\x02\xff" + b"\xff" * 8, b"\x02\xf8"],
)  # fmt: skip
def test_any_other_form_than_the_canonical_one_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        decoded(raw)
    assert decoded(b"\x02" + rlp.encode(FIELDS)).transaction.gas == 21_000


@given(st.binary(min_size=20, max_size=20))
def test_checksums_are_those_of_eth_utils(address: bytes) -> None:
    text = checksum_address(address)
    assert text == to_checksum_address(address)
    assert is_checksum_address(text)
    assert address_from_text(text) == address_from_text(text.lower()) == address
    assert keccak256(address) == keccak(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        ADDRESS[:-1],
        ADDRESS + "0",
        ADDRESS[2:],
        "0X" + ADDRESS[2:],
        ADDRESS.replace("F", "f"),
        "0x" + "g" * 40,
    ],
)
def test_an_address_with_a_wrong_form_or_checksum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|checksum"):
        address_from_text(text)


@pytest.mark.parametrize(
    "text",
    ["", "0x", KEY[2:], KEY[:-1], KEY + "0", KEY.replace("a", "g"), KEY + "\n", "0x" + "00" * 32, f"0x{ORDER:064x}",
     "0x" + "ff" * 32, "0X" + KEY[2:]],
)  # fmt: skip
def test_what_is_no_key_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        secret_key_from_text(text)
    assert len(text) < 3 or text[2:].strip() not in str(raised.value)


@pytest.mark.parametrize("number", [1, ORDER - 1])
def test_the_first_and_the_last_key_are_keys(number: int) -> None:
    assert SecretKey(number.to_bytes(32, "big")).address.startswith("0x")


def test_a_key_shows_its_address_and_nothing_else() -> None:
    key = secret_key_from_text(KEY)
    assert repr(key) == str(key) == f"SecretKey of {ADDRESS}"
    assert not hasattr(key, "__dict__")
