"""One-time codes from an authenticator app (RFC 6238): six digits, 30 seconds, each good once."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

from appliance.redaction import SECRETS

STEP_S = 30
DRIFT_STEPS = 1
"""How far the clock of a phone may be off, either way."""
ISSUER = "ReadyTrader"


def new_secret() -> str:
    """160 random bits in Base32, as RFC 4226 recommends."""
    secret = pyotp.random_base32(32)
    SECRETS.pass_by(secret)
    return secret


def enrolment_uri(secret: str, username: str) -> str:
    """What an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=username, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: datetime, newest_used: int) -> int | None:
    """The time step whose code this is, or None: for a wrong code, and for one that was used, or is older than that."""
    SECRETS.pass_by(secret)
    current = int(now.timestamp()) // STEP_S
    generator = pyotp.HOTP(secret)
    found = None
    for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
        if hmac.compare_digest(generator.at(step), code.encode("ascii", "replace").decode()) and step > newest_used:
            found = step
    return found
