"""Signers: holders of one key. What is signed is named field by field, so that a signer can judge what it signs.

The same request serves

* a key in memory,
* a remote signer: JSON-RPC takes the fields, a raw-signing REST service the `evm.unsigned_payload`, which it hashes,
* a hardware module or a cloud key service: it signs the Keccak-256 of `evm.unsigned_payload`; the plugin brings S into
  the lower half and finds the recovery bit by recovering `address`,
* two parties that sign together: each checks the fields for itself, and the client order ID names the session.

Whoever made the signature, the plugin decodes the answer, compares every field with the request, recovers the sender,
and refuses to return anything else: a remote signer may ignore a chain ID, fill in a nonce, or let a person edit a fee.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from msgspec import Struct

from readytrader_sdk.evm import Transaction
from readytrader_sdk.orders import ClientOrderId


class TransactionRequest(Struct, frozen=True, kw_only=True, tag="sign_transaction"):
    """Leave to sign exactly this transaction, once."""

    client_order_id: ClientOrderId
    transaction: Transaction


class TypedDataRequest(Struct, frozen=True, kw_only=True, tag="sign_typed_data"):
    """Leave to sign exactly this EIP-712 message, once: its canonical JSON, domain and types included."""

    client_order_id: ClientOrderId
    chain_id: int
    """Must be the domain's own `chainId`; a message for another chain, or for none, is refused."""
    typed_data: str


@runtime_checkable
class SignerPort(Protocol):
    """A holder of one key. Required of every signer plugin."""

    async def address(self) -> str:
        """The address that its signatures recover to, with its EIP-55 checksum. Never another one while it runs.

        Timeout 30 s. May be repeated. Raises `Unavailable`, `Misconfigured`.
        """

    async def sign_transaction(self, request: TransactionRequest) -> bytes:
        """The signed raw transaction (EIP-2718 type 2): exactly the fields asked for, low-S, recovering to `address`.

        **Moves value once broadcast; never repeated.** Timeout 180 s (a person may have to press a button). Raises
        `Unsupported` for what the key will not sign (chain 0 always), `Unavailable` only when nothing can have been
        signed, `OutcomeUnknown` when a remote signer's answer did not come.
        """


@runtime_checkable
class TypedDataPort(Protocol):
    """Optional: a signer of EIP-712 messages, as intent protocols take them for orders."""

    async def sign_typed_data(self, request: TypedDataRequest) -> bytes:
        """The 65-byte signature r, s, v: low-S, v 27 or 28, recovering to `address` over the message's EIP-712 hash.

        **Moves value once shown; never repeated.** Timeout 180 s. Raises as `sign_transaction`; `Unsupported` also for
        a message that cannot be read in full.
        """
