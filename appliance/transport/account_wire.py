"""The verbs for operators' accounts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from appliance.domain.operators import Role
from appliance.transport.operator_verb import Verb

Username = Annotated[str, Meta(min_length=1, max_length=32)]
Password = Annotated[str, Meta(min_length=1, max_length=256)]
Code = Annotated[str, Meta(pattern=r"^[0-9]{6}$")]
CredentialId = Annotated[str, Meta(min_length=1, max_length=1400, pattern="^[A-Za-z0-9_-]+$")]
"""Base64url of at most 1023 bytes (WebAuthn Level 2, 5.1.3)."""
Uid = Annotated[int, Meta(ge=0, le=4294967294)]
"""A Unix user (POSIX.1-2017, 3.431; the largest value means none)."""


class OperatorDeed(StrEnum):
    """What an admin may do to an account without any further word."""

    DISABLE = "disable"
    ENABLE = "enable"
    FORGET_FACTORS = "forget_factors"
    UNLOCK = "unlock"


class ListOperators(Verb, frozen=True, kw_only=True, tag="operator.list"):
    needs = Role.ADMIN


class AddOperator(Verb, frozen=True, kw_only=True, tag="operator.add"):
    needs = Role.ADMIN

    username: Username
    role: Role
    password: Password
    uid: Uid | None = None


class ChangeOperator(Verb, frozen=True, kw_only=True, tag="operator.change"):
    """Close an account, open it again, forget its factors, or end its waiting time."""

    needs = Role.ADMIN

    username: Username
    change: OperatorDeed


class SetOperatorRole(Verb, frozen=True, kw_only=True, tag="operator.role"):
    needs = Role.ADMIN

    username: Username
    role: Role


class BindOperator(Verb, frozen=True, kw_only=True, tag="operator.bind"):
    """Without a uid: no Unix user is this person any more."""

    needs = Role.ADMIN

    username: Username
    uid: Uid | None = None


class SetOperatorPassword(Verb, frozen=True, kw_only=True, tag="operator.password"):
    needs = Role.ADMIN

    username: Username
    password: Password


class BeginCodes(Verb, frozen=True, kw_only=True, tag="operator.totp"):
    needs = Role.ADMIN

    username: Username


class ConfirmCodes(Verb, frozen=True, kw_only=True, tag="operator.totp_confirm"):
    needs = Role.ADMIN

    username: Username
    code: Code


AccountVerb = (
    ListOperators
    | AddOperator
    | ChangeOperator
    | SetOperatorRole
    | BindOperator
    | SetOperatorPassword
    | BeginCodes
    | ConfirmCodes
)
