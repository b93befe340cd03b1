"""Every rule, in the order in which it is asked. This table is the whole of what stands before an order.

`CONDITIONS` refuse or do not; `CEILINGS` bound the size, and from them comes the largest amount allowed.
The `ENTRY_` tables are R08 to R15 and the hold of R28: they are not asked of an exit, which none of them can trap.
"""

from __future__ import annotations

from appliance.pipeline.case import Condition, Limit
from appliance.pipeline.checks import (
    approval,
    behaviour,
    facts,
    identity,
    instrument,
    market,
    portfolio,
    size,
    transfer,
    venue,
)

CONDITIONS: tuple[Condition, ...] = (
    identity.scope,
    identity.symbols_of_token,
    identity.live_enabled,
    identity.trading_state,
    venue.ready,
    venue.clock,
    facts.figures_finite,
    facts.worst_case_computed,
    instrument.instrument_known,
    instrument.instrument_trading,
    instrument.market_type,
    instrument.exchange_allowed,
    instrument.symbol_allowed,
    instrument.tokens_allowed,
    instrument.chain_allowed,
    instrument.quantity,
    instrument.prices,
    instrument.time_in_force,
    market.quote_known,
    market.quote_sane,
    market.quote_fresh,
    market.clock,
    market.quorum,
    market.spread,
    market.price_worst,
    market.collar_hard,
    instrument.notional_min,
    behaviour.duplicate,
    behaviour.repeated,
    behaviour.self_match,
    transfer.destination,
    transfer.lookalike,
    approval.approval_matches,
    approval.people_enough,
)
ENTRY_CONDITIONS: tuple[Condition, ...] = (
    venue.settled,
    portfolio.equity_known,
    portfolio.position_known,
    portfolio.performance_known,
    portfolio.open_orders,
    portfolio.daily_loss,
    portfolio.drawdown,
    portfolio.falling_knife,
    portfolio.sentiment_known,
)
CEILINGS: tuple[Limit, ...] = (
    size.quantity_cap,
    size.notional_cap,
    size.notional_cex_cap,
    market.depth,
    size.balance,
    transfer.transfer_cap,
)
ENTRY_CEILINGS: tuple[Limit, ...] = (
    portfolio.position,
    portfolio.exposure,
    portfolio.open_notional,
    portfolio.turnover,
)
