"""Proposals and the people who decide on them (R32). Nothing here can be reached with an agent's credential.

The confirm token is derived from the proposal, the person whom it is shown to, and a key that only the core has: it is
never stored, never sent to an agent, and good for one yes of that person to exactly the payload that was shown.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from appliance.domain.codes import Code
from appliance.domain.decision import Amount
from appliance.domain.events import ApprovalGiven, ProposalDecided, ProposalState
from appliance.domain.intents import RequestId
from appliance.domain.operators import Person
from appliance.domain.proposals import ProposalRecord
from appliance.domain.snapshot import ApprovalFacts
from appliance.domain.state import State
from appliance.pipeline.terms import fee_worst
from appliance.redaction import SECRETS
from appliance.service.agents import LOCAL, LOCAL_AGENT, Agents, Principal
from appliance.service.desk import Desk, Look
from appliance.service.limit_book import BIND_ADVICE, LimitBook
from appliance.service.outcomes import Held, Outcome, Refused, refuse
from appliance.service.recorder import Clock, Recorder
from appliance.store.journal import JournalUnavailable

SOCKET = "socket"
"""The factor of whoever comes over the operator's own socket: the kernel vouches for them."""


class Shown(Struct, frozen=True, kw_only=True):
    """A proposal as one person sees it: what it would do now, and the token that lets them, and nobody else, agree."""

    record: ProposalRecord
    confirm_token: str | None
    """None where this person's yes is of no use: it was given, or they are nobody's account and more must agree."""
    people_needed: int
    people: tuple[str, ...]
    """Who agreed so far, and still could."""
    look: Look
    fee_max: Amount


