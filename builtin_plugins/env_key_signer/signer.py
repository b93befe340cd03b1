"""A key from a secret. It is checked at the start, so that a wrong one never looks like a signer that works."""

from __future__ import annotations

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext

from builtin_plugins.evm_signing.policy import read_policy
from builtin_plugins.evm_signing.secret_key import secret_key_from_text
from builtin_plugins.evm_signing.signer import LocalSigner


class EnvKeySigner(LocalSigner):
    """Raises `Misconfigured` for a text that is no key, or not the key of the address that was set."""

    def __init__(self, context: PluginContext) -> None:
        policy = read_policy(context)
        try:
            key = secret_key_from_text(context.secrets.get("private_key", ""))
        except ValueError as error:
            raise Misconfigured(f"{context.name}: secret private_key: {error}") from None
        policy.check_address(key.address)
        super().__init__(policy, lambda: key)
