"""Every built-in as it runs: in a caged worker, behind permits and the egress broker, under the same checks."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import standardwebhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_account import Account
from msgspec import Struct
from readytrader_sdk.conformance import Kind, NotifierSubject, SignerSubject, SourceSubject, Subject, Verdict, run
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.instruments import Instrument, VenueId
from readytrader_sdk.market import Tick
from readytrader_sdk.ports import TransactionRequest, TypedDataRequest

from appliance.domain.decision import Action, Permit, SignedPermit
from appliance.domain.intents import RequestId, digest
from appliance.home import Home
from appliance.plugin_host import cage
from appliance.plugin_host.catalog import worker_specs
from appliance.plugin_host.entries import InstalledPlugin, Instance
from appliance.plugin_host.gate import PermitRefused, PermitSigner
from appliance.plugin_host.health import WorkerState
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.remote import RemoteNotifier, RemoteSigner, RemoteSource
from appliance.plugin_host.supervisor import Worker
from tests.plugins.giving import notice
from tests.plugins.notifying import LINES, Line
from tests.plugins.services import PASSWORD, mailing
from tests.plugins.serving import make_certificate, receiving
from tests.plugins.signing import ADDRESS, CHAIN, KEY, foreign_raw, to_sign, transaction
from tests.plugins.test_conformance import CANDLES, NAMES_NO_INSTRUMENTS, OF_OTHER_SOURCES

SIGNER = PermitSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WEBHOOK_KEY = "whsec_" + base64.b64encode(bytes(32)).decode()
BOUND_S = 60.0


class Configured(Struct, frozen=True):
    """One instance, and the whole cage that this kernel can give demanded."""

    instances: tuple[Instance, ...]
    plugins: tuple[InstalledPlugin, ...] = ()

    @property
    def cage_required(self) -> Sequence[str]:
        return [name for name, state in cage.available().measures.items() if state == "on"]


@asynccontextmanager
async def working(folder: Path, instance: Instance, **secrets: str) -> AsyncIterator[Worker]:
    """The instance's worker, ready."""
    home = Home(folder / "home")
    home.prepare()
    (home.secrets / instance.name).mkdir(mode=0o700)
    for name, text in secrets.items():
        path = home.secrets / instance.name / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
    host = PluginHost(lambda: datetime.now(UTC), ())
    try:
        await host.open()
        host.add(worker_specs(Configured((instance,)), home, SIGNER.public_key.public_bytes_raw()))
        await host.start()
        async with asyncio.timeout(BOUND_S):
            await host[instance.name].up()
        yield host[instance.name]
    finally:
        await host.aclose()


def instance(
    kind: Kind, plugin: str, settings: dict[str, str] | None = None, *,
    hosts: tuple[Endpoint, ...] = (), private_hosts: tuple[Endpoint, ...] = (),
) -> Instance:  # fmt: skip
    return Instance(
        kind=kind, name="mine", plugin=plugin, settings=settings or {}, hosts=hosts, private_hosts=private_hosts
    )


def permitted(payload: TransactionRequest | TypedDataRequest, action: Action) -> SignedPermit:
    now = datetime.now(UTC)
    permit = Permit(
        request_id=RequestId(str(payload.client_order_id)),
        action=action,
        venue=VenueId("mine"),
        payload_digest=digest(payload),
        issued_at=now,
        expires_at=now + timedelta(minutes=1),
    )
    return SIGNER.sign(permit)


class PermittedSigner:
    """The port over a worker, with a permit for everything that is asked: what the kit takes for a signer."""

    def __init__(self, worker: Worker) -> None:
        self._signer = RemoteSigner(worker)

    async def address(self) -> str:
        return await self._signer.address()

    async def sign_transaction(self, request: TransactionRequest) -> bytes:
        return await self._signer.perform(permitted(request, Action.SIGN_TRANSACTION), request)

    async def sign_typed_data(self, request: TypedDataRequest) -> bytes:
        return await self._signer.perform(permitted(request, Action.SIGN_TYPED_DATA), request)


class RemoteTicks:
    """A source over a worker, tick by tick."""

    def __init__(self, worker: Worker) -> None:
        self._source = RemoteSource(worker)
        if self._source.paper_only:
            self.paper_only = self._source.paper_only

    async def instruments(self) -> Sequence[Instrument]:
        return await self._source.instruments()

    async def stream(self) -> AsyncIterator[Tick]:
        batches = self._source.batches()
        try:
            async for batch in batches:
                for tick in batch:
                    yield tick
        finally:
            await batches.aclose()  # type: ignore[attr-defined] # it is a generator


async def demand(kind: Kind, subject: Subject, *, skipped: frozenset[str] | set[str] = frozenset()) -> None:
    report = await run(kind, subject, moving=True)
    report.demand()
    assert {outcome.name for outcome in report.outcomes if outcome.verdict is Verdict.SKIPPED} <= skipped, report.text()


