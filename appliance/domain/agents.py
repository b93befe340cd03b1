"""Agents and what each may do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import Symbol

from appliance.domain.intents import AgentId


class AgentScope(StrEnum):
    """What a token opens. Each scope is granted by name; none implies another."""

    READ = "read"
    """Look at markets, orders, balances and limits."""
    PAPER = "paper"
    """Trade with paper money."""
    LIVE = "live"
    """Trade with real money, where the configuration allows it at all."""
    FEED = "feed"
    """Supply market data that others may trade on (never the supplier itself)."""


class Agent(Struct, frozen=True, kw_only=True):
    """One agent. Its token is shown once when made; only the SHA-256 of it is kept."""

    agent_id: AgentId
    scopes: frozenset[AgentScope]
    token_sha256: str
    created_at: datetime
    expires_at: datetime
    symbols: frozenset[Symbol] | None = None
    """The instruments that it may trade; None where the operator did not restrict them."""
    revoked_at: datetime | None = None
