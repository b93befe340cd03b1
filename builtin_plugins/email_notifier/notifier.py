"""Delivers notices by SMTP (RFC 5321). The password is in no error and in no log, nor is what a server says."""

from __future__ import annotations

import asyncio
import contextlib
import re
import smtplib
import socket
import ssl
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured, PluginError, Unavailable
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import Notice

from builtin_plugins.email_notifier.mail import mail_of
from builtin_plugins.https_post import STEP_TIMEOUT_S, TOTAL_TIMEOUT_S, trusting

SETTINGS = frozenset({"host", "port", "security", "from", "to", "username", "ca_file"})
RECIPIENTS_MAX = 10
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)


class Security(StrEnum):
    """How the connection is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}
"""RFC 8314, RFC 6409, RFC 5321."""


class Account(Struct, frozen=True, kw_only=True):
    """Where mail is submitted, as whom, and to whom it goes."""

    host: str
    port: int
    security: Security
    sender: str
    recipients: tuple[str, ...]
    username: str | None
    password: str | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    __repr__ = __str__


class EmailNotifier:
    """A mailbox or some. A notice that is delivered again is the same mail again, with the same `Message-ID`."""

    def __init__(self, context: PluginContext) -> None:
        if unknown := sorted(context.settings.keys() - SETTINGS):
            raise Misconfigured(f"{context.name}: unknown setting {unknown[0][:60]!r}; expected {sorted(SETTINGS)}")
        self._account = _account(context)
        self._tls = trusting(context)
        self._log = context.logger

    async def notify(self, notice: Notice) -> None:
        """Deliver it: returns when the server has taken it for one recipient at least. Raises as the port says."""
        account = self._account
        mail = mail_of(notice, account.sender, account.recipients)
        submission = _Submission(account, self._tls)
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT_S):
                refused = await asyncio.to_thread(submission.run, mail)
        except TimeoutError as error:
            raise Unavailable(f"{account}: no answer in time") from error
        except Exception as error:  # noqa: BLE001 - `_fault` raises again what is not of SMTP's making
            raise _fault(account, error) from None
        finally:
            submission.abandon()
        if refused:
            self._log.warning(
                "%s took the mail, but not for %d of %d recipients", account, refused, len(account.recipients)
            )


def _greeting(account: Account) -> str:
    """The name that we greet with: the sender's domain, and nothing of this host."""
    return account.sender.rpartition("@")[2]


class _Session(smtplib.SMTP):
    """Not connected yet, so that it can be given up while it connects; with the name that a certificate must have."""

    def __init__(self, account: Account) -> None:
        super().__init__(local_hostname=_greeting(account), timeout=STEP_TIMEOUT_S)
        self._host = account.host  # which only connecting in the constructor would set


class _TlsSession(smtplib.SMTP_SSL):
    """As `_Session`, with TLS from the first byte."""

    def __init__(self, account: Account, tls: ssl.SSLContext) -> None:
        super().__init__(local_hostname=_greeting(account), timeout=STEP_TIMEOUT_S, context=tls)
        self._host = account.host


class _Submission:
    """One connection, in a thread. `abandon` ends it from outside, wherever it waits."""

    def __init__(self, account: Account, tls: ssl.SSLContext) -> None:
        self._account = account
        self._tls = tls
        self._smtp: smtplib.SMTP | None = None
        self._abandoned = False

    def run(self, mail: bytes) -> int:
        """Submit it; for how many recipients it was refused while others were taken."""
        account = self._account
        if account.security is Security.TLS:
            smtp: smtplib.SMTP = _TlsSession(account, self._tls)
        else:
            smtp = _Session(account)
        self._smtp = smtp
        try:
            code, said = smtp.connect(account.host, account.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
            if self._abandoned:
                raise TimeoutError
            if account.security is Security.STARTTLS:
                smtp.starttls(context=self._tls)
            if account.username is not None and account.password is not None:
                smtp.login(account.username, account.password)
            refused = smtp.sendmail(account.sender, account.recipients, mail)
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()  # it has the mail: how it says good-bye is no matter
            return len(refused)
        finally:
            smtp.close()

    def abandon(self) -> None:
        self._abandoned = True
        waiting = None if self._smtp is None else getattr(self._smtp, "sock", None)
        if waiting is not None:
            with contextlib.suppress(OSError):  # it may have ended by itself in the meantime
                socket.socket.shutdown(waiting, socket.SHUT_RDWR)


def _fault(account: Account, error: Exception) -> PluginError:
    """What an error means. A server's own words are never told: the code is enough (RFC 5321, 4.2.1)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return _of_code(account, min(codes, default=550), "it takes no mail for any recipient")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Misconfigured(f"{account}: the server cannot do what `security` or `username` asks for")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _of_code(account, error.smtp_code, "look at username and password")
    if isinstance(error, smtplib.SMTPResponseException):
        return _of_code(account, error.smtp_code, "look at the settings")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unavailable(f"{account}: its certificate was not accepted: {error.verify_message[:100]}")
    if isinstance(error, PermissionError):
        return Misconfigured(f"{account}: this host was not granted")
    if isinstance(error, OSError | smtplib.SMTPException | ValueError):
        return Unavailable(f"{account}: no answer ({type(error).__name__})")
    raise error


def _of_code(account: Account, code: int, advice: str) -> PluginError:
    if 500 <= code < 600:
        return Misconfigured(f"{account}: answered {code}; {advice}")
    return Unavailable(f"{account}: answered {code}")


def _account(context: PluginContext) -> Account:
    settings, name = context.settings, context.name
    host = settings.get("host", "")
    if not _HOST.fullmatch(host):
        raise Misconfigured(f"{name}: host: expected a host name such as smtp.example.com")
    security = _security(name, settings.get("security", ""))
    port = _number(name, settings.get("port", str(PORTS[security])))
    if not context.http.allows(host, port):
        raise Misconfigured(f"{name}: host: {host}:{port} is not among the instance's hosts or private_hosts")
    if security is Security.NONE and not context.http.is_private(host, port):
        raise Misconfigured(f"{name}: security: none is for a host among private_hosts; expected tls or starttls")
    username, password = settings.get("username"), context.secrets.get("password")
    if (username is None) is not (password is None):
        raise Misconfigured(f"{name}: the setting username and the secret password belong together")
    if username is not None and security is Security.NONE:
        raise Misconfigured(f"{name}: username: a password is not sent in the clear; expected security tls or starttls")
    recipients = tuple(part.strip() for part in settings.get("to", "").split(","))
    if len(recipients) > RECIPIENTS_MAX:
        raise Misconfigured(f"{name}: to: expected at most {RECIPIENTS_MAX} addresses")
    return Account(
        host=host,
        port=port,
        security=security,
        sender=_mailbox(name, "from", settings.get("from", "")),
        recipients=tuple(_mailbox(name, "to", text) for text in recipients),
        username=username,
        password=password,
    )


def _security(name: str, text: str) -> Security:
    try:
        return Security(text)
    except ValueError:
        raise Misconfigured(f"{name}: security: expected tls, starttls or none, got {text[:20]!r}") from None


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Misconfigured(f"{name}: port: expected a number from 1 to 65535, got {text[:20]!r}")
    return int(text)


def _mailbox(name: str, setting: str, text: str) -> str:
    """An address as it may stand in a header and in a command: no name, no comment, no quotes, ASCII."""
    if len(text) > 254 or not _MAILBOX.fullmatch(text):
        raise Misconfigured(f"{name}: {setting}: expected an address such as ops@example.com, got {text[:60]!r}")
    return text
