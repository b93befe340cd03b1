"""Who asks, in which mode, and whether trading is on at all (R23, R29, R36)."""

from __future__ import annotations

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import OrderIntent, TransferIntent
from appliance.domain.snapshot import Mode
from appliance.domain.trading_state import TradingState, strictest
from appliance.pipeline.case import Case, deny


def scope(case: Case) -> Denial | None:
    """The token must hold the scope of the mode it would trade in; live never follows from paper."""
    needed = AgentScope.LIVE if case.snapshot.mode is Mode.LIVE else AgentScope.PAPER
    held = case.snapshot.agent.scopes
    if needed in held:
        return None
    return deny(
        Code.SCOPE_MISSING,
        f"agent {case.request.agent_id} does not hold the scope {needed}",
        observed=", ".join(sorted(held)) or "none",
        limit=needed,
    )


def symbols_of_token(case: Case) -> Denial | None:
    """A token may be narrowed to some instruments; nothing else is tradeable with it, and nothing is transferable."""
    allowed = case.snapshot.agent.symbols
    if allowed is None:
        return None
    instrument = case.snapshot.instrument
    symbol = case.intent.symbol if isinstance(case.intent, OrderIntent) else instrument and instrument.symbol
    if symbol in allowed and not isinstance(case.intent, TransferIntent):
        return None
    return deny(
        Code.SYMBOL_NOT_ALLOWED,
        f"agent {case.request.agent_id} may only trade the instruments of its token",
        observed=symbol or "transfer",
        limit=", ".join(sorted(allowed)) or "none",
    )


def live_enabled(case: Case) -> Denial | None:
    """Live needs the mode and the switch to agree."""
    if case.snapshot.mode is Mode.LIVE and not case.snapshot.live_enabled:
        return deny(Code.LIVE_DISABLED, "live trading is not enabled", observed="false", limit="true")
    return None


def trading_state(case: Case) -> Denial | None:
    """The strictest state of all scopes wins; an exit passes in REDUCE_ONLY."""
    strict = strictest(case.snapshot.states)
    if strict is None or strict.state is TradingState.ACTIVE:
        return None
    if strict.state is TradingState.REDUCE_ONLY and case.is_exit:
        return None
    return deny(
        Code.TRADING_STATE,
        f"{strict.scope} is {strict.state} since {strict.since:%Y-%m-%d %H:%M:%S} UTC ({strict.by}: {strict.reason})",
        observed=strict.state,
        limit=TradingState.ACTIVE,
    )
