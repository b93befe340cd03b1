"""Signers of transactions: exactly the fields asked for, by the one key, and nothing that makes no sense.

Every transaction here goes to the signer's own address with a nonce that no account reaches: it can never be mined.
"""

from __future__ import annotations

import asyncio
import re

import msgspec

from readytrader_sdk.conformance import evm_judge
from readytrader_sdk.conformance.checks import NotKept, expect, promise, refusing, shown, skip
from readytrader_sdk.conformance.exchange_trial import fresh_id
from readytrader_sdk.conformance.subjects import SignerSubject
from readytrader_sdk.errors import Unsupported
from readytrader_sdk.evm import Transaction
from readytrader_sdk.kinds import Kind
from readytrader_sdk.ports import TransactionRequest

_NONCE = 2**63
"""Valid (EIP-2681 allows up to 2**64 - 2), and further than any account will ever count."""
_GWEI = 10**9


def chain_of(subject: SignerSubject) -> int:
    """The chain to sign for; skips the check where the subject names none."""
    if subject.chain_id is None:
        skip("the subject names no chain_id")
    return subject.chain_id


def _harmless(address: str, chain_id: int, **changes: object) -> Transaction:
    plain = Transaction(
        chain_id=chain_id,
        nonce=_NONCE,
        to=address,
        value=0,
        data=b"",
        gas=21000,
        max_fee_per_gas=30 * _GWEI,
        max_priority_fee_per_gas=_GWEI,
    )
    return msgspec.structs.replace(plain, **changes)


async def _signed(subject: SignerSubject, transaction: Transaction) -> bytes:
    request = TransactionRequest(client_order_id=fresh_id(), transaction=transaction)
    return await subject.signer.sign_transaction(request)


async def _expect_exact(subject: SignerSubject, transaction: Transaction) -> None:
    address = await subject.signer.address()
    evm_judge.expect_signed(await _signed(subject, transaction), transaction, evm_judge.checksummed(address))


@promise(Kind.SIGNER, "The address is 0x and 40 hexadecimal digits, and stays the same.")
async def the_address_stays_the_same(subject: SignerSubject) -> None:
    first, second = await subject.signer.address(), await subject.signer.address()
    expect(re.fullmatch("0x[0-9a-fA-F]{40}", first) is not None, f"the address is {shown(first)}")
    expect(first.lower() == second.lower(), f"first {shown(first)}, then {shown(second)}")


@promise(Kind.SIGNER, "The address is written with its EIP-55 checksum.")
async def the_address_is_checksummed(subject: SignerSubject) -> None:
    evm_judge.require()
    address = await subject.signer.address()
    expect(address == evm_judge.checksummed(address), f"the address is {shown(address)}")


@promise(
    Kind.SIGNER,
    "A transaction is signed with exactly the fields asked for, low-S, by its key.",
    moves_value=True,
    timeout_s=600,
)
async def signatures_are_of_exactly_the_fields(subject: SignerSubject) -> None:
    evm_judge.require()
    chain_id, address = chain_of(subject), await subject.signer.address()
    for transaction in (
        _harmless(address, chain_id),
        _harmless(address, chain_id, value=1, data=b"\x00", gas=100_000),
        _harmless(address, chain_id, nonce=_NONCE + 1, value=2**96 - 1, data=bytes(range(256)) * 4, gas=5_000_000),
        _harmless(address, chain_id, max_fee_per_gas=_GWEI, max_priority_fee_per_gas=0, data=b"\x7f"),
    ):
        await _expect_exact(subject, transaction)


@promise(
    Kind.SIGNER,
    "The same transaction asked for again is signed as well as the first time.",
    moves_value=True,
    timeout_s=400,
)
async def signing_again_is_as_good(subject: SignerSubject) -> None:
    evm_judge.require()
    transaction = _harmless(await subject.signer.address(), chain_of(subject))
    for _ in range(2):
        await _expect_exact(subject, transaction)


@promise(
    Kind.SIGNER, "Signatures asked for at once are each of their own transaction.", moves_value=True, timeout_s=800
)
async def signatures_at_once_are_not_mixed_up(subject: SignerSubject) -> None:
    evm_judge.require()
    chain_id, address = chain_of(subject), await subject.signer.address()
    await asyncio.gather(
        *(_expect_exact(subject, _harmless(address, chain_id, nonce=_NONCE + 10 + number)) for number in range(4))
    )


@promise(
    Kind.SIGNER, "Chain 0, where a signature would be good on every chain, is refused as unsupported.", moves_value=True
)
async def chain_zero_is_refused(subject: SignerSubject) -> None:
    transaction = _harmless(await subject.signer.address(), 0)
    try:
        await _signed(subject, transaction)
    except Unsupported:
        return
    raise NotKept("a transaction for chain 0 was signed")


@promise(Kind.SIGNER, "A contract creation is signed as asked for, or refused as unsupported.", moves_value=True)
async def contract_creation_is_exact_or_refused(subject: SignerSubject) -> None:
    evm_judge.require()
    address = evm_judge.checksummed(await subject.signer.address())
    transaction = _harmless(address, chain_of(subject), to=None, data=b"\x00", gas=60_000)
    try:
        raw = await _signed(subject, transaction)
    except Unsupported:
        return
    evm_judge.expect_signed(raw, transaction, address)


@promise(Kind.SIGNER, "An address that is not 20 bytes is refused with an error of the SDK.", moves_value=True)
async def a_short_address_is_refused(subject: SignerSubject) -> None:
    transaction = _harmless("0x1234", chain_of(subject))
    with refusing("a transaction to 0x1234"):
        await _signed(subject, transaction)
