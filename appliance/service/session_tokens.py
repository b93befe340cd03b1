"""The two tokens of a session: a short-lived one for every call, and one that buys the next pair, once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import jwt

from appliance.redaction import SECRETS

ACCESS_LIFE = timedelta(minutes=10)
ALGORITHM = "HS256"
ISSUER = "readytrader"
AUDIENCE = "readytrader-operators"
_REQUIRED = ["aud", "exp", "iat", "iss", "jti", "sid", "sub"]
_REFRESH_PREFIX = "rto"


class AccessTokens:
    """Makes and checks access tokens: JSON Web Tokens (RFC 7519) under a key that stays in the home."""

    def __init__(self, key: bytes, clock: Callable[[], datetime]) -> None:
        self._key = key
        self._clock = clock

    def issue(self, username: str, session_id: str, until: datetime) -> tuple[str, datetime]:
        """A token and when it expires: after ten minutes, or with the session."""
        now = self._clock()
        expires_at = min(now + ACCESS_LIFE, until)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": username,
            "sid": session_id,
            "jti": secrets.token_urlsafe(12),
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        token = jwt.encode(claims, self._key, algorithm=ALGORITHM)
        SECRETS.pass_by(token)
        return token, expires_at

    def read(self, token: str) -> tuple[str, str, datetime] | None:
        """Username, session ID and expiry of a token that we made and that is still good, or None.

        The times are compared with our own clock, the one by which the token was made.
        """
        try:
            claims = jwt.decode(
                token, self._key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, RecursionError):  # a stranger's head is read before the signature
            return None
        username, session_id, expires = claims["sub"], claims["sid"], claims["exp"]
        if not (isinstance(username, str) and isinstance(session_id, str) and isinstance(expires, int)):
            return None
        SECRETS.pass_by(token)
        now = self._clock()
        expires_at = datetime.fromtimestamp(expires, now.tzinfo)
        return (username, session_id, expires_at) if now < expires_at else None


class RefreshTokens:
    """Makes refresh tokens, and knows every one that it made: so one that was used up tells that a session was stolen,
    however many came after it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def new(self, session_id: str) -> str:
        """256 random bits with the session that they are for, and what shows that they are ours."""
        text = f"{_REFRESH_PREFIX}_{session_id}_{secrets.token_hex(32)}"
        token = f"{text}_{self._seal(text)}"
        SECRETS.pass_by(token)
        return token

    def session_of(self, token: str) -> str | None:
        """The session that a refresh token was made for; None where we did not make it."""
        text, _, seal = token.rpartition("_")
        if not hmac.compare_digest(seal.encode(errors="replace"), self._seal(text).encode()):
            return None
        return text.split("_")[1]

    def _seal(self, text: str) -> str:
        return hmac.new(self._key, text.encode(errors="replace"), hashlib.sha256).hexdigest()


def token_hash(refresh_token: str) -> str:
    """What is kept of a refresh token: its random bits cannot be searched, so a plain hash is enough."""
    return hashlib.sha256(refresh_token.encode(errors="replace")).hexdigest()
