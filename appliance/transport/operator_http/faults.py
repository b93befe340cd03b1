"""Every error in one shape: `{"error": {"code", "text"}}`, with a fitting status, and never with what was sent."""

from __future__ import annotations

import logging
import math
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

from appliance.service.passwords import PasswordRefused
from appliance.service.second_factors import FactorRefused
from appliance.service.sign_in import SignInRefused
from appliance.store.credentials import CredentialsUnavailable
from appliance.store.journal import JournalUnavailable
from appliance.transport.foreign_text import printable
from appliance.transport.operator_acts import REFUSALS, NotAllowed

log = logging.getLogger(__name__)

CHALLENGE = 'Bearer realm="readytrader-operators"'
TEXT_MAX = 500


class Fault(Struct, frozen=True, kw_only=True):
    """What went wrong: a code for programs, a sentence for people."""

    code: str
    text: str


class ErrorReply(Struct, frozen=True, kw_only=True):
    error: Fault


class NotSignedIn(Exception):
    """No good access token came with the request."""


class TooMany(Exception):
    """Somebody calls too often. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many calls; wait a little")
        self.retry_after = retry_after


_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "bad_request"}
AnyRequest = Request[Any, Any, Any]


def reply(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response[ErrorReply]:
    """An error reply."""
    fault = Fault(code=code, text=printable(text, TEXT_MAX))
    return Response(ErrorReply(error=fault), status_code=status, headers=headers or {}, media_type="application/json")


def _http(_request: AnyRequest, fault: HTTPException) -> Response[ErrorReply]:
    text = fault.detail
    if isinstance(fault, ValidationException):
        text = "; ".join(_complaint(it) for it in fault.extra) if isinstance(fault.extra, list) else ""
        text = text or "the request is not as it should be"
    headers = {key: value for key, value in (fault.headers or {}).items() if key.lower() in ("allow", "retry-after")}
    return reply(fault.status_code, _CODES.get(fault.status_code, "bad_request"), text, headers)


def _complaint(extra: Any) -> str:
    """What is wrong with one part of a request, without the value that was sent."""
    if not isinstance(extra, dict):
        return ""
    return f"{extra.get('key', 'body')}: {extra.get('message', 'not as it should be')}"


def _not_signed_in(_request: AnyRequest, _fault: NotSignedIn) -> Response[ErrorReply]:
    return reply(401, "not_signed_in", "sign in first: a good access token is needed", {"WWW-Authenticate": CHALLENGE})


def _sign_in(_request: AnyRequest, fault: SignInRefused) -> Response[ErrorReply]:
    if fault.retry_after is not None:
        seconds = max(1, math.ceil(fault.retry_after.total_seconds()))
        return reply(429, fault.code, f"{fault}; try again in {seconds} s", {"Retry-After": str(seconds)})
    return reply(401, fault.code, str(fault), {"WWW-Authenticate": CHALLENGE})


def _factor(_request: AnyRequest, fault: FactorRefused) -> Response[ErrorReply]:
    return reply(401, fault.code, str(fault), {"WWW-Authenticate": CHALLENGE})


def _too_many(_request: AnyRequest, fault: TooMany) -> Response[ErrorReply]:
    return reply(429, "too_many", str(fault), {"Retry-After": str(fault.retry_after)})


def _not_allowed(_request: AnyRequest, fault: NotAllowed) -> Response[ErrorReply]:
    return reply(403, "role_too_low", str(fault))


def _refused(_request: AnyRequest, fault: Exception) -> Response[ErrorReply]:
    return reply(409, "refused", str(fault))


def _not_good(_request: AnyRequest, fault: Exception) -> Response[ErrorReply]:
    return reply(400, "bad_request", str(fault))


def _too_deep(_request: AnyRequest, _fault: RecursionError) -> Response[ErrorReply]:
    return reply(400, "bad_request", "the body is nested too deeply")


def _no_journal(_request: AnyRequest, fault: JournalUnavailable) -> Response[ErrorReply]:
    return reply(503, "journal_unavailable", f"the journal cannot be written, so nothing was done: {fault}")


def _no_credentials(_request: AnyRequest, fault: CredentialsUnavailable) -> Response[ErrorReply]:
    return reply(503, "credentials_unavailable", f"{fault}; on the host itself: readytrader status, readytrader halt")


def _fault(request: AnyRequest, fault: Exception) -> Response[ErrorReply]:
    log.error("%s %s failed", request.method, request.url.path, exc_info=fault)
    return reply(500, "fault", "a fault of the appliance; its log has the traceback")


HANDLERS: dict[int | type[Exception], Any] = {
    HTTPException: _http,
    NotSignedIn: _not_signed_in,
    SignInRefused: _sign_in,
    TooMany: _too_many,
    NotAllowed: _not_allowed,
    **dict.fromkeys(REFUSALS, _refused),
    PasswordRefused: _not_good,
    FactorRefused: _factor,
    JournalUnavailable: _no_journal,
    CredentialsUnavailable: _no_credentials,
    RecursionError: _too_deep,
    Exception: _fault,
}
"""What each exception that may come out of an act becomes."""
