"""People who operate the appliance, and what each may do."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

ACCOUNT_PREFIX = "operator:"


class Role(StrEnum):
    """What a person may do; each role may do all that the one before it may."""

    VIEWER = "viewer"
    """Look at everything that is no secret, and change nothing."""
    OPERATOR = "operator"
    """Decide on proposals, stop and resume trading, tighten and loosen limits."""
    ADMIN = "admin"
    """Add and revoke agents and operators, and take the whole journal out."""

    def covers(self, needed: Role) -> bool:
        """Whether whoever has this role may do what `needed` may."""
        return _RANK[self] >= _RANK[needed]


_RANK = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


class Person(Struct, frozen=True, kw_only=True):
    """Somebody who proved who they are, as the journal names them."""

    name: str
    """`operator:alice` for an account; `uid:1000/bob` for a Unix user that no account is bound to."""
    role: Role

    @property
    def is_account(self) -> bool:
        """Whether this is one certain human being; a Unix user may be anybody, and counts for no second opinion."""
        return self.name.startswith(ACCOUNT_PREFIX)


def account_name(username: str) -> str:
    """An account as the journal names it."""
    return f"{ACCOUNT_PREFIX}{username}"