def keystore_in(folder: Path, iterations: int = 2) -> dict[str, str]:
    path = folder / "keystore.json"
    path.write_text(json.dumps(Account.encrypt(KEY, "p", kdf="scrypt", iterations=iterations)))
    return {"path": str(path), "chain_ids": str(CHAIN), "address": ADDRESS}


def test_the_key_in_a_secret_keeps_every_promise(tmp_path: Path) -> None:
    async def scene() -> None:
        settings = {"chain_ids": str(CHAIN), "allow_contract_creation": "true"}
        async with working(tmp_path, instance(Kind.SIGNER, "env_private_key", settings), private_key=KEY) as worker:
            await demand(Kind.SIGNER, SignerSubject(signer=PermittedSigner(worker), chain_id=CHAIN))

    asyncio.run(scene())


def test_the_key_in_a_keystore_keeps_every_promise(tmp_path: Path) -> None:
    async def scene() -> None:
        mine = instance(Kind.SIGNER, "keystore", keystore_in(tmp_path))
        async with working(tmp_path, mine, password="p") as worker:
            await demand(Kind.SIGNER, SignerSubject(signer=PermittedSigner(worker), chain_id=CHAIN))

    asyncio.run(scene())


def test_a_standard_keystore_of_geth_opens_within_the_limits_of_a_worker(tmp_path: Path) -> None:
    async def scene() -> None:
        mine = instance(Kind.SIGNER, "keystore", keystore_in(tmp_path, 262_144))
        async with working(tmp_path, mine, password="p") as worker:
            assert await RemoteSigner(worker).address() == ADDRESS

    asyncio.run(scene())


def test_a_signature_takes_a_permit_and_is_of_exactly_what_was_permitted(tmp_path: Path) -> None:
    async def scene() -> None:
        mine = instance(Kind.SIGNER, "env_private_key", {"chain_ids": str(CHAIN)})
        async with working(tmp_path, mine, private_key=KEY) as worker:
            asked = to_sign(value=10**20)
            leave = permitted(asked, Action.SIGN_TRANSACTION)
            with pytest.raises(PermitRefused):
                await RemoteSigner(worker).perform(leave, to_sign(value=10**20 + 1))
            assert await RemoteSigner(worker).perform(leave, asked) == foreign_raw(transaction(value=10**20))
            with pytest.raises(PermitRefused):
                await RemoteSigner(worker).perform(leave, asked)

    asyncio.run(scene())


@pytest.mark.parametrize("secret", [KEY[:-1], "0x" + "ff" * 32, KEY.replace("0x", "")])
def test_a_key_that_is_none_fails_the_worker_and_shows_in_nothing(tmp_path: Path, secret: str) -> None:
    async def scene() -> None:
        mine = instance(Kind.SIGNER, "env_private_key", {"chain_ids": str(CHAIN)})
        with pytest.raises(Misconfigured, match="secret private_key: expected") as raised:
            async with working(tmp_path, mine, private_key=secret):
                pass
        assert secret[2:20] not in str(raised.value)

    asyncio.run(scene())


def test_the_made_up_market_keeps_every_promise(tmp_path: Path) -> None:
    async def scene() -> None:
        settings = {"history_minutes": "20", "symbols": "BTC/USDT"}
        async with working(tmp_path, instance(Kind.DATA_SOURCE, "sample", settings)) as worker:
            subject = SourceSubject(make_source=lambda: RemoteTicks(worker), ticks_max=21)
            await demand(Kind.DATA_SOURCE, subject, skipped=OF_OTHER_SOURCES)

    asyncio.run(scene())


