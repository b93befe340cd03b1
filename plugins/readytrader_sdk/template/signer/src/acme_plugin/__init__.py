"""Acme as a ReadyTrader signer. It holds a key in memory: replace `_sign`, and keep what stands around it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eth_account import Account
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, Unsupported
from readytrader_sdk.evm import Transaction
from readytrader_sdk.hooks import PluginContext, SignerFactory, hookimpl
from readytrader_sdk.ports import TransactionRequest

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


class AcmeSigner:
    """One key. Contract creations and chain 0 are refused."""

    def __init__(self, context: PluginContext) -> None:
        try:
            self._account = Account.from_key(context.secrets["private_key"])
        except KeyError as fault:
            raise Misconfigured("the secret private_key is missing") from fault
        except Exception:  # noqa: BLE001 - an error of the library may quote the key: nothing of it is passed on
            raise Misconfigured("the secret private_key is no private key: expected 0x and 64 digits") from None

    async def address(self) -> str:
        """With its EIP-55 checksum."""
        return str(self._account.address)

    async def sign_transaction(self, request: TransactionRequest) -> bytes:
        """The signed raw transaction."""
        transaction = request.transaction
        if transaction.chain_id < 1:
            raise Unsupported(f"chain_id: expected 1 or more, got {transaction.chain_id}")
        if transaction.to is None or not _ADDRESS.fullmatch(transaction.to):
            raise Unsupported("to: expected an address; contracts are not created")
        raw = self._sign(transaction)
        if Account.recover_transaction(raw) != self._account.address:
            raise OutcomeUnknown("the signature does not recover to this signer's address")
        return raw

    def _sign(self, transaction: Transaction) -> bytes:
        fields = {
            "type": 2,
            "chainId": transaction.chain_id,
            "nonce": transaction.nonce,
            "to": bytes.fromhex((transaction.to or "0x")[2:]),
            "value": transaction.value,
            "data": transaction.data,
            "gas": transaction.gas,
            "maxFeePerGas": transaction.max_fee_per_gas,
            "maxPriorityFeePerGas": transaction.max_priority_fee_per_gas,
            "accessList": [],
        }
        return bytes(self._account.sign_transaction(fields).raw_transaction)


@hookimpl
def register_signers() -> Mapping[str, SignerFactory]:
    """The name is the one of the entry point."""
    return {"acme-plugin": AcmeSigner}
