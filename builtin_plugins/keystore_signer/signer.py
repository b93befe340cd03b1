"""A key from an encrypted file. The file is read at the start; opening it takes a second or two, once, in a thread."""

from __future__ import annotations

from pathlib import Path

from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext

from builtin_plugins.evm_signing.policy import read_policy
from builtin_plugins.evm_signing.secret_key import SecretKey
from builtin_plugins.evm_signing.signer import LocalSigner
from builtin_plugins.keystore_signer.keystore import Keystore, keystore_from_json

FILE_BYTES_MAX = 64 * 1024


class KeystoreSigner(LocalSigner):
    """Raises `Misconfigured` for a file that is no keystore; a wrong password shows in the first call."""

    def __init__(self, context: PluginContext) -> None:
        policy = read_policy(context, others=frozenset({"path"}))
        keystore = _read(context)
        password = context.secrets.get("password", "")
        if not password:
            raise Misconfigured(f"{context.name}: secret password: is missing")

        def open_key() -> SecretKey:
            try:
                return keystore.open(password)
            except ValueError as error:
                raise Misconfigured(f"{context.name}: path: {error}") from None

        super().__init__(policy, open_key)


def _read(context: PluginContext) -> Keystore:
    path = context.settings.get("path", "")
    if not path:
        raise Misconfigured(f"{context.name}: path: is missing")
    try:
        with Path(path).open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Misconfigured(f"{context.name}: path: {path[:200]!r} cannot be read: {error.strerror}") from error
    if len(text) > FILE_BYTES_MAX:
        raise Misconfigured(f"{context.name}: path: expected a keystore, got more than {FILE_BYTES_MAX} bytes")
    try:
        return keystore_from_json(text)
    except ValueError as error:
        raise Misconfigured(f"{context.name}: path: {path[:200]!r}: {error}") from None
