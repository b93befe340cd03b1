"""Proposals and the people who decide on them (R32). Nothing here can be reached with an agent's credential.

The confirm token is derived from the proposal and a key that only the core has: it is never stored, never sent to an
agent, and good for one decision on exactly the payload that was shown.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from msgspec import Struct

from appliance.domain.codes import Code
from appliance.domain.events import ProposalDecided, ProposalState
from appliance.domain.intents import RequestId
from appliance.domain.snapshot import ApprovalFacts
from appliance.domain.state import ProposalRecord, State
from appliance.service.agents import LOCAL, LOCAL_AGENT, Agents, Principal
from appliance.service.desk import Desk
from appliance.service.outcomes import Outcome, Refused, refuse
from appliance.service.recorder import Clock, Recorder
from appliance.store.journal import JournalUnavailable


class Shown(Struct, frozen=True, kw_only=True):
    """A proposal as a person sees it, with the token that lets them decide."""

    record: ProposalRecord
    confirm_token: str


class Approvals:
    """Lists, approves, refuses and expires proposals."""

    def __init__(
        self, state: State, recorder: Recorder, desk: Desk, agents: Agents, token_key: bytes, clock: Clock
    ) -> None:
        self._state = state
        self._recorder = recorder
        self._desk = desk
        self._agents = agents
        self._token_key = token_key
        self._clock = clock

    def pending(self) -> tuple[ProposalRecord, ...]:
        """Proposals that wait for a person, oldest first."""
        return tuple(record for record in self._state.proposals.values() if self._waits(record))

    def show(self, request_id: RequestId) -> Shown | None:
        """One proposal with its confirm token: for operators only."""
        record = self._state.proposals.get(request_id)
        return None if record is None else Shown(record=record, confirm_token=self._token(record))

    async def approve(self, request_id: RequestId, confirm_token: str, operator: str) -> Outcome:
        """Approve exactly what was shown, then run the whole pipeline again on fresh facts and carry it out.

        The decision is taken in one step: of any number of concurrent calls, one approves and the rest are refused.
        """
        record = self._checked(request_id, confirm_token)
        if isinstance(record, Refused):
            return record
        approval = ApprovalFacts(
            intent_digest=record.proposal.intent_digest,
            price_worst=record.proposal.terms.price_worst,
            operator=operator,
            approved_at=self._clock(),
        )
        approved = ProposalDecided(request_id=request_id, state=ProposalState.APPROVED, by=operator, reason="approved")
        try:
            self._recorder.record(approved)
            return await self._desk.decide_approved(record.request, self._principal(record), approval)
        except JournalUnavailable as fault:
            return refuse(Code.JOURNAL_UNAVAILABLE, str(fault))

    async def refuse(self, request_id: RequestId, operator: str, reason: str) -> Refused | ProposalRecord:
        """Say no. Refusing needs no token: it can do no harm."""
        record = self._state.proposals.get(request_id)
        if record is None or not self._waits(record):
            return self._not_waiting(request_id, record)
        refused = ProposalDecided(request_id=request_id, state=ProposalState.REFUSED, by=operator, reason=reason[:200])
        try:
            await self._recorder.record(refused)
        except JournalUnavailable as fault:
            return refuse(Code.JOURNAL_UNAVAILABLE, str(fault))
        return self._state.proposals[request_id]

    def expire(self, now: datetime) -> None:
        """Close what nobody decided in time. The default is no."""
        for record in list(self._state.proposals.values()):
            if record.state is ProposalState.PENDING and record.proposal.expires_at <= now:
                self._recorder.record(
                    ProposalDecided(
                        request_id=record.request.request_id,
                        state=ProposalState.EXPIRED,
                        by="core",
                        reason="nobody decided in time",
                    )
                )

    def _checked(self, request_id: RequestId, confirm_token: str) -> ProposalRecord | Refused:
        record = self._state.proposals.get(request_id)
        if record is None or not self._waits(record):
            return self._not_waiting(request_id, record)
        if not hmac.compare_digest(confirm_token.encode(errors="replace"), self._token(record).encode()):
            return refuse(Code.APPROVAL_MISMATCH, "the confirm token is not for this proposal as it was shown")
        return record

    def _waits(self, record: ProposalRecord) -> bool:
        return record.state is ProposalState.PENDING and self._clock() < record.proposal.expires_at

    def _not_waiting(self, request_id: RequestId, record: ProposalRecord | None) -> Refused:
        if record is None:
            return refuse(Code.NOT_FOUND, f"no proposal {request_id[:64]!r}")
        state = ProposalState.EXPIRED if record.state is ProposalState.PENDING else record.state
        return refuse(Code.APPROVAL_MISMATCH, f"proposal {request_id} is {state} and cannot be decided", observed=state)

    def _token(self, record: ProposalRecord) -> str:
        text = f"{record.request.request_id}|{record.proposal.intent_digest}|{record.proposal.terms.price_worst}"
        return hmac.new(self._token_key, text.encode(), hashlib.sha256).hexdigest()[:32]

    def _principal(self, record: ProposalRecord) -> Principal:
        """The asker's rights as they are now: an agent revoked meanwhile has none."""
        agent_id = record.request.agent_id
        if agent_id == LOCAL_AGENT:
            return LOCAL
        agent = self._state.agents.get(agent_id)
        if agent is None:
            return Principal(agent_id=agent_id, scopes=frozenset())
        principal = Principal(agent_id=agent_id, scopes=agent.scopes, symbols=agent.symbols)
        return principal if self._agents.still_good(principal) else Principal(agent_id=agent_id, scopes=frozenset())
