"""Signs with a private key that is given as a secret. For a try, and for small sums: a keystore is better kept.

Secret:

* `private_key`  `0x` and 64 hexadecimal digits

The settings are those of `evm_signing/policy.py`: `chain_ids`, `address`, `allow_contract_creation`.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import SignerFactory, hookimpl

from builtin_plugins.env_key_signer.signer import EnvKeySigner


@hookimpl
def register_signers() -> Mapping[str, SignerFactory]:
    """`env_private_key`: a key in the open, but in its own process."""
    return {"env_private_key": EnvKeySigner}
