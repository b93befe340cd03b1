"""Who may come in: Kraken's signatures, rising nonces, websocket tokens, and what a key may do.

`API-Sign` is the base64 of HMAC-SHA512, under the base64-decoded secret, over the path and the SHA-256 of nonce and
body. A nonce must be above the last one that its key was let in with. Source: docs.kraken.com, Spot REST
Authentication, and Get API Key Info for the names of permissions.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time

from msgspec import Struct

from appliance.local_exchange.account import Account, Key
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.kraken_errors import KrakenError, KrakenRefusal
from appliance.local_exchange.kraken_requests import Fields, text_of
from appliance.local_exchange.model import LocalExchange

TOKEN_SECONDS = 900
"""For how long a token opens a websocket; what it opened stays open."""

_READING = ("query-funds", "query-open-trades", "query-closed-trades", "query-ledger", "create-ws-token")
_TRADING = ("modify-trades", "close-trades")
_WITHDRAWING = ("withdraw-funds",)


class Caller(Struct, frozen=True, kw_only=True):
    """Whose request it is."""

    key: Key
    account: Account


class _Token(Struct, frozen=True, kw_only=True):
    caller: Caller
    opens_until: float


class KrakenKeys:
    """Checks every private request. One for each exchange: nonces and tokens are remembered here."""

    def __init__(self, exchange: LocalExchange) -> None:
        self._exchange = exchange
        self._nonces: dict[str, int] = {}
        self._tokens: dict[str, _Token] = {}

    def admit(self, path: str, key_name: str, signed: str, body: bytes, fields: Fields) -> Caller:
        """Whose request this is. Raises `KrakenRefusal`; a refused request leaves the nonce as it was."""
        found = self._exchange.key(key_name)
        if found is None:
            raise KrakenRefusal(KrakenError.INVALID_KEY)
        nonce = text_of(fields, "nonce") or ""
        key, account = found
        if not (nonce.isascii() and nonce.isdigit()):
            raise KrakenRefusal(KrakenError.INVALID_NONCE)
        if not hmac.compare_digest(signature(path, nonce, body, key.secret).encode(), signed.encode()):
            raise KrakenRefusal(KrakenError.INVALID_SIGNATURE)
        if int(nonce) <= self._nonces.get(key.name, -1):
            raise KrakenRefusal(KrakenError.INVALID_NONCE)
        self._nonces[key.name] = int(nonce)
        return Caller(key=key, account=account)

    def nonce_of(self, key: Key) -> int:
        """The highest nonce that the key was let in with."""
        return self._nonces.get(key.name, 0)

    def permissions(self, key: Key) -> list[str]:
        """What the key may do, in Kraken's words."""
        claims_withdrawals = self._exchange.faults.take(Fault.WITHDRAW_ENABLED_KEY, "GetApiKeyInfo")
        return [
            *_READING,
            *(_TRADING if key.can_trade else ()),
            *(_WITHDRAWING if key.can_withdraw or claims_withdrawals else ()),
        ]

    def require_trading(self, caller: Caller) -> None:
        """Raises `KrakenRefusal` for a key that may only look."""
        if not caller.key.can_trade:
            raise KrakenRefusal(KrakenError.PERMISSION_DENIED)

    def require_withdrawing(self, caller: Caller) -> None:
        """Raises `KrakenRefusal` for a key that cannot withdraw."""
        is_claimed = self._exchange.faults.take(Fault.WITHDRAW_ENABLED_KEY, "WithdrawMethods")
        if not caller.key.can_withdraw and not is_claimed:
            raise KrakenRefusal(KrakenError.PERMISSION_DENIED)

    def mint_token(self, caller: Caller) -> str:
        """A token for the private websocket."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = _Token(caller=caller, opens_until=time.monotonic() + TOKEN_SECONDS)
        return token

    def admit_token(self, token: str | None) -> Caller:
        """Whose token it is. Raises `KrakenRefusal`."""
        found = self._tokens.get(token or "")
        if found is None or found.opens_until < time.monotonic():
            raise KrakenRefusal(KrakenError.INVALID_SESSION)
        return found.caller


def signature(path: str, nonce: str, body: bytes, secret: str) -> str:
    """The value of `API-Sign`; a secret that is not base64 opens nothing."""
    try:
        decoded = base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise KrakenRefusal(KrakenError.INVALID_SIGNATURE) from None
    message = path.encode() + hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.digest(decoded, message, "sha512")).decode()
