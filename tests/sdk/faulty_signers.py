"""Signers with one fault each, and the checks that it must fail: those and no others."""

from __future__ import annotations

import asyncio
import json

import msgspec
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from readytrader_sdk.conformance.evm_judge import HALF_ORDER
from readytrader_sdk.errors import Unavailable, Unsupported
from readytrader_sdk.evm import Transaction
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import (
    TransactionRequest,
    TypedDataRequest,
)

from tests.sdk.good import GoodSigner

replace = msgspec.structs.replace
ORDER = HALF_ORDER * 2 + 1
ZERO_ADDRESS = "0x" + "00" * 20


class Signer(GoodSigner):
    """With a fault in what it takes or what it gives."""

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        self.calls = 0
        self.seen: list[Transaction] = []
        self.current: Transaction | None = None

    def taken(self, transaction: Transaction) -> Transaction:
        return transaction

    async def sign_transaction(self, request: TransactionRequest) -> bytes:
        return await super().sign_transaction(replace(request, transaction=self.taken(request.transaction)))


class ForgetsWhoItIs(Signer):
    async def address(self) -> str:
        self.calls += 1
        return ZERO_ADDRESS if self.calls == 2 else await super().address()


class WritesItsAddressSmall(Signer):
    async def address(self) -> str:
        return (await super().address()).lower()


class DropsData(Signer):
    def taken(self, transaction: Transaction) -> Transaction:
        return replace(transaction, data=b"")


class FillsInANonce(Signer):
    def taken(self, transaction: Transaction) -> Transaction:
        return replace(transaction, nonce=7)


class SignsForAnyChain(Signer):
    def taken(self, transaction: Transaction) -> Transaction:
        return replace(transaction, chain_id=5)


class SignsOnce(Signer):
    def taken(self, transaction: Transaction) -> Transaction:
        if transaction in self.seen:
            raise Unavailable("signed before")
        self.seen.append(transaction)
        return transaction


class MixesUp(Signer):
    async def sign_transaction(self, request: TransactionRequest) -> bytes:
        self.current = request.transaction
        await asyncio.sleep(0)
        return await super().sign_transaction(replace(request, transaction=self.current))


class SignsForChainZero(Signer):
    def taken(self, transaction: Transaction) -> Transaction:
        return transaction if transaction.chain_id else replace(transaction, chain_id=1)


class CreatesAtZero(Signer):
    def taken(self, transaction: Transaction) -> Transaction:
        return replace(transaction, to=ZERO_ADDRESS) if transaction.to is None else transaction


class PadsAddresses(Signer):
    def taken(self, transaction: Transaction) -> Transaction:
        to = transaction.to
        return transaction if to is None else replace(transaction, to="0x" + to[2:].rjust(40, "0"))


class SignsHigh(Signer):
    async def sign_transaction(self, request: TransactionRequest) -> bytes:
        raw = await super().sign_transaction(request)
        fields = dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
        return bytes(TypedTransaction.from_dict({**fields, "s": ORDER - fields["s"], "v": 1 - fields["v"]}).encode())


class SignsMessagesHigh(Signer):
    async def sign_typed_data(self, request: TypedDataRequest) -> bytes:
        signature = await super().sign_typed_data(request)
        s = ORDER - int.from_bytes(signature[32:64], "big")
        return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


class SignsMessagesForAnyChain(Signer):
    async def sign_typed_data(self, request: TypedDataRequest) -> bytes:
        try:
            return await super().sign_typed_data(request)
        except Unsupported as fault:
            if "for chain" in str(fault):
                return bytes(65)
            raise


class SignsWhatItCannotRead(Signer):
    async def sign_typed_data(self, request: TypedDataRequest) -> bytes:
        try:
            return await super().sign_typed_data(request)
        except Unsupported as fault:
            if "read" in str(fault):
                return bytes(65)
            raise


class LeaksItsOwnErrors(Signer):
    async def sign_typed_data(self, request: TypedDataRequest) -> bytes:
        json.loads(request.typed_data)
        return await super().sign_typed_data(request)


SIGNING = {
    "signatures_are_of_exactly_the_fields",
    "signing_again_is_as_good",
    "signatures_at_once_are_not_mixed_up",
}
SIGNERS: dict[type[Signer], set[str]] = {
    ForgetsWhoItIs: {"the_address_stays_the_same"},
    WritesItsAddressSmall: {"the_address_is_checksummed"},
    DropsData: {"signatures_are_of_exactly_the_fields"},
    FillsInANonce: SIGNING,
    SignsForAnyChain: {*SIGNING, "chain_zero_is_refused"},
    SignsHigh: SIGNING,
    SignsOnce: {"signing_again_is_as_good"},
    MixesUp: {"signatures_at_once_are_not_mixed_up"},
    SignsForChainZero: {"chain_zero_is_refused"},
    CreatesAtZero: {"contract_creation_is_exact_or_refused"},
    PadsAddresses: {"a_short_address_is_refused"},
    SignsMessagesHigh: {"messages_recover_to_the_address"},
    SignsMessagesForAnyChain: {"messages_for_another_chain_are_refused"},
    SignsWhatItCannotRead: {"unreadable_messages_are_refused"},
    LeaksItsOwnErrors: {"unreadable_messages_are_refused"},
}
