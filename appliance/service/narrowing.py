"""How trading is restricted, by the core itself or a person: only ever to a stricter state.

Only a person makes one looser again: `Halt.resume`.
"""

from __future__ import annotations

from datetime import datetime

from appliance.domain.events import TradingStateSet
from appliance.domain.state import State
from appliance.domain.trading_state import STRICTNESS, Scope, ScopeState, TradingState

REASON_MAX = 200


def narrowing(
    state: State, scope: Scope, to: TradingState, reason: str, since: datetime, by: str = "core"
) -> tuple[TradingStateSet, ...]:
    """The event that sets `scope` to `to`, or none where it is as strict already; recorded together with its cause."""
    current = state.scopes.get(scope)
    if current is not None and STRICTNESS[current.state] >= STRICTNESS[to]:
        return ()
    narrowed = ScopeState(scope=scope, state=to, by=by, reason=reason[:REASON_MAX], since=since)
    return (TradingStateSet(scope_state=narrowed),)
