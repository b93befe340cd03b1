"""Web3 Secret Storage, version 3: what the file says, and the key that its password opens.

Source: the Ethereum wiki's "Web3 Secret Storage Definition" (version 3). The bounds on the work
that a file may ask for are ours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import cast

from Crypto.Cipher import AES
from Crypto.Protocol.KDF import scrypt
from msgspec import Struct

from builtin_plugins.evm_signing.addresses import keccak256
from builtin_plugins.evm_signing.secret_key import SecretKey

SCRYPT_BYTES_MAX = 512 * 1024 * 1024
"""Geth's standard file (n = 262144, r = 8) takes 256 MiB."""
PBKDF2_ROUNDS_MAX = 20_000_000

_HEX = re.compile(r"(0x)?(([0-9a-fA-F]{2})*)", re.ASCII)


class Scrypt(Struct, frozen=True, kw_only=True):
    """RFC 7914."""

    salt: bytes
    n: int
    r: int
    p: int

    def derive(self, password: bytes) -> bytes:
        """32 bytes."""
        # Not hashlib's: OpenSSL refuses r = 1 with a large n, which the definition's own example has.
        # One key was asked for, and bytes are what it derives from: the library's stubs know neither.
        return cast("bytes", scrypt(password, self.salt, 32, N=self.n, r=self.r, p=self.p))  # type: ignore[arg-type]


class Pbkdf2(Struct, frozen=True, kw_only=True):
    """RFC 8018, with HMAC-SHA256."""

    salt: bytes
    rounds: int

    def derive(self, password: bytes) -> bytes:
        """32 bytes."""
        return hashlib.pbkdf2_hmac("sha256", password, self.salt, self.rounds, dklen=32)


class Keystore(Struct, frozen=True, kw_only=True):
    """One file's contents. Nothing in it is a secret without the password."""

    kdf: Scrypt | Pbkdf2
    iv: bytes
    ciphertext: bytes
    mac: bytes
    address: str | None
    """40 hexadecimal digits in small letters; some programs leave it out."""

    def open(self, password: str) -> SecretKey:
        """The key. Takes seconds and hundreds of MiB at worst. Raises `ValueError`, which quotes no secret."""
        derived = self.kdf.derive(password.encode())
        if not hmac.compare_digest(keccak256(derived[16:32] + self.ciphertext), self.mac):
            raise ValueError("the password does not open it (or the file is damaged)")
        counter = AES.new(derived[:16], AES.MODE_CTR, nonce=b"", initial_value=self.iv)
        key = SecretKey(counter.decrypt(self.ciphertext))
        if self.address is not None and self.address != key.address[2:].lower():
            raise ValueError(f"the file says that it is of 0x{self.address}, the key in it is of {key.address}")
        return key


def keystore_from_json(text: bytes) -> Keystore:
    """Read a file's contents. Raises `ValueError` that says what is expected and where."""
    try:
        document = _Fields(json.loads(text), "")
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("expected a JSON object") from None
    document.must_be("version", 3)
    crypto = document.fields("crypto")
    crypto.must_be("cipher", "aes-128-ctr")
    address = document.data("address") if document.has("address") else b""
    if len(address) not in (0, 20):
        raise ValueError("address: expected 40 hexadecimal digits")
    return Keystore(
        kdf=_kdf(crypto),
        iv=crypto.fields("cipherparams").data("iv", 16),
        ciphertext=crypto.data("ciphertext", 32),
        mac=crypto.data("mac", 32),
        address=address.hex() or None,
    )


def _kdf(crypto: _Fields) -> Scrypt | Pbkdf2:
    parameters = crypto.fields("kdfparams")
    parameters.must_be("dklen", 32)
    salt = parameters.data("salt")
    if crypto.text("kdf") == "pbkdf2":
        parameters.must_be("prf", "hmac-sha256")
        return Pbkdf2(salt=salt, rounds=parameters.whole("c", PBKDF2_ROUNDS_MAX))
    crypto.must_be("kdf", "scrypt")
    n, r, p = parameters.whole("n", 2**26), parameters.whole("r", 2**10), parameters.whole("p", 2**10)
    if n < 2 or n & (n - 1) or 128 * n * r > SCRYPT_BYTES_MAX or r * p > 2**10:
        raise ValueError("kdfparams: expected n, a power of two, r and p that ask for at most 512 MiB")
    return Scrypt(salt=salt, n=n, r=r, p=p)


class _Fields:
    """One object of the file, whose names count without their case: some programs write `Crypto`."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{where or 'the file'}: expected an object")
        self._values: Mapping[str, object] = {name.lower(): item for name, item in value.items()}
        self._where = f"{where}." if where else ""

    def has(self, name: str) -> bool:
        return name in self._values

    def fields(self, name: str) -> _Fields:
        return _Fields(self._values.get(name), f"{self._where}{name}")

    def must_be(self, name: str, expected: str | int) -> None:
        value = self._values.get(name)
        if type(value) is not type(expected) or value != expected:
            raise ValueError(f"{self._where}{name}: expected {expected}, got {value!r:.60}")

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise ValueError(f"{self._where}{name}: expected a text")
        return value

    def whole(self, name: str, highest: int) -> int:
        value = self._values.get(name)
        if type(value) is not int or not 0 < value <= highest:
            raise ValueError(f"{self._where}{name}: expected a whole number from 1 to {highest}")
        return value

    def data(self, name: str, length: int | None = None) -> bytes:
        """Bytes in hexadecimal digits, with or without `0x`."""
        found = _HEX.fullmatch(self.text(name))
        if found is None or (length is not None and len(found[2]) != 2 * length):
            of_length = f"{length} bytes in " if length else ""
            raise ValueError(f"{self._where}{name}: expected {of_length}hexadecimal digits")
        return bytes.fromhex(found[2])
