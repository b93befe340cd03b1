"""What an error of ccxt's says about a call that moves value: not sent, refused, or unknown. Nothing is guessed.

The table names every class of `ccxt.base.errors`; a class that it does not name is unknown. A venue's text is looked
at here and goes no further: what leaves is a short code of our own. ccxt 4.5.90.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """What is certain after an error."""

    NOT_SENT = "not_sent"
    """Nothing that the venue would have acted on."""
    REFUSED = "refused"
    """The venue, or ccxt before it, said no: there is no order."""
    UNKNOWN = "unknown"
    """There may be an order."""


class Judged(Struct, frozen=True, kw_only=True):
    """An error, told without the venue's words."""

    verdict: Verdict
    code: str
    host: str = ""
    """The host that could not be reached, where that is what was wrong."""

    def __str__(self) -> str:
        return f"{self.host}: {self.code}" if self.host else self.code


_NOT_SENT, _REFUSED, _UNKNOWN = Verdict.NOT_SENT, Verdict.REFUSED, Verdict.UNKNOWN

TABLE: Mapping[str, tuple[Verdict, str]] = {
    "BaseError": (_UNKNOWN, "unclear_answer"),
    # Bare, it is a venue's code that ccxt does not know, and also any broken answer of aiohttp's.
    "ExchangeError": (_UNKNOWN, "unclear_answer"),
    "AuthenticationError": (_REFUSED, "key_refused"),
    "PermissionDenied": (_REFUSED, "permission_denied"),
    "AccountNotEnabled": (_REFUSED, "account_not_enabled"),
    "AccountSuspended": (_REFUSED, "account_suspended"),
    "ArgumentsRequired": (_REFUSED, "bad_request"),
    "BadRequest": (_REFUSED, "bad_request"),
    "BadSymbol": (_REFUSED, "bad_symbol"),
    "OperationRejected": (_REFUSED, "rejected"),
    "NoChange": (_REFUSED, "no_change"),
    "MarginModeAlreadySet": (_REFUSED, "no_change"),
    "MarketClosed": (_REFUSED, "market_closed"),
    "ManualInteractionNeeded": (_REFUSED, "needs_a_human_at_the_venue"),
    "RestrictedLocation": (_REFUSED, "restricted_location"),
    "InsufficientFunds": (_REFUSED, "insufficient_funds"),
    "InvalidAddress": (_REFUSED, "bad_request"),
    "AddressPending": (_REFUSED, "bad_request"),
    "InvalidOrder": (_REFUSED, "invalid_order"),
    # Of an order that is being placed, these say nothing.
    "OrderNotFound": (_UNKNOWN, "order_not_found"),
    "OrderNotCached": (_UNKNOWN, "order_not_found"),
    "OrderImmediatelyFillable": (_REFUSED, "would_fill_at_once"),
    "OrderNotFillable": (_REFUSED, "cannot_fill"),
    # The core sends an ID once: another of the same is the network's doing, and the first stands.
    "DuplicateOrderId": (_UNKNOWN, "id_is_taken"),
    "ContractUnavailable": (_REFUSED, "contract_unavailable"),
    "NotSupported": (_NOT_SENT, "not_supported"),
    "InvalidProxySettings": (_NOT_SENT, "proxy_settings"),
    "ExchangeClosedByUser": (_NOT_SENT, "closed"),
    "OperationFailed": (_UNKNOWN, "failed"),
    "NetworkError": (_UNKNOWN, "network"),
    # 418, 429, and the venues' codes for it: answered before an order is looked at.
    "DDoSProtection": (_NOT_SENT, "rate_limited"),
    "RateLimitExceeded": (_NOT_SENT, "rate_limited"),
    "ExchangeNotAvailable": (_UNKNOWN, "venue_not_available"),
    "OnMaintenance": (_UNKNOWN, "maintenance"),
    # A nonce, or a time stamp outside of the window: the request was not looked at.
    "InvalidNonce": (_REFUSED, "clock_or_nonce"),
    "ChecksumError": (_UNKNOWN, "checksum"),
    "RequestTimeout": (_UNKNOWN, "no_answer_in_time"),
    "BadResponse": (_UNKNOWN, "unclear_answer"),
    "NullResponse": (_UNKNOWN, "unclear_answer"),
    "CancelPending": (_UNKNOWN, "cancel_pending"),
    "UnsubscribeError": (_UNKNOWN, "unsubscribed"),
}
"""By the name of the class."""

