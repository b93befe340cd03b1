"""Mails, taken by a real SMTP server and read by the standard library: encrypted, plain, without a header too many."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given as property_of
from hypothesis import settings as bounded
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import NotifierPort, Severity

from builtin_plugins.email_notifier import notifier as module
from builtin_plugins.email_notifier.mail import mail_of
from builtin_plugins.email_notifier.notifier import EmailNotifier
from tests.plugins.giving import given, notice
from tests.plugins.services import PASSWORD, mailing
from tests.plugins.serving import make_certificate

HEADERS = {
    "from", "to", "subject", "date", "message-id", "auto-submitted", "content-type", "content-transfer-encoding",
    "mime-version",
}  # fmt: skip


def context(
    port: int, security: str, ca: Path | None = None, *, private: bool = True, password: str | None = None,
    **settings: str,
) -> PluginContext:  # fmt: skip
    granted = (Endpoint("localhost", port),)
    return given(
        {
            "host": "localhost",
            "port": str(port),
            "security": security,
            "from": "rt@example.com",
            "to": "ops@example.com",
        }
        | ({"ca_file": str(ca)} if ca else {})
        | settings,
        {} if password is None else {"password": password},
        hosts=() if private else granted,
        private_hosts=granted if private else (),
    )


def send(context: PluginContext, **changes: object) -> None:
    notifier = EmailNotifier(context)
    assert isinstance(notifier, NotifierPort)
    asyncio.run(notifier.notify(notice(**changes)))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.mark.parametrize("starttls", [True, False], ids=["starttls", "tls"])
def test_a_notice_is_one_encrypted_mail_of_somebody_who_signed_in(certificate: Path, starttls: bool) -> None:
    with mailing(certificate, starttls=starttls) as (mailbox, port):
        security = "starttls" if starttls else "tls"
        send(context(port, security, certificate, username="ops", password=PASSWORD), subject="Ä \u201cquoted\u201d 😀")
    (mail,) = mailbox.mails
    assert (mailbox.encrypted, mailbox.users) == ([True], ["ops"])
    assert mailbox.envelopes[0].rcpt_tos == ["ops@example.com"]
    assert {name.lower() for name in mail} == HEADERS
    assert mail["Subject"] == "[ReadyTrader] WARNING: Ä \u201cquoted\u201d 😀"
    assert mail["Message-ID"] == "<n-0001@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime.isoformat() == "2026-03-01T09:30:20+00:00"
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content()
    assert "Trading was halted." in text
    assert "2026-03-01 09:30:20 UTC · n-0001 · checkpoint 1234 AbCd" in text


def test_the_password_of_somebody_else_is_refused_and_not_told(
    certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with mailing(certificate) as (mailbox, port), pytest.raises(Misconfigured, match="answered 535") as raised:
        send(context(port, "starttls", certificate, username="ops", password="wrong-canary"))
    assert not mailbox.envelopes
    assert "canary" not in str(raised.value) + caplog.text


def test_a_server_without_starttls_is_given_no_mail_and_no_password() -> None:
    with mailing(auth=False) as (mailbox, port):
        for user in ({}, {"username": "ops", "password": PASSWORD}):
            with pytest.raises(Misconfigured, match="cannot do what `security`"):
                send(context(port, "starttls", **user))
    assert not mailbox.envelopes


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_somebody_else_is_given_nothing(certificate: Path, tmp_path: Path, security: str) -> None:
    other = make_certificate(tmp_path, "other.example")
    with mailing(certificate, starttls=security == "starttls") as (mailbox, port):
        for ca in (other, None):
            with pytest.raises(Unavailable, match="certificate was not accepted"):
                send(context(port, security, ca, username="ops", password=PASSWORD))
    assert not mailbox.envelopes


def test_a_certificate_of_another_host_is_given_nothing(tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "other.example")
    with mailing(other) as (mailbox, port), pytest.raises(Unavailable, match="certificate was not accepted"):
        send(context(port, "starttls", other))
    assert not mailbox.envelopes


def test_plain_smtp_is_for_a_private_host_by_name_and_without_a_password() -> None:
    with mailing(auth=False) as (mailbox, port):
        send(context(port, "none"))
    assert len(mailbox.mails) == 1
    assert mailbox.greeted == ["example.com"], "the sender's domain, and nothing of this host"
    with pytest.raises(Misconfigured, match="none is for a host among private_hosts"):
        EmailNotifier(context(25, "none", private=False))
    with pytest.raises(Misconfigured, match="a password is not sent in the clear"):
        EmailNotifier(context(25, "none", username="ops", password=PASSWORD))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [("451 secret-words", Unavailable), ("421 secret-words", Unavailable), ("552 secret-words", Misconfigured),
     ("554 secret-words", Misconfigured)],
)  # fmt: skip
def test_a_mail_that_is_refused_is_told_with_the_code_and_not_with_the_servers_words(
    answer: str, fault: type[Exception]
) -> None:
    with mailing(auth=False) as (mailbox, port):
        mailbox.answer = answer
        with pytest.raises(fault, match=answer[:3]) as raised:
            send(context(port, "none"))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("answer", "fault"), [("450 later", Unavailable), ("550 nobody", Misconfigured)])
def test_recipients_that_are_all_refused_are_no_delivery_and_one_that_is_taken_is(
    answer: str, fault: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    with mailing(auth=False) as (mailbox, port):
        mailbox.refused = {"a@example.com": answer, "b@example.com": answer}
        with pytest.raises(fault, match=answer[:3]):
            send(context(port, "none", to="a@example.com, b@example.com"))
        send(context(port, "none", to="a@example.com, ops@example.com"))
    assert [it.rcpt_tos for it in mailbox.envelopes] == [["ops@example.com"]]
    assert "not for 1 of 2 recipients" in caplog.text


def test_a_repeated_delivery_is_the_same_mail() -> None:
    with mailing(auth=False) as (mailbox, port):
        for _ in range(2):
            send(context(port, "none"))
    first, second = mailbox.envelopes
    assert first.content == second.content


def test_a_server_that_says_nothing_is_given_up_and_its_thread_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL_TIMEOUT_S", 0.3)
    silent = socket.create_server(("127.0.0.1", 0))
    # Closing the loop waits for its threads: this ends only because the connection was cut off.
    with silent as server, pytest.raises(Unavailable, match="no answer in time"):
        send(context(server.getsockname()[1], "none"))


def test_a_server_that_is_not_there_or_speaks_something_else_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable, match="no answer"):
        send(context(port, "none"))


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)


@property_of(anything, anything, anything, st.sampled_from(Severity))
@bounded(max_examples=150, deadline=None)
def test_whatever_a_notice_says_it_makes_no_header_and_no_line_that_is_too_long(
    notice_id: str, subject: str, text: str, severity: Severity
) -> None:
    from email import message_from_bytes
    from email.policy import default

    raw = mail_of(
        notice(notice_id=notice_id, subject=subject, text=text, severity=severity), "rt@example.com", ["o@example.com"]
    )
    mail = message_from_bytes(raw, policy=default)
    more = {"importance", "x-priority"} if severity is Severity.CRITICAL else set()
    assert {name.lower() for name in mail} == HEADERS | more
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert raw.isascii()


@pytest.mark.parametrize("text", ["a\r\nBcc: evil@example.com", "a\nX-Header: x\n\nbody", "\r\n.\r\nMAIL FROM:<x@y>"])
def test_line_ends_in_a_notice_make_no_header_no_recipient_and_no_command(text: str) -> None:
    with mailing(auth=False) as (mailbox, port):
        send(context(port, "none"), subject=text, text=text, notice_id=text, checkpoint=text)
    (mail,), (envelope,) = mailbox.mails, mailbox.envelopes
    assert envelope.rcpt_tos == ["ops@example.com"]
    assert {name.lower() for name in mail} == HEADERS
    assert mail["to"] == "ops@example.com"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "host: expected"),
        ({"host": "localhost:25"}, "host: expected"),
        ({"host": "elsewhere.example"}, "is not among"),
        ({"port": "0"}, "port: expected"),
        ({"port": "smtp"}, "port: expected"),
        ({"security": ""}, "security: expected"),
        ({"security": "ssl"}, "security: expected"),
        ({"from": "ReadyTrader <rt@example.com>"}, "from: expected"),
        ({"from": "rt@example.com\r\nBcc: x@y"}, "from: expected"),
        ({"to": ""}, "to: expected"),
        ({"to": "ops@example.com, <x@y>"}, "to: expected"),
        ({"to": ",".join(f"o{number}@example.com" for number in range(11))}, "to: expected at most"),
        ({"username": "ops"}, "belong together"),
        ({"reply_to": "x"}, "unknown setting 'reply_to'"),
    ],
)
def test_what_cannot_work_is_said_at_the_start(changes: Mapping[str, str], words: str) -> None:
    whole = context(2525, "starttls")
    with pytest.raises(Misconfigured, match=words):
        EmailNotifier(replace(whole, settings={**whole.settings, **changes}))


def test_a_password_without_a_user_is_refused_and_not_quoted() -> None:
    with pytest.raises(Misconfigured, match="belong together") as raised:
        EmailNotifier(context(2525, "starttls", password="canary"))
    assert "canary" not in str(raised.value)
