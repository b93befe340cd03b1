"""What an operator must accept by name before a venue's key is used."""

from __future__ import annotations

from enum import StrEnum


class KeyRisk(StrEnum):
    """Why a key is refused by default (R46)."""

    WITHDRAW = "withdraw"
    """The key can send assets out of the account."""
    UNVERIFIED = "unverified"
    """The venue does not say what the key can do."""
