"""Agents and their tokens: made by an operator, shown once, kept as a hash, checked at every call (R29)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import timedelta

from msgspec import Struct
from readytrader_sdk.instruments import Symbol

from appliance.domain.agents import Agent, AgentScope
from appliance.domain.events import AgentAdded, AgentRevoked, AuthenticationRefused
from appliance.domain.intents import AgentId
from appliance.domain.state import State
from appliance.redaction import SECRETS
from appliance.service.recorder import Clock, Recorder

LOCAL_AGENT = AgentId("local")
"""Whoever may start the appliance as a child, or connect to its socket as the same user: reads and trades on paper."""
LOCAL_SCOPES = frozenset({AgentScope.READ, AgentScope.PAPER})

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_PREFIX = "rt"
RANDOM_MIN = 20
TOKEN_MAX = 200
"""Characters of what is shown as a token that the log knows; a good one has fewer."""


class AgentRefused(ValueError):
    """An agent cannot be added or revoked as asked. The message says why."""


class Principal(Struct, frozen=True, kw_only=True):
    """Somebody who proved who they are, and what that opens."""

    agent_id: AgentId
    scopes: frozenset[AgentScope]
    symbols: frozenset[Symbol] | None = None


LOCAL = Principal(agent_id=LOCAL_AGENT, scopes=LOCAL_SCOPES)


class Agents:
    """Makes, checks and revokes tokens."""

    def __init__(self, state: State, recorder: Recorder, clock: Clock) -> None:
        self._state = state
        self._recorder = recorder
        self._clock = clock

    async def add(
        self,
        name: str,
        scopes: frozenset[AgentScope],
        lifetime: timedelta,
        by: str,
        symbols: frozenset[Symbol] | None = None,
    ) -> str:
        """Add an agent and return its token, which is shown this once and never kept. Raises `AgentRefused`."""
        agent_id = AgentId(name)
        known = self._state.agents.get(agent_id)
        if not _NAME.fullmatch(name) or agent_id == LOCAL_AGENT:
            raise AgentRefused(f"agent name {name!r}: expected 1 to 32 of a-z, 0-9 and -, and not {LOCAL_AGENT!r}")
        if not scopes:
            raise AgentRefused("an agent needs at least one scope")
        if known is not None and self._is_good(known):
            raise AgentRefused(f"agent {name!r} exists; revoke it first")
        now = self._clock()
        token = f"{_PREFIX}_{name}_{secrets.token_urlsafe(32)}"
        SECRETS.pass_by(token)
        agent = Agent(
            agent_id=agent_id,
            scopes=scopes,
            token_sha256=_hash(token),
            created_at=now,
            expires_at=now + lifetime,
            symbols=symbols,
        )
        await self._recorder.record(AgentAdded(agent=agent, by=by))
        return token

    async def revoke(self, agent_id: AgentId, by: str) -> None:
        """Close an agent's token for good; sessions that are open are refused at their next call."""
        agent = self._state.agents.get(agent_id)
        if agent is None or agent.revoked_at is not None:
            raise AgentRefused(f"agent {agent_id!r} is unknown or already revoked")
        await self._recorder.record(AgentRevoked(agent_id=agent_id, by=by))

    def authenticate(self, token: str) -> Principal | None:
        """Who holds this token, or None. The comparison takes the same time for every wrong token of an agent."""
        parts = token.split("_", 2)
        if len(parts) != 3 or parts[0] != _PREFIX:
            return None
        if len(parts[2]) >= RANDOM_MIN:  # a shorter one is a word out of the log, and no token
            SECRETS.pass_by(token[:TOKEN_MAX])
        agent = self._state.agents.get(AgentId(parts[1]))
        known = agent.token_sha256 if agent else _hash("")
        matches = hmac.compare_digest(_hash(token), known)
        if agent is None or not matches or not self._is_good(agent):
            return None
        return Principal(agent_id=agent.agent_id, scopes=agent.scopes, symbols=agent.symbols)

    def still_good(self, principal: Principal) -> bool:
        """Whether what was proved at connection still holds now."""
        if principal == LOCAL:
            return True
        agent = self._state.agents.get(principal.agent_id)
        return agent is not None and self._is_good(agent) and agent.scopes == principal.scopes

    def note_refusal(self, listener: str, reason: str) -> None:
        """Write down that somebody was turned away. The caller bounds how often."""
        self._recorder.record(AuthenticationRefused(listener=listener, reason=reason))

    def _is_good(self, agent: Agent) -> bool:
        return agent.revoked_at is None and self._clock() < agent.expires_at


def _hash(token: str) -> str:
    # The token holds 256 random bits: a plain hash cannot be searched, so no slow one is needed.
    return hashlib.sha256(token.encode()).hexdigest()
