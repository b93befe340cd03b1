"""A second opinion on signatures: eth-account decodes, recovers and checksums, so that no code of ours judges itself.

It comes with the extra `readytrader-sdk[conformance-evm]`, and is imported only here, inside the functions: whoever
checks an exchange does not need it. Without it the checks are skipped, never passed.
"""

from __future__ import annotations

import json
from typing import Any

from readytrader_sdk.conformance.checks import NotKept, expect, shown, skip
from readytrader_sdk.evm import Transaction

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half the order of secp256k1: the greatest S that Ethereum takes (EIP-2)."""


def require() -> None:
    """Skip the check where eth-account is not installed."""
    try:
        import eth_account  # noqa: F401
    except ImportError:
        skip("needs eth-account: pip install readytrader-sdk[conformance-evm]")


def checksummed(address: str) -> str:
    """The address with its EIP-55 checksum."""
    require()
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address(address))


def expect_signed(raw: bytes, transaction: Transaction, address: str) -> None:
    """Expect a raw transaction of exactly these fields, low-S, signed by this address."""
    require()
    from eth_account import Account

    fields = decoded(raw)
    wanted = {
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "to": None if transaction.to is None else transaction.to.lower(),
        "value": transaction.value,
        "data": transaction.data.hex(),
        "gas": transaction.gas,
        "maxFeePerGas": transaction.max_fee_per_gas,
        "maxPriorityFeePerGas": transaction.max_priority_fee_per_gas,
        "accessList": (),
    }
    for name, value in wanted.items():
        expect(fields[name] == value, f"{name}: asked for {shown(value)}, signed {shown(fields[name])}")
    expect(0 < fields["s"] <= HALF_ORDER, "S is in the upper half: nodes refuse it (EIP-2)")
    signer = str(Account.recover_transaction(raw))
    expect(signer == address, f"the signature recovers to {shown(signer)}, the signer's address is {shown(address)}")


def decoded(raw: bytes) -> dict[str, Any]:
    """The fields of a raw EIP-1559 transaction, as eth-account reads them."""
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from hexbytes import HexBytes

    expect(isinstance(raw, bytes) and raw[:1] == b"\x02", f"expected a transaction of type 2, got {shown(raw)}")
    try:
        fields = dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
    except Exception as fault:
        raise NotKept(f"the bytes are no transaction: {type(fault).__name__} {shown(str(fault))}") from fault
    to = bytes(fields["to"])
    return {
        **fields,
        "to": f"0x{to.hex()}" if to else None,
        "data": bytes(fields["data"]).hex(),
        "accessList": tuple(fields["accessList"]),
    }


def expect_signed_message(signature: bytes, typed_data: str, address: str) -> None:
    """Expect a 65-byte signature of this EIP-712 message, low-S, v 27 or 28, made by this address."""
    require()
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    expect(len(signature) == 65, f"expected 65 bytes, got {len(signature)}")
    expect(signature[64] in (27, 28), f"expected v to be 27 or 28, got {signature[64]}")
    expect(int.from_bytes(signature[32:64], "big") <= HALF_ORDER, "S is in the upper half (EIP-2)")
    message = encode_typed_data(full_message=json.loads(typed_data))
    signer = str(Account.recover_message(message, signature=signature))
    expect(signer == address, f"the signature recovers to {shown(signer)}, the signer's address is {shown(address)}")
