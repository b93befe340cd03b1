"""Proposals as they are kept: who asked, who agreed, and what became of them."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from appliance.domain.decision import Proposal
from appliance.domain.events import ProposalState
from appliance.domain.intents import Request


class Yes(Struct, frozen=True, kw_only=True):
    """One person's yes to a proposal."""

    by: str
    factor: str
    at: datetime


class ProposalRecord(Struct, frozen=True, kw_only=True):
    """A proposal and what became of it."""

    request: Request
    proposal: Proposal
    state: ProposalState
    made_at: datetime
    given: tuple[Yes, ...] = ()
    """Who agreed so far, in order; twice only whose first yes counts no more."""
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
