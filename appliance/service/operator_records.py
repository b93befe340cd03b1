"""What is kept of an operator in the file of credentials. None of it is shown to anybody as it is."""

from __future__ import annotations

import re
from datetime import datetime

from msgspec import Struct

from appliance.domain.operators import Person, Role, account_name

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}", re.ASCII)


class Account(Struct, frozen=True, kw_only=True):
    """Somebody who may sign in."""

    username: str
    role: Role
    password_phc: str
    created_at: datetime
    uid: int | None = None
    """The Unix user that is this person on the operators' socket."""
    totp_secret: str | None = None
    totp_step: int = 0
    """The newest time step (RFC 6238) of which a code was used: none of it or before it is good again."""
    disabled_at: datetime | None = None
    decides_since: datetime | None = None
    """When they could decide again after they could not: a yes from before counts no more. None: they always could."""

    @property
    def person(self) -> Person:
        return Person(name=account_name(self.username), role=self.role)


class Passkey(Struct, frozen=True, kw_only=True):
    """A WebAuthn credential's public half."""

    credential_id: str
    """Base64url, as the browser names it."""
    username: str
    name: str
    public_key: bytes
    """A COSE key."""
    sign_count: int
    created_at: datetime


class Session(Struct, frozen=True, kw_only=True):
    """A sign-in that lasts. The refresh token itself is never kept."""

    session_id: str
    username: str
    refresh_sha256: str
    """Of the one that is good. Any other that we made for this session was used: it was stolen, or its owner was."""
    started_at: datetime
    expires_at: datetime
