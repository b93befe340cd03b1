"""The SDK's conformance kit over every built-in plugin, with everything that it checks."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from readytrader_sdk.conformance import (
    Kind,
    NotifierSubject,
    SignerSubject,
    SourceSubject,
    Subject,
    Verdict,
    run,
)
from readytrader_sdk.egress import Endpoint

from builtin_plugins.discord_notifier.notifier import DiscordNotifier
from builtin_plugins.email_notifier.notifier import EmailNotifier
from builtin_plugins.env_key_signer.signer import EnvKeySigner
from builtin_plugins.keystore_signer.signer import KeystoreSigner
from builtin_plugins.replay_source.source import ReplaySource
from builtin_plugins.sample_source.walk import SampleSource
from builtin_plugins.webhook_notifier.notifier import WebhookNotifier
from tests.plugins.giving import given
from tests.plugins.notifying import LINES, Line
from tests.plugins.services import mailing
from tests.plugins.serving import Receiver, make_certificate, receiving
from tests.plugins.signing import CHAIN, KEY
from tests.plugins.test_replay_source import depth, packed, print_of, snapshot, ticker

SETTINGS = {"chain_ids": str(CHAIN)}


def demand(kind: Kind, subject: Subject, *, skipped: set[str] | None = None) -> None:
    """Everything kept; nothing skipped but what is named."""
    report = asyncio.run(run(kind, subject, moving=True))
    report.demand()
    seen = {outcome.name for outcome in report.outcomes if outcome.verdict is Verdict.SKIPPED}
    assert seen <= (skipped or set()), report.text()


def test_the_key_in_a_secret() -> None:
    demand(Kind.SIGNER, SignerSubject(signer=EnvKeySigner(given(SETTINGS, {"private_key": KEY})), chain_id=CHAIN))


def test_the_key_in_a_secret_where_it_may_make_contracts() -> None:
    context = given({**SETTINGS, "allow_contract_creation": "true"}, {"private_key": KEY})
    demand(Kind.SIGNER, SignerSubject(signer=EnvKeySigner(context), chain_id=CHAIN))


def test_the_key_in_a_keystore(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(Account.encrypt(KEY, "p", kdf="scrypt", iterations=2)))
    signer = KeystoreSigner(given({**SETTINGS, "path": str(path)}, {"password": "p"}))

    demand(Kind.SIGNER, SignerSubject(signer=signer, chain_id=CHAIN))


OF_OTHER_SOURCES = {"books_are_consistent", "trades_are_consistent", "sentiments_are_in_range"}


def test_the_made_up_market() -> None:
    subject = SourceSubject(
        make_source=lambda: SampleSource(given({"history_minutes": "20", "symbols": "BTC/USDT"})), ticks_max=21
    )
    demand(Kind.DATA_SOURCE, subject, skipped=OF_OTHER_SOURCES)


CANDLES = "".join(f"2023-11-14T22:{n:02}:00,100.{n},101.5,99.5,100.{n + 1},3.25\n" for n in range(1, 50))
NAMES_NO_INSTRUMENTS = {"symbols_are_among_its_instruments", "source_instruments_are_usable"}


def test_the_player_of_candles(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text("timestamp,open,high,low,close,volume\n" + CANDLES)
    settings = {"path": str(path), "format": "candles_csv", "symbol": "ETH/USDT", "shift": "now"}
    subject = SourceSubject(make_source=lambda: ReplaySource(given(settings)), listen_s=1)
    demand(Kind.DATA_SOURCE, subject, skipped=OF_OTHER_SOURCES | NAMES_NO_INSTRUMENTS | {"quotes_are_consistent"})


def test_the_player_of_streams(tmp_path: Path) -> None:
    first = snapshot(0, 10, [["2700.00", "1"]], [["2700.20", "2"]])
    lines = [depth(n, [["2700.00", str(n)]], [], update=10 + n, previous=9 + n) for n in range(1, 40)]
    lines += [ticker(40 + n, f"2699.{n + 10}", update=n + 1) for n in range(40)]
    lines += [print_of(90 + n, "2700.1", n) for n in range(40)]
    path = packed(tmp_path / "stream.gz", first, *lines)
    settings = {"path": str(path), "format": "binance_usdm", "symbol": "ETH/USDT", "shift": "now", "speed": "1"}
    subject = SourceSubject(make_source=lambda: ReplaySource(given(settings)), listen_s=1)
    of_candles = {"candles_lie_on_the_grid", "candles_are_consistent", "sentiments_are_in_range"}
    demand(Kind.DATA_SOURCE, subject, skipped=of_candles | NAMES_NO_INSTRUMENTS)


def test_signed_posts() -> None:
    key = "whsec_" + base64.b64encode(bytes(32)).decode()
    with receiving() as receiver:
        granted = (Endpoint("127.0.0.1", receiver.port),)
        context = given({"url": f"http://127.0.0.1:{receiver.port}/"}, {"signing_key": key}, private_hosts=granted)
        demand(Kind.NOTIFIER, NotifierSubject(notifier=WebhookNotifier(context)))
        assert len({posted.headers["webhook-id"] for posted in receiver.posted}) > 10


@pytest.fixture
def discord(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    certificate = make_certificate(tmp_path, "discord.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connect = socket.create_connection
    with receiving(certificate) as receiver:

        def lead(_: object, *rest: Any, **named: Any) -> socket.socket:
            return connect(("127.0.0.1", receiver.port), *rest, **named)

        monkeypatch.setattr(socket, "create_connection", lead)
        yield receiver


def test_messages_in_a_channel(discord: Receiver) -> None:
    notifier = DiscordNotifier(given(secrets={"webhook_url": "https://discord.com/api/webhooks/1/token"}))
    demand(Kind.NOTIFIER, NotifierSubject(notifier=notifier))
    assert len(discord.posted) > 10


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.plugin)
def test_messages_through_a_service(line: Line) -> None:
    with receiving() as receiver:
        demand(Kind.NOTIFIER, NotifierSubject(notifier=line.notifier(receiver)))
        assert len(receiver.posted) > 10


def test_mails() -> None:
    with mailing(auth=False) as (mailbox, port):
        settings = {
            "host": "localhost",
            "port": str(port),
            "security": "none",
            "from": "a@b.example",
            "to": "c@d.example",
        }
        context = given(settings, private_hosts=(Endpoint("localhost", port),))
        demand(Kind.NOTIFIER, NotifierSubject(notifier=EmailNotifier(context)))
        assert len(mailbox.mails) > 10
