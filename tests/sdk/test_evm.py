"""The bytes of a transaction are those that a foreign implementation hashes; endpoints are read and matched exactly."""

from __future__ import annotations

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.egress import Endpoint, HttpAllowance, endpoint_from_text
from readytrader_sdk.evm import Transaction, unsigned_payload

numbers = st.integers(0, 2**64 - 1)
amounts = st.integers(0, 2**256 - 1)


@given(
    st.builds(
        Transaction,
        chain_id=numbers,
        nonce=numbers,
        to=st.none() | st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
        value=amounts,
        data=st.binary(max_size=300),
        gas=numbers,
        max_fee_per_gas=amounts,
        max_priority_fee_per_gas=amounts,
    )
)
def test_the_payload_hashes_to_what_eth_account_signs(transaction: Transaction) -> None:
    foreign = TypedTransaction.from_dict(
        {
            "type": 2,
            "chainId": transaction.chain_id,
            "nonce": transaction.nonce,
            "to": b"" if transaction.to is None else bytes.fromhex(transaction.to[2:]),
            "value": transaction.value,
            "data": transaction.data,
            "gas": transaction.gas,
            "maxFeePerGas": transaction.max_fee_per_gas,
            "maxPriorityFeePerGas": transaction.max_priority_fee_per_gas,
            "accessList": [],
        }
    )
    assert keccak(unsigned_payload(transaction)) == bytes(foreign.hash())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"to": "0x1234"}, "expected 0x and 40"),
        ({"to": "0x" + "zz" * 20}, "expected 0x and 40"),
        ({"to": "0x" + "ab " * 20}, "expected 0x and 40"),
        ({"to": "ab" * 20}, "expected 0x and 40"),
        ({"value": -1}, "got -1"),
    ],
)
def test_a_transaction_that_cannot_be_is_refused(change: dict[str, object], told: str) -> None:
    fields = {"chain_id": 1, "nonce": 0, "to": None, "value": 0, "data": b"", "gas": 1}
    transaction = Transaction(**{**fields, "max_fee_per_gas": 1, "max_priority_fee_per_gas": 1, **change})
    with pytest.raises(ValueError, match=told):
        unsigned_payload(transaction)


@pytest.mark.parametrize(
    "text",
    ["api.example.com", "api.example.com:0", "api.example.com:65536", "API.example.com:443", "https://a.com:443",
     ":443", "*.:443", "a.com:٤٤٣", "a.com/x:443", "a b:1"],
)  # fmt: skip
def test_an_endpoint_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a host"):
        endpoint_from_text(text)


def test_an_endpoint_covers_its_own_host_and_port_alone() -> None:
    allowance = HttpAllowance(hosts=(endpoint_from_text("api.example.com:443"), Endpoint("*.example.org", 8443)))
    assert allowance.allows("api.example.com", 443)
    assert allowance.allows("API.example.com.", 443)
    assert allowance.allows("a.b.example.org", 8443)
    for host, port in (
        ("api.example.com", 80),
        ("example.com", 443),
        ("x.api.example.com", 443),
        ("api.example.com.evil.net", 443),
        ("example.org", 8443),
        ("badexample.org", 8443),
        (".example.org", 8443),
    ):
        assert not allowance.allows(host, port), host
