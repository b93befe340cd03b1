"""What the services behind the notifiers answer, as their documentation has it: what they would refuse is refused.

Each is an `act` for `serving.Receiver`. A foreign client of the same service is let in by the same rules, which is how
`test_foreign_senders` judges them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from slack_sdk.models.blocks import Block

from tests.plugins.serving import Posted, Receiver

Act = Callable[[BaseHTTPRequestHandler], None]
BOT_TOKEN = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
CHAT = "-1001234567890"
SLACK_PATH = "/services/T0CANARY00/B0CANARY00/sEcReTcAnArY0123456789ab"
DISCORD_PATH = "/api/webhooks/123456789/sEcReTcAnArY-t0ken_x"
TOPIC = "sEcReTcAnArY-topic"
NTFY_TOKEN = "tk_sEcReTcAnArY0123456789"
PASSWORD = "sEcReTcAnArY pa$$word"


def units(text: str) -> int:
    """UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def json_of(posted: Posted) -> dict[str, Any]:
    assert posted.headers["content-type"].split(";")[0] == "application/json"
    body = json.loads(posted.body)
    assert isinstance(body, dict)
    return body


def answer(handler: BaseHTTPRequestHandler, status: int, body: object, **headers: str) -> None:
    said = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    handler.send_response(status)
    for name, text in {"Content-Length": str(len(said)), **headers}.items():
        handler.send_header(name.replace("_", "-"), text)
    handler.end_headers()
    handler.wfile.write(said)


def telegram(receiver: Receiver) -> Act:
    """core.telegram.org/bots/api: sendMessage."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        posted = receiver.posted[-1]
        if posted.path != f"/bot{BOT_TOKEN}/sendMessage":
            answer(handler, 404, {"ok": False, "error_code": 404, "description": "Not Found"})
            return
        fault = _fault_of_telegram(_parameters(posted))
        if fault:
            answer(handler, 400, {"ok": False, "error_code": 400, "description": f"Bad Request: {fault}"})
            return
        chat = {"id": int(CHAT), "type": "supergroup", "title": "ops"}
        message = {"message_id": len(receiver.posted), "date": 1, "chat": chat, "text": _parameters(posted)["text"]}
        answer(handler, 200, {"ok": True, "result": message})

    return act


def _parameters(posted: Posted) -> dict[str, Any]:
    """As JSON, or as a form with JSON in its fields: the Bot API takes both."""
    if posted.headers["content-type"].startswith("application/json"):
        return json_of(posted)
    from urllib.parse import parse_qsl

    fields: dict[str, Any] = dict(parse_qsl(posted.body.decode()))
    return {name: json.loads(text) if text[:1] in "[{" else text for name, text in fields.items()}


def _fault_of_telegram(sent: dict[str, Any]) -> str | None:
    if str(sent.get("chat_id")) != CHAT:
        return "chat not found"
    text = sent.get("text", "")
    if not text.strip():
        return "message text is empty"
    if units(text) > 4096:
        return "message is too long"
    for entity in sent.get("entities", []):
        if not 0 <= entity["offset"] <= entity["offset"] + entity["length"] <= units(text):
            return "wrong entity"
    return None


def slack(receiver: Receiver) -> Act:
    """docs.slack.dev: incoming webhooks; blocks as Slack's own SDK validates them."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        posted = receiver.posted[-1]
        if posted.path != SLACK_PATH:
            answer(handler, 404, "no_service")
            return
        body = json_of(posted)
        if not body.get("text") and not body.get("blocks"):
            answer(handler, 400, "no_text")
            return
        for block in Block.parse_all(body.get("blocks", [])):
            block.validate_json()
        answer(handler, 200, "ok")

    return act


def ntfy(receiver: Receiver) -> Act:
    """docs.ntfy.sh: publish as JSON; a protected topic."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        posted = receiver.posted[-1]
        body = json_of(posted)
        if posted.headers.get("authorization") != f"Bearer {NTFY_TOKEN}":
            answer(handler, 403, {"code": 40301, "http": 403, "error": "forbidden"})
            return
        fine = (
            posted.path == "/"
            and re.fullmatch(r"[-_A-Za-z0-9]{1,64}", body["topic"])
            and 1 <= body.get("priority", 3) <= 5
            and len(body["message"].encode()) <= 4096
            and body["message"]
        )
        if not fine:
            answer(
                handler, 400, {"code": 40024, "http": 400, "error": "invalid request: request body must be valid JSON"}
            )
            return
        answer(handler, 200, {"id": "sPs71M8A2T", "time": 1, "event": "message", "topic": body["topic"]})

    return act


def discord(receiver: Receiver) -> Act:
    """discord.com/developers: Execute Webhook."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        posted = receiver.posted[-1]
        body = json_of(posted)
        if posted.path != f"{DISCORD_PATH}?wait=true":
            answer(handler, 401, {"code": 50027, "message": "Invalid Webhook Token"})
        elif units(body["content"]) > 2000 or any(units(it["description"]) > 4096 for it in body["embeds"]):
            answer(handler, 400, {"code": 50035, "message": "Invalid Form Body"})
        else:
            answer(handler, 200, {"id": "1", "type": 0, "content": body["content"]})

    return act


class Mailbox:
    """Takes mail for everybody but `refused`, who are answered so."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refused: dict[str, str] = {}
        self.greeted: list[str] = []
        self.encrypted: list[bool] = []
        self.users: list[str | None] = []
        self.answer = "250 OK"

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.greeted.append(hostname)
        return responses

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
            self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
            self.users.append(getattr(session, "user", None))
        return self.answer

    @property
    def mails(self) -> list[EmailMessage]:
        parsed = [message_from_bytes(it.content, policy=default) for it in self.envelopes]  # type: ignore[arg-type]
        assert all(isinstance(it, EmailMessage) for it in parsed)
        return parsed  # type: ignore[return-value]


class OnAFreePort(Controller):
    """The controller looks whether its server answers, and needs the port for that."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mailing(
    certificate: Path | None = None, *, starttls: bool = True, auth: bool = True
) -> Iterator[tuple[Mailbox, int]]:
    """A real SMTP server on loopback: with STARTTLS, or TLS from the first byte, or neither; and its port."""
    import ssl

    mailbox, tls = Mailbox(), None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ops", PASSWORD.encode())
        session.user = "ops" if good else None  # type: ignore[attr-defined]
        return AuthResult(success=good, handled=False)

    settings: dict[str, Any] = {"authenticator": authenticate, "auth_required": False} if auth else {}
    if tls is not None and starttls:
        settings |= {"tls_context": tls, "require_starttls": True}
    controller = OnAFreePort(
        mailbox, hostname="127.0.0.1", port=0, ready_timeout=10, ssl_context=None if starttls else tls,
        auth_require_tls=starttls, **settings,
    )  # fmt: skip
    controller.start()
    try:
        yield mailbox, controller.port
    finally:
        controller.stop()
