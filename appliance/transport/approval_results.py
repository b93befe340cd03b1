"""What an operator is shown of proposals, and answered about them, whichever door the question came through."""

from __future__ import annotations

from datetime import datetime

from appliance.transport.operator_results import OperatorOrder
from appliance.transport.tool_results import DenialView, View


class LimitUse(View, frozen=True, kw_only=True):
    """One limit before and after what is proposed, in its unit."""

    rule: str
    name: str
    before: str
    after: str
    limit: str
    unit: str
    after_pct: str | None = None
    """How much of the limit is used after it; None of a limit of 0."""


class QuoteShown(View, frozen=True, kw_only=True):
    """The market as it is now, with the time at which its source saw it."""

    bid: str
    ask: str
    at: datetime


class ApprovalDetail(View, frozen=True, kw_only=True):
    """A proposal as the person who decides sees it: everything that a yes lets happen."""

    request_id: str
    state: str
    digest: str
    """Of the request: a yes is bound to it."""
    agent: str
    note: str = ""
    """The agent's own words: untrusted."""
    asks: str
    """What was asked for, in one line."""
    venue: str
    """The exchange, or the chain."""
    symbol: str | None = None
    side: str | None = None
    quantity: str
    order_type: str | None = None
    time_in_force: str | None = None
    limit_price: str | None = None
    stop_price: str | None = None
    to_address: str | None = None
    replaces: str | None = None
    """The order that this one would take the place of."""
    notional_max: str
    price_worst: str | None = None
    pay_max: str
    """Fees included."""
    fee_max: str
    quote: QuoteShown | None = None
    held_because: tuple[DenialView, ...]
    limits: tuple[LimitUse, ...] = ()
    """On the facts of now."""
    first_time: bool
    """Whether the agent never traded in this instrument, or never paid this address."""
    made_at: datetime
    expires_at: datetime
    approvals_given: tuple[str, ...] = ()
    approvals_needed: int
    confirm_token: str | None = None
    """For this person alone, and only where their yes would count."""
    decided_reason: str | None = None
    outcome: str | None = None
    """What came of it; None while it waits."""


class ApprovalOutcome(View, frozen=True, kw_only=True):
    """What a decision came to."""

    ok: bool
    state: str
    """approved, refused, or waiting_for_another: the yes counts, and another person's is needed."""
    approvals_given: tuple[str, ...]
    approvals_needed: int
    order: OperatorOrder | None = None


class YesView(View, frozen=True, kw_only=True):
    """Who agreed, when, and with which second factor."""

    name: str
    factor: str
    at: datetime


class DecidedApproval(View, frozen=True, kw_only=True):
    """A proposal that waits no more, or one among all."""

    request_id: str
    state: str
    digest: str
    agent: str
    asks: str
    notional_max: str
    price_worst: str | None = None
    made_at: datetime
    expires_at: datetime
    approvals_given: tuple[YesView, ...] = ()
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    outcome: str | None = None
    """What came of it; None while it waits."""


class ApprovalPage(View, frozen=True, kw_only=True):
    """Proposals, the newest first."""

    approvals: tuple[DecidedApproval, ...]
    next: str | None = None
    """What to give as `before` for those that come after; None at the end."""