_CODE = r'"(?:code|sCode|retCode|ret_code)"\s*:\s*"?'
"""Where Binance, OKX and Bybit have a code of theirs in what they answer."""
_DUPLICATE = re.compile(
    # Words of all of them, and the codes of Binance, OKX and Bybit for an ID that is taken.
    rf"duplicate|already exist|{_CODE}(?:-411[56]|-20132|51011|51016|10014|12141|1[14]0030|110072|170141)\b",
    re.IGNORECASE,
)
_BUSY = re.compile(
    # Binance's words for what may have happened; of Bybit, "submitted to the system for processing" and "order
    # creation timeout"; of OKX, "order timed out" and "request timed out". Whatever class ccxt gives them.
    rf"(?:status|execution) unknown|timed out|creation timeout|for processing|-100[67]\b|{_CODE}(?:170035|170146)\b",
    re.IGNORECASE,
)
_KRAKEN_REFUSAL = re.compile(r'"error"\s*:\s*\[\s*"EOrder:(?!Rate)')
"""Kraken's errors of this kind are of an order that it did not take; ccxt knows a part of them."""
RETRIED = frozenset({"failed", "network", "rate_limited", "venue_not_available", "no_answer_in_time", "clock_or_nonce"})
"""Codes of what may pass by itself: a read is made again."""


def judged(error: BaseException) -> Judged:
    """What is certain of a call that raised this."""
    if (unreached := _never_connected(error)) is not None:
        return unreached
    name = type(error).__name__
    if not is_of_ccxt(error):
        return Judged(verdict=Verdict.UNKNOWN, code="unreadable_answer")
    verdict, code = TABLE.get(name, (Verdict.UNKNOWN, "unclear_answer"))
    text = str(error)[:4000]
    if name == "ExchangeError" and _KRAKEN_REFUSAL.search(text):
        verdict, code = Verdict.REFUSED, "invalid_order"
    if verdict is Verdict.REFUSED and _DUPLICATE.search(text):
        return Judged(verdict=Verdict.UNKNOWN, code="id_is_taken")
    if verdict is not Verdict.UNKNOWN and _BUSY.search(text):
        return Judged(verdict=Verdict.UNKNOWN, code="no_answer_in_time")
    return Judged(verdict=verdict, code=code)


def is_of_ccxt(error: BaseException) -> bool:
    """Whether ccxt raised it as one of its own."""
    return any(base.__name__ == "BaseError" and base.__module__ == "ccxt.base.errors" for base in type(error).__mro__)


def says_not_found(error: BaseException) -> bool:
    """Whether the venue says that it has no such order, as classes and Kraken's words have it."""
    if type(error).__name__ in ("OrderNotFound", "OrderNotCached"):
        return True
    return type(error).__name__ == "InvalidOrder" and "Unknown order" in str(error)


def _never_connected(error: BaseException) -> Judged | None:
    """Where the connection was not made, nothing was sent: aiohttp says so by its class, and a name by its lookup."""
    chain = tuple(_causes(error))
    names = {name for cause in chain for name in (base.__name__ for base in type(cause).__mro__)}
    if not names & {"ClientConnectorError", "ConnectionTimeoutError", "gaierror", "PermissionError"}:
        return None
    host = next((_peer(cause) for cause in chain if _peer(cause)), "")
    if "PermissionError" in names:
        return Judged(verdict=Verdict.NOT_SENT, code="this host was not granted", host=host)
    if "ClientConnectorCertificateError" in names:
        return Judged(verdict=Verdict.NOT_SENT, code="its certificate was not accepted", host=host)
    return Judged(verdict=Verdict.NOT_SENT, code="no connection", host=host)


def _peer(cause: BaseException) -> str:
    host, port = getattr(cause, "host", None), getattr(cause, "port", None)
    return f"{host}:{port}"[:200] if isinstance(host, str) and isinstance(port, int) else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    seen: BaseException | None = error
    for _ in range(12):
        if seen is None:
            return
        yield seen
        inner = getattr(seen, "os_error", None)
        if isinstance(inner, BaseException) and inner is not seen:
            yield inner
        seen = seen.__cause__ or seen.__context__
