"""What is sent to the routes. An unknown field is an error, as everywhere."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from appliance.domain.agents import AgentScope
from appliance.domain.operators import Role
from appliance.service.second_factors import Factor
from appliance.transport import account_wire
from appliance.transport import operator_wire as wire

Token = Annotated[str, Meta(min_length=1, max_length=200)]


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request."""


class Login(Body, frozen=True, kw_only=True):
    username: account_wire.Username
    password: account_wire.Password
    totp: account_wire.Code | None = None


class Refresh(Body, frozen=True, kw_only=True):
    refresh_token: Token


class PasswordAgain(Body, frozen=True, kw_only=True):
    """Somebody who is signed in shows that they still know it; with a second factor, that they have it, too."""

    password: account_wire.Password
    factor: Factor | None = None


class CodeShown(Body, frozen=True, kw_only=True):
    code: account_wire.Code


class NewPassword(Body, frozen=True, kw_only=True):
    old: account_wire.Password
    new: account_wire.Password


class NewPasskey(Body, frozen=True, kw_only=True):
    name: wire.Name
    credential: dict[str, Any]
    """A RegistrationResponseJSON (WebAuthn Level 3, 5.1.8.1)."""


class Proof(Body, frozen=True, kw_only=True):
    factor: Factor | None = None


class Halt(Body, frozen=True, kw_only=True):
    reason: wire.Reason


class Restrict(Body, frozen=True, kw_only=True):
    scope: wire.Scope
    state: wire.Restriction
    reason: wire.Reason


class Resume(Body, frozen=True, kw_only=True):
    scope: wire.Scope = "global"
    reason: wire.Reason
    factor: Factor | None = None


class Resolve(Body, frozen=True, kw_only=True):
    state: wire.Resolution
    reason: wire.Reason
    factor: Factor | None = None


class AcceptDrift(Body, frozen=True, kw_only=True):
    reason: wire.Reason
    factor: Factor | None = None


class AgentWanted(Body, frozen=True, kw_only=True):
    name: wire.Name
    scopes: frozenset[AgentScope]
    days: wire.Days
    symbols: frozenset[str] | None = None
    factor: Factor | None = None


class NewOperator(Body, frozen=True, kw_only=True):
    username: account_wire.Username
    role: Role
    password: account_wire.Password
    factor: Factor | None = None
