"""Every code by which the appliance refuses. Stable: agents and operators act on them, tables are generated from them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Code(StrEnum):
    """One per rule. What each means is in `MEANINGS`."""

    # the edge: the request never became an intent
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    RATE_LIMITED = "RATE_LIMITED"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    NOT_FOUND = "NOT_FOUND"
    NOT_CANCELLABLE = "NOT_CANCELLABLE"
    JOURNAL_UNAVAILABLE = "JOURNAL_UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    # identity and state
    SCOPE_MISSING = "SCOPE_MISSING"
    LIVE_DISABLED = "LIVE_DISABLED"
    TRADING_STATE = "TRADING_STATE"
    VENUE_NOT_READY = "VENUE_NOT_READY"
    OUTCOME_UNSETTLED = "OUTCOME_UNSETTLED"
    # the instrument and the request's own sanity
    INSTRUMENT_UNKNOWN = "INSTRUMENT_UNKNOWN"
    INSTRUMENT_NOT_TRADING = "INSTRUMENT_NOT_TRADING"
    SYMBOL_NOT_ALLOWED = "SYMBOL_NOT_ALLOWED"
    EXCHANGE_NOT_ALLOWED = "EXCHANGE_NOT_ALLOWED"
    MARKET_TYPE_NOT_ALLOWED = "MARKET_TYPE_NOT_ALLOWED"
    TOKEN_NOT_ALLOWED = "TOKEN_NOT_ALLOWED"  # noqa: S105 - a code, not a secret
    CHAIN_NOT_ALLOWED = "CHAIN_NOT_ALLOWED"
    QUANTITY_INVALID = "QUANTITY_INVALID"
    PRICE_INVALID = "PRICE_INVALID"
    NOTIONAL_TOO_SMALL = "NOTIONAL_TOO_SMALL"
    TIME_IN_FORCE_INVALID = "TIME_IN_FORCE_INVALID"
    # market data
    QUOTE_MISSING = "QUOTE_MISSING"
    QUOTE_STALE = "QUOTE_STALE"
    QUOTE_DISAGREEMENT = "QUOTE_DISAGREEMENT"
    CLOCK_SKEW = "CLOCK_SKEW"
    SPREAD_TOO_WIDE = "SPREAD_TOO_WIDE"
    # size and price
    QUANTITY_ABOVE_MAX = "QUANTITY_ABOVE_MAX"
    NOTIONAL_ABOVE_MAX = "NOTIONAL_ABOVE_MAX"
    PRICE_COLLAR = "PRICE_COLLAR"
    DEPTH_EXCEEDED = "DEPTH_EXCEEDED"
    BALANCE_INSUFFICIENT = "BALANCE_INSUFFICIENT"
    # the portfolio
    EQUITY_UNKNOWN = "EQUITY_UNKNOWN"
    POSITION_ABOVE_MAX = "POSITION_ABOVE_MAX"
    EXPOSURE_ABOVE_MAX = "EXPOSURE_ABOVE_MAX"
    OPEN_ORDERS_ABOVE_MAX = "OPEN_ORDERS_ABOVE_MAX"
    OPEN_NOTIONAL_ABOVE_MAX = "OPEN_NOTIONAL_ABOVE_MAX"
    TURNOVER_ABOVE_MAX = "TURNOVER_ABOVE_MAX"
    DAILY_LOSS = "DAILY_LOSS"
    DRAWDOWN = "DRAWDOWN"
    FALLING_KNIFE = "FALLING_KNIFE"
    SENTIMENT_MISSING = "SENTIMENT_MISSING"
    # behaviour
    DUPLICATE_ORDER = "DUPLICATE_ORDER"
    REPEATED_ORDERS = "REPEATED_ORDERS"
    SELF_MATCH = "SELF_MATCH"
    # transfers
    DESTINATION_NOT_ALLOWED = "DESTINATION_NOT_ALLOWED"
    DESTINATION_LOOKALIKE = "DESTINATION_LOOKALIKE"
    TRANSFER_ABOVE_MAX = "TRANSFER_ABOVE_MAX"
    # approval
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    APPROVAL_MISMATCH = "APPROVAL_MISMATCH"
    # the check itself
    CHECK_FAILED = "CHECK_FAILED"


class Meaning(NamedTuple):
    """Which rule a code belongs to, what it means, and what the asker can do about it."""

    rule: str
    text: str
    remedy: str


MEANINGS: dict[Code, Meaning] = {
    Code.INVALID_ARGUMENT: Meaning(
        "R01", "An argument is missing, unknown or malformed.", "Correct it and call again."
    ),
    Code.UNAUTHENTICATED: Meaning(
        "R29", "The token is missing, unknown, expired or revoked.", "Ask the operator for one."
    ),
    Code.RATE_LIMITED: Meaning("R16", "Too many calls of this kind in the window.", "Wait the seconds given."),
    Code.IDEMPOTENCY_CONFLICT: Meaning(
        "R18", "The idempotency key was used for another request.", "Use a new key for a new request."
    ),
    Code.NOT_FOUND: Meaning("R01", "No such order, proposal or instrument.", "Check the ID or the symbol."),
    Code.NOT_CANCELLABLE: Meaning("R01", "The order is already at its end.", "Read the order."),
    Code.JOURNAL_UNAVAILABLE: Meaning(
        "R35", "The journal cannot be written, so nothing is sent.", "Only the operator can mend this."
    ),
    Code.INTERNAL_ERROR: Meaning("R35", "A fault of the appliance; nothing was permitted.", "Tell the operator."),
    Code.SCOPE_MISSING: Meaning("R29", "The agent's token does not open this.", "Ask the operator for the scope."),
    Code.LIVE_DISABLED: Meaning(
        "R36", "Live trading is not enabled in every place that must agree.", "Trade on paper."
    ),
    Code.TRADING_STATE: Meaning(
        "R23", "Trading is restricted or halted for this scope.", "Reduce or cancel only, or wait for the operator."
    ),
    Code.VENUE_NOT_READY: Meaning(
        "R40", "The venue was not reconciled, or something about it is wrong.", "Wait, or tell the operator."
    ),
    Code.OUTCOME_UNSETTLED: Meaning(
        "R28", "Nobody knows yet what became of an earlier order in this instrument.", "Wait, or exit."
    ),
    Code.INSTRUMENT_UNKNOWN: Meaning("R03", "No instrument of that symbol is known here.", "Use a listed symbol."),
    Code.INSTRUMENT_NOT_TRADING: Meaning("R22", "The instrument is halted or delisted.", "Trade another."),
    Code.SYMBOL_NOT_ALLOWED: Meaning(
        "R03", "The symbol is not on the operator's or the token's list.", "Trade another."
    ),
    Code.EXCHANGE_NOT_ALLOWED: Meaning("R03", "The exchange is not on the operator's list.", "Use another."),
    Code.MARKET_TYPE_NOT_ALLOWED: Meaning("R03", "The market type is not allowed or not this symbol's.", "Use spot."),
    Code.TOKEN_NOT_ALLOWED: Meaning("R03", "A token is not on the operator's list.", "Use another."),
    Code.CHAIN_NOT_ALLOWED: Meaning("R41", "The chain is not on the operator's list.", "Use another."),
    Code.QUANTITY_INVALID: Meaning(
        "R01", "The quantity is below the minimum or not a multiple of the increment.", "Round to the increment."
    ),
    Code.PRICE_INVALID: Meaning(
        "R01", "A price is missing, not wanted, or not a multiple of the increment.", "Correct the price."
    ),
    Code.NOTIONAL_TOO_SMALL: Meaning("R01", "Price × quantity is below the venue's minimum.", "Ask for more."),
    Code.TIME_IN_FORCE_INVALID: Meaning("R01", "The time in force is past or does not fit the order.", "Correct it."),
    Code.QUOTE_MISSING: Meaning("R21", "No admissible source has a quote.", "Wait for market data."),
    Code.QUOTE_STALE: Meaning("R21", "The newest admissible quote is too old.", "Wait for market data."),
    Code.QUOTE_DISAGREEMENT: Meaning("R21", "Too few admissible sources agree on the price.", "Wait until they agree."),
    Code.CLOCK_SKEW: Meaning("R21", "The source's clock and ours differ too much.", "Tell the operator."),
    Code.SPREAD_TOO_WIDE: Meaning("R06", "Bid and ask are too far apart.", "Wait for a tighter market."),
    Code.QUANTITY_ABOVE_MAX: Meaning("R04", "The quantity is above the cap for the asset.", "Ask for less."),
    Code.NOTIONAL_ABOVE_MAX: Meaning("R05", "Price × quantity at the worst price is above the cap.", "Ask for less."),
    Code.PRICE_COLLAR: Meaning("R06", "The price is too far beyond the market.", "Bring it nearer to the market."),
    Code.DEPTH_EXCEEDED: Meaning("R07", "The order is too large for what the market shows.", "Ask for less."),
    Code.BALANCE_INSUFFICIENT: Meaning(
        "R28", "Less is free than the worst case would take; everything in flight counts.", "Ask for less."
    ),
    Code.EQUITY_UNKNOWN: Meaning("R12", "The portfolio cannot be valued now.", "Wait for prices of what is held."),
    Code.POSITION_ABOVE_MAX: Meaning(
        "R08", "The position after the trade, open orders included, would be too large.", "Ask for less."
    ),
    Code.EXPOSURE_ABOVE_MAX: Meaning("R09", "All positions together would be too large.", "Ask for less, or exit."),
    Code.OPEN_ORDERS_ABOVE_MAX: Meaning("R10", "Too many open orders.", "Cancel some."),
    Code.OPEN_NOTIONAL_ABOVE_MAX: Meaning(
        "R10", "Open orders would be worth too much.", "Ask for less, or cancel some."
    ),
    Code.TURNOVER_ABOVE_MAX: Meaning("R11", "The agent would trade too much in the window.", "Ask for less, or wait."),
    Code.DAILY_LOSS: Meaning(
        "R12", "Today's loss has reached its limit; exits still pass.", "Exit, or wait for 00:00 UTC."
    ),
    Code.DRAWDOWN: Meaning("R13", "The fall from the peak has reached its limit; exits still pass.", "Exit only."),
    Code.FALLING_KNIFE: Meaning("R15", "Sentiment is too low to buy.", "Wait, or exit."),
    Code.SENTIMENT_MISSING: Meaning("R15", "The configured sentiment source has no fresh score.", "Wait."),
    Code.DUPLICATE_ORDER: Meaning(
        "R18", "The same order was placed a moment ago.", "If you mean it, give each its own idempotency_key."
    ),
    Code.REPEATED_ORDERS: Meaning(
        "R17", "The same order too many times; the agent is disabled.", "Wait for the operator."
    ),
    Code.SELF_MATCH: Meaning("R19", "It would trade against our own resting order.", "Cancel that one first."),
    Code.DESTINATION_NOT_ALLOWED: Meaning(
        "R45", "The address is not in the operator's address book.", "Ask the operator."
    ),
    Code.DESTINATION_LOOKALIKE: Meaning(
        "R45", "The address looks like a known one and is not it.", "Stop: this is how addresses are poisoned."
    ),
    Code.TRANSFER_ABOVE_MAX: Meaning("R45", "The transfer is above the cap, or transfers are off.", "Ask for less."),
    Code.APPROVAL_REQUIRED: Meaning("R32", "A person must approve this first.", "Wait for the operator."),
    Code.APPROVAL_MISMATCH: Meaning("R32", "The approval was for something else.", "Ask again."),
    Code.CHECK_FAILED: Meaning("R01", "A rule could not be evaluated, so it refuses.", "Tell the operator."),
}
