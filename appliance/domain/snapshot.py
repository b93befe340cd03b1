"""Every fact that one decision rests on, taken at one instant. A fact that is missing is None, never a guess."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.agents import AgentScope
from appliance.domain.trading_state import ScopeState


class Mode(StrEnum):
    PAPER = "paper"
    LIVE = "live"


class MarketFacts(Struct, frozen=True, kw_only=True):
    """The market of the intent's instrument, as agreed by admissible sources."""

    bid: Decimal
    ask: Decimal
    bid_size: Decimal | None
    ask_size: Decimal | None
    observed_at: datetime
    """When the quote in use was observed, by its source's clock."""
    age: timedelta
    sources: tuple[str, ...]
    """Admissible sources that agree with the quote in use, itself included."""
    outliers: tuple[str, ...] = ()
    """Admissible fresh sources that do not."""
    clock_skew: timedelta = timedelta(0)
    """How far the source's clock runs ahead of ours."""


class AccountFacts(Struct, frozen=True, kw_only=True):
    """The portfolio, with everything in flight. Values in the accounting asset."""

    equity: Decimal | None
    """None when something held cannot be priced; `unpriced` says what."""
    unpriced: tuple[Asset, ...]
    holding: dict[Asset, Decimal]
    """Total held of the intent's assets where it would trade, in their own units."""
    reserved: dict[Asset, Decimal]
    """Of those, what open orders and permits in flight may take."""
    incoming: dict[Asset, Decimal]
    """Of those, what open orders anywhere may bring in: the worst case for a position."""
    exposure: Decimal | None
    """Value of everything held or bidden for outside cash."""
    open_orders: int
    open_notional: Decimal
    accounting_price: dict[Asset, Decimal]
    """Price of the intent's assets in the accounting asset; an asset without a sane price is not in it."""
    held_elsewhere: dict[Asset, Decimal] = {}
    """Total held of the intent's assets on other venues: part of the position, and no cover for this order."""


class VenueFacts(Struct, frozen=True, kw_only=True):
    """How the venue of the intent is, where orders go to a real one."""

    problem: str | None
    """Why it may be sent nothing but cancels now; None when it was reconciled and nothing is wrong."""
    clock_skew: timedelta | None = None
    """How far its clock runs ahead of ours; None where it was not measured."""
    unsettled: ClientOrderId | None = None
    """An order in the same instrument there whose outcome is not known."""


class PerformanceFacts(Struct, frozen=True, kw_only=True):
    """Net asset value per unit: money put in or taken out changes the number of units, never this."""

    nav: Decimal | None
    nav_day_open: Decimal | None
    nav_peak: Decimal | None


class AgentFacts(Struct, frozen=True, kw_only=True):
    """Who asks, and what it has done lately."""

    scopes: frozenset[AgentScope]
    symbols: frozenset[Symbol] | None
    orders_total: int
    first_symbol: bool
    """Whether this would be its first order in the instrument (or to the address)."""
    turnover: Decimal
    """Notional of its orders in the turnover window, in the accounting asset."""
    duplicates: int
    """Orders of the same shape in the duplicate window, when this one has no idempotency key of its own."""
    repeated: int
    """Orders of the same shape in the repeated window."""


class ApprovalFacts(Struct, frozen=True, kw_only=True):
    """A person's approval of exactly this request."""

    intent_digest: str
    price_worst: Decimal
    operator: str
    """Whose yes was the last that it needed."""
    approved_at: datetime
    people: tuple[str, ...] = ()
    """Everybody who agreed, in order; empty in entries from when one was always enough."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """All facts of one decision; recorded with it, so that the decision can be made again from the journal."""

    now: datetime
    mode: Mode
    live_enabled: bool
    states: tuple[ScopeState, ...]
    """The states of every scope that this intent falls under."""
    agent: AgentFacts
    instrument: Instrument | None
    market: MarketFacts | None
    account: AccountFacts
    performance: PerformanceFacts
    opposite_best: Decimal | None = None
    """The best price among our own resting orders on the other side of this instrument."""
    sentiment: Decimal | None = None
    sentiment_at: datetime | None = None
    approval: ApprovalFacts | None = None
    venue: VenueFacts | None = None
    """None on paper, and for what is no venue of ours."""
