"""All thresholds of the pipeline in one typed value. Percentages are of equity unless a field says otherwise."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import Asset, MarketType, Symbol, VenueId

from appliance.domain.intents import Chain


class ApprovalMode(StrEnum):
    AUTO = "auto"
    """What passes every rule is executed, unless a rule asks for a person."""
    APPROVE_EACH = "approve_each"
    """Everything waits for a person."""


class Limits(Struct, frozen=True, kw_only=True):
    """What the operator allows. Every field is set by the configuration; `None` means that a rule is off, and shows."""

    # the portfolio
    accounting_asset: Asset
    """The asset in which equity, notional and loss are measured."""
    cash_assets: frozenset[Asset]
    """Assets that count as being out of the market: selling into them is an exit."""
    position_max_pct: Decimal
    exposure_max_pct: Decimal
    """Everything held or bidden for outside cash, together."""
    daily_loss_max_pct: Decimal
    """Of the net asset value at 00:00 UTC; stops entries only."""
    drawdown_max_pct: Decimal
    """From the highest net asset value; stops entries only."""
    nav_jump_max_pct: Decimal
    """A fall of net asset value between two heartbeats that leaves only exits until a person looks."""

    # one order
    notional_order_max: Decimal | None
    notional_cex_order_max: Decimal | None
    quantity_order_max: dict[Asset, Decimal]
    """Per base asset, in its own units."""
    collar_hard_pct: Decimal
    """How far beyond the market a price may be; also the worst price given to a market order."""
    collar_soft_pct: Decimal | None
    """Beyond this a person must approve."""
    slippage_max_pct: Decimal
    """The same as the hard collar, for swaps."""
    spread_max_pct: Decimal
    """Of the mid price."""
    depth_max_pct: Decimal | None
    """Of the size shown at the best price on the other side."""
    fee_max_pct: Decimal
    """The worst fee rate, reserved with every order."""

    # open orders and behaviour
    open_orders_max: int
    open_notional_max_pct: Decimal
    turnover_max_pct: Decimal
    """Per agent over `turnover_window`; exits count but are not stopped."""
    turnover_window: timedelta
    duplicate_window: timedelta
    repeated_orders_max: int
    """Same-shaped orders of one agent in `repeated_window`; one more disables the agent until a person looks."""
    repeated_window: timedelta
    rejects_max: int
    """Rejections by a venue in `rejects_window`; one more sets CANCEL_ONLY for the venue."""
    rejects_window: timedelta

    # venues
    drift_max_pct: Decimal
    """How much of equity a venue's balances may differ from the journal's before nothing but cancels passes there."""
    foreign_orders_max: int
    """Open orders of nobody here at a venue; one more sets CANCEL_ONLY for it."""

    # market data
    quote_age_max: timedelta
    quote_sources_min: int
    clock_skew_max: timedelta
    data_loss_max: timedelta
    """How long real orders may stand without a fresh quote before only cancels pass for their instrument."""
    sentiment_min: Decimal | None
    """Below this buys are blocked; None where no sentiment source is configured."""
    sentiment_age_max: timedelta

    # allowlists: None is "not restricted", which live trading refuses
    allow_exchanges: frozenset[VenueId] | None
    allow_symbols: frozenset[Symbol] | None
    allow_market_types: frozenset[MarketType] | None
    allow_tokens: frozenset[Asset] | None
    allow_chains: frozenset[Chain] | None
    allow_to_addresses: frozenset[str]
    """Lower case. Empty means that nothing can be transferred."""
    transfer_native_max: Decimal | None
    """In the chain's native asset; None means that nothing can be transferred."""

    # approval
    approval_mode: ApprovalMode
    approval_notional_min: Decimal | None
    """Orders of at least this notional need a person."""
    approval_first_symbol: bool
    approval_first_orders: int
    """An agent's first n orders need a person."""
    approval_people_min: int = 1
    """How many different persons must agree to what needs one. The default is for entries from before it was there."""
    proposal_ttl: timedelta
    permit_ttl: timedelta

    # changes of all the above while the core runs
    loosening_delay: timedelta = timedelta(minutes=10)
    """How long a loosened limit waits until it holds. The default is for entries from before it was there."""
