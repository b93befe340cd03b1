"""Which scopes there are to restrict: a name that means nothing would restrict nothing, and nobody would notice."""

from __future__ import annotations

from collections.abc import Collection

from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, Scope
from appliance.service.agents import LOCAL_AGENT

EXPECTED = "global, venue:NAME, agent:NAME or symbol:SYMBOL"


class UnknownScope(ValueError):
    """There is no such scope. The message says what was seen and what there is."""


def scope_from_text(text: str, state: State, venues: Collection[str] | None) -> Scope:
    """The scope that a person named. `venues` are the places that orders can go to, or None where all can be.

    Raises `UnknownScope`.
    """
    if text == GLOBAL:
        return GLOBAL
    kind, _, name = text.partition(":")
    known: dict[str, Collection[str] | None] = {
        "venue": venues,
        "agent": {*state.agents, LOCAL_AGENT},
        "symbol": state.instruments,
    }
    if kind not in known or not name:
        raise UnknownScope(f"{text[:64]!r} is no scope; expected {EXPECTED}")
    names = known[kind]
    if names is not None and name not in names:
        raise UnknownScope(f"no {kind} {name[:64]!r}; there is {', '.join(sorted(names)) or 'none'}")
    return Scope(text)
