"""Web3 Secret Storage: the vectors of its definition, files of other programs, and files that lie."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from builtin_plugins.evm_signing.secret_key import ORDER, SecretKey
from builtin_plugins.keystore_signer.keystore import keystore_from_json
from tests.plugins.signing import ADDRESS, KEY

Document = dict[str, Any]

DEFINITION_KEY = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
DEFINITION_ADDRESS = "008aeeda4d805471df9b2a5b0f38a0c3bcba786b"
PBKDF2: Document = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
SCRYPT: Document = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "r": 1,
            "p": 8,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
"""The two test vectors of the definition. Their password is `testpassword`; neither has an address."""


def opened(document: Document, password: str = "testpassword") -> SecretKey:
    return keystore_from_json(json.dumps(document).encode()).open(password)


@pytest.mark.parametrize("document", [PBKDF2, SCRYPT], ids=["pbkdf2", "scrypt"])
def test_the_vectors_of_the_definition_open(document: Document) -> None:
    assert opened(document).address == SecretKey(DEFINITION_KEY).address
    assert opened({**document, "address": DEFINITION_ADDRESS}).address.lower() == f"0x{DEFINITION_ADDRESS}"
    with pytest.raises(ValueError, match="the password does not open it"):
        opened(document, "Testpassword")


@given(st.integers(1, ORDER - 1), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
@settings(deadline=None, max_examples=25)
def test_what_eth_account_encrypts_opens(number: int, password: str) -> None:
    secret = number.to_bytes(32, "big")
    for kdf in ("scrypt", "pbkdf2"):
        document = Account.encrypt(secret, password, kdf=kdf, iterations=2)
        assert opened(document, password).address == SecretKey(secret).address


def test_the_standard_file_of_geth_opens_within_the_memory_that_it_takes() -> None:
    assert opened(Account.encrypt(KEY, "p", kdf="scrypt", iterations=262_144), "p").address == ADDRESS


def cheap(**changes: object) -> Document:
    return {**Account.encrypt(KEY, "p", kdf="scrypt", iterations=2), **changes}


def test_spellings_of_other_programs_are_read() -> None:
    """Old wallets write `Crypto` and capitals, some write `0x`, Foundry writes no address."""
    document = cheap()
    assert opened({**document, "address": "0x" + document["address"].upper()}, "p").address == ADDRESS
    without = {name: value for name, value in document.items() if name != "address"}
    assert opened(without, "p").address == ADDRESS
    crypto = {name.upper(): value for name, value in document["crypto"].items()}
    assert opened({"Version": 3, "Crypto": crypto}, "p").address == ADDRESS


def test_a_file_that_names_another_address_than_its_keys_is_refused() -> None:
    with pytest.raises(ValueError, match=f"is of 0x{'11' * 20}, the key in it is of {ADDRESS}"):
        opened(cheap(address="11" * 20), "p")


def test_a_key_out_of_range_is_refused_and_not_quoted() -> None:
    from eth_keyfile.keyfile import encrypt_aes_ctr
    from eth_utils import keccak

    from builtin_plugins.keystore_signer.keystore import Scrypt

    document = cheap()
    crypto = document["crypto"]
    parameters = crypto["kdfparams"]
    derived = Scrypt(salt=bytes.fromhex(parameters["salt"]), n=2, r=8, p=1).derive(b"p")
    ciphertext = encrypt_aes_ctr(ORDER.to_bytes(32, "big"), derived[:16], int(crypto["cipherparams"]["iv"], 16))
    crypto |= {"ciphertext": ciphertext.hex(), "mac": keccak(derived[16:] + ciphertext).hex()}
    with pytest.raises(ValueError, match="order of secp256k1") as raised:
        opened(document, "p")
    assert f"{ORDER:x}" not in str(raised.value)


@pytest.mark.parametrize("part", ["ciphertext", "mac", "iv", "salt"])
def test_one_changed_bit_is_found(part: str) -> None:
    """A changed `iv` is not under the MAC: it makes another key, which is not that of the address."""
    document = cheap()
    crypto = document["crypto"]
    holder = {"iv": crypto["cipherparams"], "salt": crypto["kdfparams"]}.get(part, crypto)
    holder[part] = f"{int(holder[part], 16) ^ 1:0{len(holder[part])}x}"
    with pytest.raises(ValueError, match=r"does not open|the key in it is of"):
        opened(document, "p")


def within(*names: str, value: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for name in names[:-1]:
            document = document[name]
        document[names[-1]] = value

    return change


REFUSED: dict[str, Callable[[Document], None]] = {
    "version 4": within("version", value=4),
    "version as text": within("version", value="3"),
    "version with a fraction": within("version", value=3.0),
    "version true": within("version", value=True),
    "no crypto": within("crypto", value=None),
    "another cipher": within("crypto", "cipher", value="aes-256-ctr"),
    "another derivation": within("crypto", "kdf", value="argon2id"),
    "a longer key": within("crypto", "kdfparams", "dklen", value=64),
    "n that is no power of two": within("crypto", "kdfparams", "n", value=3),
    "n of one": within("crypto", "kdfparams", "n", value=1),
    "n of too much memory": within("crypto", "kdfparams", "n", value=2**20),
    "r of too much memory": within("crypto", "kdfparams", "r", value=2**30),
    "p of too much work": within("crypto", "kdfparams", "p", value=2**10),
    "n negative": within("crypto", "kdfparams", "n", value=-2),
    "n true": within("crypto", "kdfparams", "n", value=True),
    "n a fraction": within("crypto", "kdfparams", "n", value=2.0),
    "a salt that is none": within("crypto", "kdfparams", "salt", value="xyz"),
    "a salt that is a number": within("crypto", "kdfparams", "salt", value=5),
    "half a byte": within("crypto", "kdfparams", "salt", value="0"),
    "a short iv": within("crypto", "cipherparams", "iv", value="00" * 15),
    "a long ciphertext": within("crypto", "ciphertext", value="00" * 33),
    "a short mac": within("crypto", "mac", value="00" * 31),
    "an address of another length": within("address", value="00" * 19),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_another_form_is_refused_before_anything_is_derived(name: str) -> None:
    document = cheap()
    REFUSED[name](document)
    with pytest.raises(ValueError, match="expected"):
        keystore_from_json(json.dumps(document).encode())


@pytest.mark.parametrize("change", [{"prf": "hmac-sha512"}, {"c": 0}, {"c": 10**9}, {"dklen": 16}])
def test_pbkdf2_is_taken_with_what_the_definition_names(change: dict[str, object]) -> None:
    document = copy.deepcopy(PBKDF2)
    document["crypto"]["kdfparams"] |= change
    with pytest.raises(ValueError, match="expected"):
        keystore_from_json(json.dumps(document).encode())


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"\xff", b"{", b"[" * 60_000])
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        keystore_from_json(text)
