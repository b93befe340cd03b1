"""Trading states: how much is allowed now, per scope; the strictest wins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NewType

from msgspec import Struct


class TradingState(StrEnum):
    """From free to stopped. Cancels pass in every state."""

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    """Only orders that reduce a position."""
    CANCEL_ONLY = "cancel_only"
    """No new order at all."""
    HALTED = "halted"
    """As CANCEL_ONLY, and everything open is cancelled. Latched: only an operator resumes."""


STRICTNESS = {state: rank for rank, state in enumerate(TradingState)}

Scope = NewType("Scope", str)
"""`global`, `venue:NAME`, `agent:NAME` or `symbol:SYMBOL`."""

GLOBAL = Scope("global")


def scope_words(scope: Scope) -> str:
    """A scope as people call it: `all trading`, a symbol by itself, `venue NAME`, `agent NAME`. So does the page."""
    kind, _, name = scope.partition(":")
    if scope == GLOBAL:
        return "all trading"
    return name if kind == "symbol" else f"{kind} {name}".strip()


class ScopeState(Struct, frozen=True, kw_only=True):
    """The state set for one scope, by whom and why."""

    scope: Scope
    state: TradingState
    by: str
    reason: str
    since: datetime


def strictest(states: Iterable[ScopeState]) -> ScopeState | None:
    """The strictest of the states that apply, or None when none was ever set (which means ACTIVE)."""
    return max(states, key=lambda scope_state: STRICTNESS[scope_state.state], default=None)
