"""What a signer was set up to sign: its chains, its address, and whether it may make contracts.

Settings of every signer with a local key:

* `chain_ids`                the chains that it signs for, by EIP-155 chain ID, with commas; required
* `address`                  optional: the address that the key must have
* `allow_contract_creation`  `false` (the default) or `true`
"""

from __future__ import annotations

import re

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, Unsupported
from readytrader_sdk.evm import Transaction
from readytrader_sdk.hooks import PluginContext

from builtin_plugins.evm_signing.addresses import address_from_text, checksum_address

SETTINGS = frozenset({"chain_ids", "address", "allow_contract_creation"})

_CHAIN_ID = re.compile(r"[1-9]\d{0,17}", re.ASCII)


class Policy(Struct, frozen=True, kw_only=True):
    """What the key is for. What it is not for is `Unsupported`."""

    instance: str
    chain_ids: frozenset[int]
    address: str | None
    """With its checksum."""
    contract_creation_allowed: bool

    def check_chain(self, chain_id: int) -> None:
        """Raises `Unsupported` for a chain that is not among `chain_ids`."""
        if chain_id not in self.chain_ids:
            known = ", ".join(map(str, sorted(self.chain_ids)))
            raise Unsupported(f"{self.instance}: chain {chain_id} is not among chain_ids ({known})")

    def check_transaction(self, transaction: Transaction) -> None:
        """Raises `Unsupported` for a transaction that this key does not sign, and for one that no chain accepts."""
        self.check_chain(transaction.chain_id)
        if transaction.to is None:
            if not self.contract_creation_allowed:
                raise Unsupported(f"{self.instance}: it makes a contract, and allow_contract_creation is not true")
        else:
            try:
                address_from_text(transaction.to)
            except ValueError as error:
                raise Unsupported(f"{self.instance}: to: {error}") from None
        # The bounds are those of EIP-2681 (nonce) and of what a chain's 256-bit words hold.
        if not 0 <= transaction.nonce < 2**64 - 1 or not 0 <= transaction.value < 2**256:
            raise Unsupported(f"{self.instance}: nonce or value out of range")
        if not 0 < transaction.gas < 2**64 or not 0 < transaction.max_fee_per_gas < 2**256:
            raise Unsupported(f"{self.instance}: gas or max_fee_per_gas out of range")
        if not 0 <= transaction.max_priority_fee_per_gas <= transaction.max_fee_per_gas:
            raise Unsupported(f"{self.instance}: max_priority_fee_per_gas is not from 0 to max_fee_per_gas")

    def check_address(self, address: str) -> None:
        """Raises `Misconfigured` when the key is not that of the address that was set."""
        if self.address is not None and address != self.address:
            raise Misconfigured(f"{self.instance}: address: expected {self.address}, the key's is {address}")


def read_policy(context: PluginContext, *, others: frozenset[str] = frozenset()) -> Policy:
    """The policy from the settings; `others` are settings that somebody else reads. Raises `Misconfigured`."""
    known = SETTINGS | others
    if unknown := sorted(context.settings.keys() - known):
        expected = ", ".join(sorted(known))
        raise Misconfigured(f"{context.name}: unknown setting {unknown[0][:60]!r}; expected {expected}")
    creation = context.settings.get("allow_contract_creation", "false")
    if creation not in ("true", "false"):
        raise Misconfigured(f"{context.name}: allow_contract_creation: expected true or false, got {creation[:60]!r}")
    return Policy(
        instance=context.name,
        chain_ids=_chain_ids(context),
        address=_pinned(context),
        contract_creation_allowed=creation == "true",
    )


def _chain_ids(context: PluginContext) -> frozenset[int]:
    text = context.settings.get("chain_ids", "")
    names = [name.strip() for name in text.split(",")]
    if not all(_CHAIN_ID.fullmatch(name) for name in names):
        raise Misconfigured(f"{context.name}: chain_ids: expected chain IDs such as 1, 10, 8453, got {text[:60]!r}")
    return frozenset(map(int, names))


def _pinned(context: PluginContext) -> str | None:
    text = context.settings.get("address")
    if text is None:
        return None
    try:
        return checksum_address(address_from_text(text))
    except ValueError as error:
        raise Misconfigured(f"{context.name}: address: {error}") from None
