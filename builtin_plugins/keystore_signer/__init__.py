"""Signs with a key that lies encrypted in a file: Web3 Secret Storage, version 3, as Geth and Foundry write it.

Setting:

* `path`  the file; scrypt or PBKDF2, with or without an `address`

and those of `evm_signing/policy.py`: `chain_ids`, `address`, `allow_contract_creation`.

Secret:

* `password`  what the file was encrypted with
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import SignerFactory, hookimpl

from builtin_plugins.keystore_signer.signer import KeystoreSigner


@hookimpl
def register_signers() -> Mapping[str, SignerFactory]:
    """`keystore`: an encrypted file and its password."""
    return {"keystore": KeystoreSigner}
