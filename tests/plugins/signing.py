"""Keys, transactions and typed messages to sign, and eth-account as the judge of what comes out.

Importing eth-account raises the recursion limit of the whole process to 100,000 (py_ecc does), with which nested JSON
crashes Python's own parser. It is put back to Python's own: no signer's process has it.
"""

from __future__ import annotations

import sys
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys import keys
from eth_keys.backends import NativeECCBackend
from eth_utils import keccak
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.evm import Transaction
from readytrader_sdk.orders import ClientOrderId
from readytrader_sdk.ports import TransactionRequest, TypedDataRequest

sys.setrecursionlimit(1000)

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first key of every test node (Anvil, Hardhat, Ganache)."""
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
CHAIN = 8453

_words = st.integers(0, 2**256 - 1) | st.integers(0, 300)
transactions = st.builds(
    lambda fees, **fields: Transaction(max_fee_per_gas=max(fees), max_priority_fee_per_gas=min(fees), **fields),
    fees=st.tuples(st.integers(1, 2**128), st.integers(1, 2**128)),
    chain_id=st.just(CHAIN),
    nonce=st.integers(0, 2**64 - 2) | st.integers(0, 300),
    to=st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()) | st.just(TO),
    value=_words,
    data=st.binary(max_size=80) | st.binary(min_size=200, max_size=70_000),
    gas=st.integers(1, 2**64 - 1),
)


def transaction(**changes: object) -> Transaction:
    usual = Transaction(
        chain_id=CHAIN, nonce=7, to=TO, value=10**18, data=b"", gas=21_000, max_fee_per_gas=2 * 10**9,
        max_priority_fee_per_gas=10**9,
    )  # fmt: skip
    return replace(usual, **changes)


def to_sign(**changes: object) -> TransactionRequest:
    return TransactionRequest(client_order_id=ClientOrderId("a-1"), transaction=transaction(**changes))


def typed(text: str, chain_id: int = CHAIN) -> TypedDataRequest:
    return TypedDataRequest(client_order_id=ClientOrderId("a-1"), chain_id=chain_id, typed_data=text)


def foreign_raw(asked: Transaction, key: str = KEY) -> bytes:
    """What eth-account signs."""
    fields: dict[str, Any] = {
        "type": 2, "chainId": asked.chain_id, "nonce": asked.nonce, "value": asked.value, "data": asked.data,
        "gas": asked.gas, "maxFeePerGas": asked.max_fee_per_gas, "maxPriorityFeePerGas": asked.max_priority_fee_per_gas,
    }  # fmt: skip
    if asked.to is not None:
        fields["to"] = bytes.fromhex(asked.to[2:])
    return bytes(Account.from_key(key).sign_transaction(fields).raw_transaction)


def foreign_digest(document: dict[str, Any]) -> bytes:
    """What eth-account hashes of a typed message."""
    message = encode_typed_data(full_message=document)
    return keccak(b"\x19" + message.version + message.header + message.body)


def foreign_signer_of(digest: bytes, signature: bytes) -> str:
    """Who signed, says the pure-Python curve of eth-keys: no code in common with libsecp256k1."""
    compact = signature[:64] + bytes([signature[64] - 27])
    recovered = keys.Signature(compact, backend=NativeECCBackend()).recover_public_key_from_msg_hash(digest)
    return recovered.to_checksum_address()
