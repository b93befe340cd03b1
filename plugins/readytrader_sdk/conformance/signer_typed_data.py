"""Signers of EIP-712 messages. The message signed here is read by no contract."""

from __future__ import annotations

import json

from readytrader_sdk.conformance import evm_judge
from readytrader_sdk.conformance.checks import promise, refusing, skip
from readytrader_sdk.conformance.exchange_trial import fresh_id
from readytrader_sdk.conformance.signer import chain_of
from readytrader_sdk.conformance.subjects import SignerSubject
from readytrader_sdk.kinds import Kind
from readytrader_sdk.ports import TypedDataPort, TypedDataRequest


def _message(chain_id: int | None) -> str:
    """Canonical JSON of a message with the types that orders are made of."""
    domain: dict[str, object] = {"name": "ReadyTrader conformance", "version": "1"}
    domain_types = [{"name": "name", "type": "string"}, {"name": "version", "type": "string"}]
    if chain_id is not None:
        domain["chainId"] = chain_id
        domain_types.append({"name": "chainId", "type": "uint256"})
    order_types = [
        {"name": "maker", "type": "address"},
        {"name": "amount", "type": "uint256"},
        {"name": "kind", "type": "string"},
        {"name": "partial", "type": "bool"},
        {"name": "salt", "type": "bytes32"},
        {"name": "legs", "type": "Leg[]"},
    ]
    leg_types = [{"name": "token", "type": "address"}, {"name": "limit", "type": "int256"}]
    token = "0x000000000000000000000000000000000000dEaD"  # noqa: S105 - an address, no password
    message = {
        "maker": token,
        "amount": 2**255,
        "kind": "nothing",
        "partial": True,
        "salt": "0x" + "5a" * 32,
        "legs": [{"token": token, "limit": -1}, {"token": token, "limit": 1}],
    }
    body = {
        "domain": domain,
        "message": message,
        "primaryType": "Order",
        "types": {"EIP712Domain": domain_types, "Order": order_types, "Leg": leg_types},
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


async def _signed(subject: SignerSubject, chain_id: int, typed_data: str) -> bytes:
    signer = subject.signer
    if not isinstance(signer, TypedDataPort):
        skip("the signer signs no messages")
    request = TypedDataRequest(client_order_id=fresh_id(), chain_id=chain_id, typed_data=typed_data)
    return await signer.sign_typed_data(request)


@promise(
    Kind.SIGNER,
    "A message is signed in 65 bytes, low-S, v 27 or 28, recovering to the address.",
    moves_value=True,
    timeout_s=200,
)
async def messages_recover_to_the_address(subject: SignerSubject) -> None:
    evm_judge.require()
    typed_data = _message(chain_of(subject))
    signature = await _signed(subject, chain_of(subject), typed_data)
    evm_judge.expect_signed_message(signature, typed_data, evm_judge.checksummed(await subject.signer.address()))


@promise(Kind.SIGNER, "A message for another chain than the request names, or for none, is refused.", moves_value=True)
async def messages_for_another_chain_are_refused(subject: SignerSubject) -> None:
    chain_id = chain_of(subject)
    for named in (chain_id + 1, None):
        with refusing(f"a message for chain {named} in a request for chain {chain_id}"):
            await _signed(subject, chain_id, _message(named))


@promise(Kind.SIGNER, "A message that cannot be read is refused with an error of the SDK.", moves_value=True)
async def unreadable_messages_are_refused(subject: SignerSubject) -> None:
    chain_id = chain_of(subject)
    for text in ("", "[]", "{", '{"domain": {}}', _message(chain_id).replace("uint256", "uint257")):
        with refusing(f"a message that reads {text[:40]!r}"):
            await _signed(subject, chain_id, text)
