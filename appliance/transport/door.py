"""Who may come in: from a token or from the peer's uid to a principal. The turned away are journaled, not every one."""

from __future__ import annotations

import logging
from datetime import datetime

from appliance.service.agents import LOCAL, Agents, Principal
from appliance.service.recorder import Clock
from appliance.store.journal import JournalUnavailable
from appliance.telemetry.catalog import Stage
from appliance.telemetry.stages import SILENT, Stages

log = logging.getLogger(__name__)

NOTED_PER_MINUTE = 10
"""Refusals of one listener that are written down per minute: somebody who knocks for ever must not fill the disk."""


class Door:
    """One listener's entrance."""

    def __init__(self, agents: Agents, listener: str, clock: Clock, stages: Stages = SILENT) -> None:
        self._stages = stages
        self._agents = agents
        self._listener = listener
        self._clock = clock
        self._minute: datetime | None = None
        self._noted = 0

    def admit_token(self, token: str) -> Principal | None:
        """The holder of a good token, or None; then it was noted."""
        with self._stages.timed(Stage.AUTHENTICATE):
            principal = self._agents.authenticate(token)
        if principal is None:
            self.note("a token that is unknown, expired or revoked")
        return principal

    def admit_peer(self, uid: int, own_uid: int) -> Principal | None:
        """Whoever runs as the same user may read and trade on paper without a token; nobody else may."""
        if uid == own_uid:
            return LOCAL
        self.note(f"uid {uid} without a token")
        return None

    def note(self, reason: str) -> None:
        """Write down that somebody was turned away, a few times a minute at most."""
        minute = self._clock().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._noted = minute, 0
        self._noted += 1
        if self._noted > NOTED_PER_MINUTE:
            return
        try:
            self._agents.note_refusal(self._listener, reason)
        except JournalUnavailable as fault:
            log.error("a refusal at %s could not be recorded (%s): %s", self._listener, reason, fault)