def test_the_player_keeps_every_promise(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text("timestamp,open,high,low,close,volume\n" + CANDLES)
    settings = {"path": str(path), "format": "candles_csv", "symbol": "ETH/USDT", "shift": "now"}

    async def scene() -> None:
        async with working(tmp_path, instance(Kind.DATA_SOURCE, "replay", settings)) as worker:
            subject = SourceSubject(make_source=lambda: RemoteTicks(worker), listen_s=1)
            without = OF_OTHER_SOURCES | NAMES_NO_INSTRUMENTS | {"quotes_are_consistent"}
            await demand(Kind.DATA_SOURCE, subject, skipped=without)

    asyncio.run(scene())


def webhook(url: str, *granted: Endpoint, private: bool = True, ca: Path | None = None) -> Instance:
    settings = {"url": url} | ({"ca_file": str(ca)} if ca else {})
    return instance(
        Kind.NOTIFIER, "webhook", settings, hosts=() if private else granted, private_hosts=granted if private else ()
    )


def test_signed_posts_keep_every_promise(tmp_path: Path) -> None:
    async def scene() -> None:
        with receiving() as receiver:
            mine = webhook(f"http://127.0.0.1:{receiver.port}/", Endpoint("127.0.0.1", receiver.port))
            async with working(tmp_path, mine, signing_key=WEBHOOK_KEY) as worker:
                await demand(Kind.NOTIFIER, NotifierSubject(notifier=RemoteNotifier(worker)))
        posted = receiver.posted[0]
        assert standardwebhooks.Webhook(WEBHOOK_KEY).verify(posted.body, dict(posted.headers))

    asyncio.run(scene())


def test_signed_posts_go_through_tls_from_end_to_end(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")

    async def scene() -> None:
        with receiving(certificate) as receiver:
            url, host = f"https://localhost:{receiver.port}/hook", Endpoint("localhost", receiver.port)
            async with working(tmp_path, webhook(url, host, ca=certificate), signing_key=WEBHOOK_KEY) as worker:
                await RemoteNotifier(worker).notify(notice())
        assert [posted.path for posted in receiver.posted] == ["/hook"]

    asyncio.run(scene())


def test_a_post_to_a_private_address_that_was_not_granted_as_one_gets_nowhere(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")

    async def scene() -> None:
        with receiving(certificate) as receiver:
            url, host = f"https://localhost:{receiver.port}/", Endpoint("localhost", receiver.port)
            mine = webhook(url, host, private=False, ca=certificate)
            async with working(tmp_path, mine, signing_key=WEBHOOK_KEY) as worker:
                with pytest.raises(Misconfigured, match="was not granted"):
                    await RemoteNotifier(worker).notify(notice())
        assert not receiver.posted

    asyncio.run(scene())


def test_discord_starts_with_its_url_and_not_with_another(tmp_path: Path) -> None:
    async def scene() -> None:
        mine = instance(Kind.NOTIFIER, "discord")
        url = "https://discord.com/api/webhooks/1/token"
        async with working(tmp_path / "good", mine, webhook_url=url) as worker:
            assert worker.health().state is WorkerState.READY
        with pytest.raises(Misconfigured, match="secret webhook_url: expected") as raised:
            async with working(tmp_path / "bad", mine, webhook_url=url.replace("discord", "diskord")):
                pass
        assert "diskord" not in str(raised.value)

    asyncio.run(scene())


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.plugin)
def test_messages_through_a_service_keep_every_promise_and_tell_no_credential(
    tmp_path: Path, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def scene() -> None:
        with receiving() as receiver:
            receiver.act = line.act(receiver)
            given = line.context(receiver)
            mine = instance(
                Kind.NOTIFIER, line.plugin, dict(given.settings), private_hosts=given.http.private_hosts
            )  # fmt: skip
            async with working(tmp_path, mine, **given.secrets) as worker:
                await demand(Kind.NOTIFIER, NotifierSubject(notifier=RemoteNotifier(worker)))
                receiver.act, receiver.status, receiver.headers = None, 429, {"Retry-After": "3"}
                with pytest.raises(Unavailable) as raised:
                    await RemoteNotifier(worker).notify(notice())
                assert raised.value.retry_after_s == 3
                receiver.status = 401
                with pytest.raises(Misconfigured) as refused:
                    await RemoteNotifier(worker).notify(notice())
        assert len(receiver.posted) > 10
        assert line.credential not in str(raised.value) + str(refused.value) + repr(worker.health()) + caplog.text

    asyncio.run(scene())


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mails_are_encrypted_from_within_the_cage_and_tell_no_password(
    tmp_path: Path, security: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    certificate = make_certificate(tmp_path, "localhost")

    async def scene() -> None:
        with mailing(certificate, starttls=security == "starttls") as (mailbox, port):
            settings = {
                "host": "localhost", "port": str(port), "security": security, "from": "rt@example.com",
                "to": "ops@example.com", "username": "ops", "ca_file": str(certificate),
            }  # fmt: skip
            mine = instance(Kind.NOTIFIER, "email", settings, private_hosts=(Endpoint("localhost", port),))
            async with working(tmp_path / "good", mine, password=PASSWORD) as worker:
                await demand(Kind.NOTIFIER, NotifierSubject(notifier=RemoteNotifier(worker)))
            async with working(tmp_path / "bad", mine, password="wrong-canary") as worker:
                with pytest.raises(Misconfigured, match="answered 535") as raised:
                    await RemoteNotifier(worker).notify(notice())
        assert len(mailbox.mails) > 10
        assert all(mailbox.encrypted)
        assert set(mailbox.users) == {"ops"}
        assert "canary" not in str(raised.value) + caplog.text
        assert PASSWORD not in caplog.text

    asyncio.run(scene())
