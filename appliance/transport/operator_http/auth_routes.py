"""Signing in, staying so and going."""

from __future__ import annotations

from datetime import datetime

from litestar import get, post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import Struct

from appliance.domain.operators import Role
from appliance.service.sign_in import Tokens
from appliance.transport.operator_http.bodies import Login, Refresh
from appliance.transport.operator_http.signed_in import PUBLIC, VIEWER, Asked
from appliance.transport.operator_results import Done


class FactorsHad(Struct, frozen=True, kw_only=True):
    """Which second factors an account has."""

    totp: bool
    passkeys: int


class LoggedIn(Struct, frozen=True, kw_only=True):
    """A session's two tokens, and whose it is."""

    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""
    refresh_token: str
    username: str
    role: Role
    factors: FactorsHad


class Me(Struct, frozen=True, kw_only=True):
    username: str
    role: Role
    factors: FactorsHad
    expires_at: datetime
    """When the access token does."""


@post("/api/auth/login", opt=PUBLIC, status_code=200)
async def login(state: State, data: JSONBody[Login]) -> LoggedIn:
    """Sign in."""
    tokens = await state.core.operators.sign_in.sign_in(data.username, data.password, data.totp)
    return _logged_in(state, tokens)


@post("/api/auth/refresh", opt=PUBLIC, status_code=200)
async def refresh(state: State, data: JSONBody[Refresh]) -> LoggedIn:
    """The next pair of tokens. A refresh token that was used before ends the session."""
    return _logged_in(state, await state.core.operators.sign_in.refresh(data.refresh_token))


@post("/api/auth/logout", opt=VIEWER, status_code=200)
async def logout(state: State, asking: Asked) -> Done:
    """End this session; its tokens are no good any more."""
    await state.core.operators.sign_in.end(asking.signed_in.session_id, "signed out")
    return Done()


@get("/api/auth/me", opt=VIEWER)
async def me(state: State, asking: Asked) -> Me:
    """Who one is here."""
    signed_in = asking.signed_in
    return Me(
        username=signed_in.username,
        role=signed_in.person.role,
        factors=factors_had(state, signed_in.username),
        expires_at=signed_in.expires_at,
    )


def _logged_in(state: State, tokens: Tokens) -> LoggedIn:
    return LoggedIn(
        access_token=tokens.access_token,
        token_type="Bearer",  # noqa: S106 - its kind
        expires_in=int((tokens.expires_at - state.core.clock()).total_seconds()),
        refresh_token=tokens.refresh_token,
        username=tokens.username,
        role=tokens.role,
        factors=factors_had(state, tokens.username),
    )


def factors_had(state: State, username: str) -> FactorsHad:
    """Which second factors an account has."""
    has_codes, passkeys = state.core.operators.factors.had(username)
    return FactorsHad(totp=has_codes, passkeys=passkeys)


ROUTES = (login, refresh, logout, me)