class Approvals:
    """Lists, approves, refuses and expires proposals."""

    def __init__(
        self,
        state: State,
        recorder: Recorder,
        desk: Desk,
        agents: Agents,
        limits: LimitBook,
        token_key: bytes,
        clock: Clock,
        may_still_decide: Callable[[str, datetime], bool] = lambda _name, _agreed_at: True,
    ) -> None:
        """`may_still_decide` says of somebody who agreed at a time whether they could do so ever since."""
        self._state = state
        self._recorder = recorder
        self._desk = desk
        self._agents = agents
        self._book = limits
        self._token_key = token_key
        self._clock = clock
        self._may_still_decide = may_still_decide

    def pending(self) -> tuple[ProposalRecord, ...]:
        """Proposals that wait for a person, oldest first."""
        return tuple(record for record in self._state.proposals.values() if self._waits(record))

    def show(self, request_id: RequestId, person: Person) -> Shown | None:
        """One proposal as this person sees it: for operators only."""
        record = self._state.proposals.get(request_id)
        return None if record is None else self.shown(record, person)

    def shown(self, record: ProposalRecord, person: Person) -> Shown:
        """A proposal with what it would do on the facts of now."""
        usable = self._waits(record) and self._unfit(record, person) is None
        return Shown(
            record=record,
            confirm_token=self._token(record, person) if usable else None,
            people_needed=self.people_needed(record),
            people=self.people(record),
            look=self._desk.look(record.request, self._principal(record)),
            fee_max=fee_worst(record.proposal.terms, self._book.limits),
        )

    def people_needed(self, record: ProposalRecord) -> int:
        """How many different persons must agree: as many as when it was made, or as now where that is more."""
        return max(record.proposal.people_min, self._book.limits.approval_people_min)

    def people(self, record: ProposalRecord) -> tuple[str, ...]:
        """Who agreed so far, and still could; nobody twice."""
        return tuple(dict.fromkeys(yes.by for yes in record.given if self._may_still_decide(yes.by, yes.at)))

    def subject(self, request_id: RequestId) -> str | None:
        """What a second factor for a yes is bound to; None where there is no such proposal."""
        record = self._state.proposals.get(request_id)
        if record is None:
            return None
        return f"approve:{request_id}:{record.proposal.intent_digest}:{record.proposal.terms.price_worst}"

    async def approve(self, request_id: RequestId, confirm_token: str, person: Person, factor: str = SOCKET) -> Outcome:
        """Agree to exactly what was shown; with the last yes that it needs, the whole pipeline runs again on fresh
        facts and it is carried out. `Held` where another person must agree too.

        The step is one: of any number of concurrent calls, one is the last yes and the rest are refused.
        """
        record = self._checked(request_id, confirm_token, person)
        if isinstance(record, Refused):
            return record
        terms, given = record.proposal.terms, (*self.people(record), person.name)
        agreed = ApprovalGiven(
            request_id=request_id,
            by=person.name,
            factor=factor,
            intent_digest=record.proposal.intent_digest,
            price_worst=terms.price_worst,
        )
        try:
            if len(given) < self.people_needed(record):
                await self._recorder.record(agreed)
                return Held(record=self._state.proposals[request_id])
            by = ", ".join(given)
            self._recorder.record(
                agreed,
                ProposalDecided(request_id=request_id, state=ProposalState.APPROVED, by=by, reason="approved"),
            )
            approval = ApprovalFacts(
                intent_digest=record.proposal.intent_digest,
                price_worst=terms.price_worst,
                operator=by,
                approved_at=self._clock(),
                people=given,
            )
            return await self._desk.decide_approved(record.request, self._principal(record), approval)
        except JournalUnavailable as fault:
            return refuse(Code.JOURNAL_UNAVAILABLE, str(fault))

    async def refuse(self, request_id: RequestId, by: str, reason: str) -> Refused | ProposalRecord:
        """Say no, whoever agreed before. Refusing needs no token: it can do no harm."""
        record = self._state.proposals.get(request_id)
        if record is None or not self._waits(record):
            return self._not_waiting(request_id, record)
        refused = ProposalDecided(request_id=request_id, state=ProposalState.REFUSED, by=by, reason=reason[:200])
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

    def _checked(self, request_id: RequestId, confirm_token: str, person: Person) -> ProposalRecord | Refused:
        record = self._state.proposals.get(request_id)
        if record is None or not self._waits(record):
            return self._not_waiting(request_id, record)
        unfit = self._unfit(record, person)
        if unfit is not None:
            return refuse(Code.APPROVAL_MISMATCH, unfit)
        if not hmac.compare_digest(confirm_token.encode(errors="replace"), self._token(record, person).encode()):
            text = f"the confirm token is not for this proposal as it was shown to {person.name}"
            return refuse(Code.APPROVAL_MISMATCH, text)
        return record

    def _unfit(self, record: ProposalRecord, person: Person) -> str | None:
        """Why this person's yes would not count, or None."""
        if person.name in self.people(record):
            return f"{person.name} agreed already; another person must"
        if self.people_needed(record) > 1 and not person.is_account:
            return f"{person.name} is no operator's account, and more than one person must agree; {BIND_ADVICE}"
        return None

    def _waits(self, record: ProposalRecord) -> bool:
        return record.state is ProposalState.PENDING and self._clock() < record.proposal.expires_at

    def _not_waiting(self, request_id: RequestId, record: ProposalRecord | None) -> Refused:
        if record is None:
            return refuse(Code.NOT_FOUND, f"no proposal {request_id[:64]!r}")
        state = ProposalState.EXPIRED if record.state is ProposalState.PENDING else record.state
        return refuse(Code.APPROVAL_MISMATCH, f"proposal {request_id} is {state} and cannot be decided", observed=state)

    def _token(self, record: ProposalRecord, person: Person) -> str:
        shown = f"{record.request.request_id}|{record.proposal.intent_digest}|{record.proposal.terms.price_worst}"
        text = f"{shown}|{person.name}"
        token = hmac.new(self._token_key, text.encode(), hashlib.sha256).hexdigest()[:32]
        SECRETS.pass_by(token)
        return token

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
