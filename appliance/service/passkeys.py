"""Passkeys (WebAuthn Level 2): keys that a person's device holds, and that sign one act of theirs, as it was shown.

A challenge is a nonce and the SHA-256 of what it is for. It is good for one person, once, for two minutes.
The library is imported when a passkey is first used: most starts never need it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from appliance.service.operator_records import Passkey

RP_ID = "localhost"
"""A browser takes no IP address for a relying party, and `localhost` for a secure context."""
RP_NAME = "ReadyTrader"
CHALLENGE_LIFE = timedelta(seconds=120)
CHALLENGES_MAX = 16
"""Of one person at a time; the oldest goes."""
_NONCE_BYTES = 32


class PasskeyRefused(Exception):
    """What the browser sent proves nothing. The message says why, without repeating it."""


class _Challenge(Struct, frozen=True, kw_only=True):
    username: str
    subject_sha256: bytes
    expires_at: datetime


class Passkeys:
    """The ceremonies. What is outstanding is kept in memory: a restart only means to be asked again."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._challenges: dict[bytes, _Challenge] = {}

    def creation_options(self, username: str, known: Iterable[Passkey]) -> dict[str, Any]:
        """What `navigator.credentials.create` takes, as JSON."""
        import webauthn
        from webauthn.helpers import structs

        options = webauthn.generate_registration_options(
            rp_id=RP_ID,
            rp_name=RP_NAME,
            user_name=username,
            user_id=hashlib.sha256(f"readytrader/{username}".encode()).digest(),
            challenge=self._challenge(username, _creation(username)),
            timeout=int(CHALLENGE_LIFE.total_seconds() * 1000),
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                user_verification=structs.UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=_descriptors(known),
        )
        return _as_json(webauthn.options_to_json(options))

    def created(self, username: str, name: str, credential: dict[str, Any], origin: str) -> Passkey:
        """The passkey that a browser made for these options. Raises `PasskeyRefused`."""
        import webauthn
        from webauthn.helpers import bytes_to_base64url

        challenge = self._take(username, _creation(username), credential)
        try:
            verified = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=RP_ID,
                expected_origin=origin,
                require_user_verification=True,
            )
        except Exception as fault:
            raise PasskeyRefused(f"the new passkey is not good ({type(fault).__name__})") from fault
        return Passkey(
            credential_id=bytes_to_base64url(verified.credential_id),
            username=username,
            name=name,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            created_at=self._clock(),
        )

    def request_options(self, username: str, subject: str, known: Iterable[Passkey]) -> dict[str, Any]:
        """What `navigator.credentials.get` takes, as JSON: a challenge for exactly this act."""
        import webauthn
        from webauthn.helpers import structs

        options = webauthn.generate_authentication_options(
            rp_id=RP_ID,
            challenge=self._challenge(username, subject),
            timeout=int(CHALLENGE_LIFE.total_seconds() * 1000),
            allow_credentials=_descriptors(known),
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return _as_json(webauthn.options_to_json(options))

    def proved(self, username: str, subject: str, credential: dict[str, Any], passkey: Passkey, origin: str) -> int:
        """The passkey's new sign count, when it signed this act of this person. Raises `PasskeyRefused`."""
        import webauthn

        challenge = self._take(username, subject, credential)
        try:
            verified = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=RP_ID,
                expected_origin=origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except Exception as fault:
            raise PasskeyRefused(f"the passkey's signature is not good ({type(fault).__name__})") from fault
        return verified.new_sign_count

    def forget(self, username: str) -> None:
        """No challenge that somebody was given is good any more."""
        self._challenges = {key: it for key, it in self._challenges.items() if it.username != username}

    def _challenge(self, username: str, subject: str) -> bytes:
        now = self._clock()
        self._challenges = {key: it for key, it in self._challenges.items() if now < it.expires_at}
        own = [key for key, it in self._challenges.items() if it.username == username]
        for key in own[: max(0, len(own) - CHALLENGES_MAX + 1)]:
            del self._challenges[key]
        subject_sha256 = hashlib.sha256(subject.encode()).digest()
        challenge = secrets.token_bytes(_NONCE_BYTES) + subject_sha256
        self._challenges[challenge] = _Challenge(
            username=username, subject_sha256=subject_sha256, expires_at=now + CHALLENGE_LIFE
        )
        return challenge

    def _take(self, username: str, subject: str, credential: dict[str, Any]) -> bytes:
        """The challenge that was answered, which is spent by it."""
        challenge = _challenge_in(credential)
        known = self._challenges.pop(challenge, None)
        if known is None or known.username != username or self._clock() >= known.expires_at:
            raise PasskeyRefused("the challenge is unknown, used or too old; ask for another")
        if known.subject_sha256 != hashlib.sha256(subject.encode()).digest():
            raise PasskeyRefused("the challenge was made for another act, or for other terms of it")
        return challenge


def _creation(username: str) -> str:
    return f"passkey:create:{username}"


def _challenge_in(credential: dict[str, Any]) -> bytes:
    try:
        text = credential["response"]["clientDataJSON"]
        client_data = json.loads(_unpadded(text))
        return _unpadded(client_data["challenge"])
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, RecursionError) as fault:
        raise PasskeyRefused("not the answer of a passkey") from fault


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _descriptors(known: Iterable[Passkey]) -> list[Any]:
    from webauthn.helpers import base64url_to_bytes, structs

    return [structs.PublicKeyCredentialDescriptor(id=base64url_to_bytes(it.credential_id)) for it in known]


def _as_json(text: str) -> dict[str, Any]:
    decoded = json.loads(text)
    if not isinstance(decoded, dict):
        raise TypeError("WebAuthn options are an object")
    return decoded
