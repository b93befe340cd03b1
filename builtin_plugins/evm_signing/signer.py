"""A signer whose key is in memory: every request is judged first, and every signature read back before it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from readytrader_sdk.errors import Unsupported
from readytrader_sdk.ports import TransactionRequest, TypedDataRequest

from builtin_plugins.evm_signing import transactions
from builtin_plugins.evm_signing.policy import Policy
from builtin_plugins.evm_signing.secret_key import SecretKey
from builtin_plugins.evm_signing.typed_data import digest_of

REASON_MAX = 300


class LocalSigner:
    """Signs EIP-1559 transactions and EIP-712 messages with one key, which it opens once, beside the event loop."""

    def __init__(self, policy: Policy, open_key: Callable[[], SecretKey]) -> None:
        self._policy = policy
        self._open_key = open_key
        self._opening: asyncio.Future[SecretKey] | None = None

    async def address(self) -> str:
        """The key's address, with its EIP-55 checksum. Raises `Misconfigured` when the key cannot be opened."""
        return (await self._key()).address

    async def sign_transaction(self, request: TransactionRequest) -> bytes:
        """The signed raw transaction. Raises `Unsupported` for what the settings, or the chains' rules, exclude."""
        self._policy.check_transaction(request.transaction)
        return transactions.sign(await self._key(), request.transaction)

    async def sign_typed_data(self, request: TypedDataRequest) -> bytes:
        """The 65-byte signature. Raises `Unsupported` for another chain, and for what cannot be read in full."""
        self._policy.check_chain(request.chain_id)
        try:
            digest = digest_of(request.typed_data, request.chain_id)
        except ValueError as error:
            # The text names places in the message, which is foreign.
            raise Unsupported(f"{self._policy.instance}: {str(error)[:REASON_MAX]}") from None
        return (await self._key()).sign_digest(digest).to_bytes()

    async def _key(self) -> SecretKey:
        if self._opening is None:
            self._opening = asyncio.ensure_future(asyncio.to_thread(self._open))
        # A caller that gives up does not end the work that the others wait for.
        return await asyncio.shield(self._opening)

    def _open(self) -> SecretKey:
        key = self._open_key()
        self._policy.check_address(key.address)
        return key
