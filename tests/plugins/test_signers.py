"""The two signers with a local key: what they sign, what they refuse, and that the key is never seen."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from pathlib import Path

import pytest
from eth_account import Account
from msgspec.structs import replace
from readytrader_sdk.errors import Misconfigured, PluginError, Unsupported
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import SignerPort, TypedDataPort

from builtin_plugins.env_key_signer.signer import EnvKeySigner
from builtin_plugins.evm_signing.signer import LocalSigner
from builtin_plugins.keystore_signer import keystore
from builtin_plugins.keystore_signer.signer import KeystoreSigner
from tests.plugins.giving import given
from tests.plugins.signing import (
    ADDRESS,
    CHAIN,
    KEY,
    TO,
    foreign_digest,
    foreign_raw,
    foreign_signer_of,
    to_sign,
    transaction,
    typed,
)
from tests.plugins.test_typed_data import MAIL, PERMIT

PASSWORD = "correct horse"  # not the key of anything that is worth something


def env_context(key: str = KEY, **settings: str) -> PluginContext:
    return given({"chain_ids": f"1, {CHAIN}", **settings}, {"private_key": key})


def keystore_context(folder: Path, *, password: str = PASSWORD, **settings: str) -> PluginContext:
    path = folder / "keystore.json"
    if not path.exists():
        path.write_text(json.dumps(Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=2)))
    return given({"chain_ids": f"1,{CHAIN}", "path": str(path), **settings}, {"password": password})


@pytest.fixture(params=["env_private_key", "keystore"])
def make(request: pytest.FixtureRequest, tmp_path: Path):  # type: ignore[no-untyped-def]
    def signer(**settings: str) -> LocalSigner:
        if request.param == "keystore":
            return KeystoreSigner(keystore_context(tmp_path, **settings))
        return EnvKeySigner(env_context(**settings))

    return signer


def test_it_signs_what_eth_account_signs_and_names_its_address(make) -> None:
    signer = make()
    assert isinstance(signer, SignerPort)
    assert isinstance(signer, TypedDataPort)

    async def run() -> None:
        assert await signer.address() == ADDRESS
        raw = await signer.sign_transaction(to_sign())
        assert raw == foreign_raw(transaction())
        assert Account.recover_transaction(raw) == ADDRESS

    asyncio.run(run())


def test_a_typed_message_recovers_to_the_address(make) -> None:
    signature = asyncio.run(make().sign_typed_data(typed(json.dumps(PERMIT))))
    assert len(signature) == 65
    assert signature[64] in (27, 28)
    assert foreign_signer_of(foreign_digest(PERMIT), signature) == ADDRESS
    assert signature == bytes(Account.from_key(KEY).sign_typed_data(full_message=PERMIT).signature)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain_id": 10}, "chain 10 is not among chain_ids"),
        ({"chain_id": 0}, "chain 0 is not among"),
        ({"to": None}, "makes a contract"),
        ({"to": TO.replace("C", "c")}, "checksum"),
        ({"to": "0x00"}, "expected 0x and 40"),
        ({"to": ""}, "expected 0x and 40"),
        ({"value": -1}, "value out of range"),
        ({"value": 2**256}, "value out of range"),
        ({"nonce": -1}, "nonce or"),
        ({"nonce": 2**64 - 1}, "nonce or"),
        ({"gas": 0}, "gas or"),
        ({"gas": 2**64}, "gas or"),
        ({"max_fee_per_gas": 0, "max_priority_fee_per_gas": 0}, "max_fee_per_gas out of range"),
        ({"max_priority_fee_per_gas": 2 * 10**9 + 1}, "max_priority_fee_per_gas is not"),
        ({"max_priority_fee_per_gas": -1}, "max_priority_fee_per_gas is not"),
    ],
)
def test_a_transaction_that_is_not_to_be_signed_is_unsupported(make, changes: dict[str, object], reason: str) -> None:
    with pytest.raises(Unsupported, match=f"instance: .*{reason}"):
        asyncio.run(make().sign_transaction(to_sign(**changes)))


@pytest.mark.parametrize(
    "changes",
    [{"nonce": 0}, {"nonce": 2**64 - 2}, {"value": 0}, {"value": 2**256 - 1}, {"gas": 1}, {"gas": 2**64 - 1},
     {"max_priority_fee_per_gas": 0}, {"max_priority_fee_per_gas": 2 * 10**9}, {"chain_id": 1}, {"to": TO.lower()}],
)  # fmt: skip
def test_a_transaction_just_within_the_bounds_is_signed(make, changes: dict[str, object]) -> None:
    assert asyncio.run(make().sign_transaction(to_sign(**changes))) == foreign_raw(transaction(**changes))


def test_a_contract_is_made_only_where_the_operator_said_so(make) -> None:
    asked = {"to": None, "data": b"\x60\x00"}
    signer = make(allow_contract_creation="true")
    assert asyncio.run(signer.sign_transaction(to_sign(**asked))) == foreign_raw(transaction(**asked))


def test_a_message_for_another_chain_is_unsupported(make) -> None:
    with pytest.raises(Unsupported, match="chain 5 is not among"):
        asyncio.run(make().sign_typed_data(typed(json.dumps(PERMIT), 5)))
    with pytest.raises(Unsupported, match=r"domain\.chainId"):
        asyncio.run(make().sign_typed_data(typed(json.dumps(MAIL), CHAIN)))
    assert len(asyncio.run(make().sign_typed_data(typed(json.dumps(MAIL), 1)))) == 65


def test_a_message_that_cannot_be_read_is_unsupported_and_quoted_in_short(make) -> None:
    message: object = None
    for _ in range(12):
        message = {"x" * 120: [message]}
    types = {"Node": [{"name": "x" * 120, "type": "Node[]"}]}
    deep = {"types": types, "primaryType": "Node", "domain": {"chainId": CHAIN}, "message": message}
    for hostile in ({**PERMIT, "\x1b[31m" + "x" * 5000: 1}, deep):
        with pytest.raises(Unsupported) as raised:
            asyncio.run(make().sign_typed_data(typed(json.dumps(hostile))))
        assert len(str(raised.value)) < 400
        assert str(raised.value).isprintable()


def test_a_pinned_address_must_be_the_keys(make) -> None:
    assert asyncio.run(make(address=ADDRESS.lower()).address()) == ADDRESS
    with pytest.raises(Misconfigured, match=f"address: expected {TO}, the key's is {ADDRESS}"):
        asyncio.run(make(address=TO).address())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"chain_ids": ""}, "chain_ids: expected"),
        ({"chain_ids": "1,,2"}, "chain_ids: expected"),
        ({"chain_ids": "0"}, "chain_ids: expected"),
        ({"chain_ids": "mainnet"}, "chain_ids: expected"),
        ({"chain_ids": "١"}, "chain_ids: expected"),
        ({"address": "0x00"}, "address: expected 0x"),
        ({"address": ADDRESS.replace("F", "f")}, "address: .*checksum"),
        ({"allow_contract_creation": "yes"}, "allow_contract_creation: expected true or false"),
        ({"max_value": "1"}, "unknown setting 'max_value'"),
    ],
)
def test_a_wrong_setting_is_named_at_the_start(make, settings: dict[str, str], reason: str) -> None:
    with pytest.raises(Misconfigured, match=f"instance: {reason}"):
        make(**settings)


def test_chain_ids_are_required(tmp_path: Path) -> None:
    for plugin, context in ((EnvKeySigner, env_context()), (KeystoreSigner, keystore_context(tmp_path))):
        settings = {name: text for name, text in context.settings.items() if name != "chain_ids"}
        with pytest.raises(Misconfigured, match="chain_ids: expected"):
            plugin(replace(context, settings=settings))


def test_a_key_that_is_none_is_refused_at_the_start_and_not_quoted() -> None:
    for key in (KEY[:-1], KEY + "00", "0x" + "ff" * 32, KEY.replace("a", "x")):
        with pytest.raises(Misconfigured, match="instance: secret private_key: expected") as raised:
            EnvKeySigner(env_context(key))
        assert key[2:20] not in str(raised.value)
    with pytest.raises(Misconfigured, match="secret private_key"):
        EnvKeySigner(replace(env_context(), secrets={}))


def test_nothing_that_a_signer_shows_holds_its_key(make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    signer = make()
    texts = []
    for request in (to_sign(), to_sign(to=None), to_sign(chain_id=3), to_sign(value=-1)):
        try:
            texts.append(repr(asyncio.run(make().sign_transaction(request))))
        except PluginError as error:
            texts.append(f"{error!r} {error.__cause__!r} {error.__context__!r}")
    texts += [repr(signer), str(vars(signer)), caplog.text]
    secret = bytes.fromhex(KEY[2:])
    for shown in (KEY[2:], repr(secret)[2:-1], str(int.from_bytes(secret, "big")), PASSWORD):
        assert not [text for text in texts if shown in text]


def test_a_keystore_is_opened_once_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened_in = []
    derive = keystore.Scrypt.derive

    def watched(self: keystore.Scrypt, password: bytes) -> bytes:
        opened_in.append(threading.current_thread())
        return derive(self, password)

    monkeypatch.setattr(keystore.Scrypt, "derive", watched)
    signer = KeystoreSigner(keystore_context(tmp_path))
    assert not opened_in, "not while the worker starts"

    async def many() -> None:
        first = asyncio.create_task(signer.address())
        await asyncio.sleep(0)
        first.cancel()  # whoever gives up does not take it away from the others
        assert set(await asyncio.gather(*(signer.address() for _ in range(5)))) == {ADDRESS}
        await signer.sign_transaction(to_sign())

    asyncio.run(many())
    assert len(opened_in) == 1
    assert opened_in[0] is not threading.main_thread()


def test_a_wrong_password_is_misconfigured_every_time_and_not_quoted(tmp_path: Path) -> None:
    signer = KeystoreSigner(keystore_context(tmp_path, password="battery staple"))

    async def twice() -> None:
        for _ in range(2):
            with pytest.raises(Misconfigured, match="the password does not open it") as raised:
                await signer.sign_transaction(to_sign())
            assert "battery" not in str(raised.value)

    asyncio.run(twice())


def test_a_file_that_is_no_keystore_is_refused_at_the_start(tmp_path: Path) -> None:
    usual = keystore_context(tmp_path)
    path = tmp_path / "other.json"
    for text, reason in (("{}", "version: expected 3"), ("", "expected a JSON object"), ("x" * 70_000, "more than")):
        path.write_text(text)
        with pytest.raises(Misconfigured, match=f"instance: path: .*{reason}"):
            KeystoreSigner(replace(usual, settings={**usual.settings, "path": str(path)}))
    for missing in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(Misconfigured, match="cannot be read"):
            KeystoreSigner(replace(usual, settings={**usual.settings, "path": str(missing)}))
    with pytest.raises(Misconfigured, match="path: is missing"):
        KeystoreSigner(replace(usual, settings={"chain_ids": "1"}))
    with pytest.raises(Misconfigured, match="secret password: is missing"):
        KeystoreSigner(replace(usual, secrets={}))
