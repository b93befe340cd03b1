"""Which way each limit is tighter: whether a change allows less than before, at most as much, or perhaps more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from enum import StrEnum
from typing import Any

import msgspec

from appliance.domain.limits import ApprovalMode, Limits


class Tighter(StrEnum):
    """Of two values of one limit, which one allows at most what the other does."""

    LOWER = "lower"
    """The lower one; off allows everything."""
    LOWER_OFF_IS_NONE = "lower, off allows nothing"
    HIGHER = "higher"
    """The higher one; off allows everything."""
    FEWER = "fewer"
    """A list that has no member which the other has not; `any` has every member."""
    LOWER_EACH = "lower for each"
    """Caps by name: none is missing that the other has, and none is higher."""
    ASKING = "asking a person"
    """The one under which a person is asked."""


TIGHTER: Mapping[str, Tighter] = {
    "position_max_pct": Tighter.LOWER,
    "exposure_max_pct": Tighter.LOWER,
    "daily_loss_max_pct": Tighter.LOWER,
    "drawdown_max_pct": Tighter.LOWER,
    "nav_jump_max_pct": Tighter.LOWER,
    "notional_order_max": Tighter.LOWER,
    "notional_cex_order_max": Tighter.LOWER,
    "quantity_order_max": Tighter.LOWER_EACH,
    "collar_hard_pct": Tighter.LOWER,
    "collar_soft_pct": Tighter.LOWER,
    "slippage_max_pct": Tighter.LOWER,
    "spread_max_pct": Tighter.LOWER,
    "depth_max_pct": Tighter.LOWER,
    "fee_max_pct": Tighter.HIGHER,  # more is reserved with every order
    "open_orders_max": Tighter.LOWER,
    "open_notional_max_pct": Tighter.LOWER,
    "turnover_max_pct": Tighter.LOWER,
    "duplicate_window": Tighter.HIGHER,
    "repeated_orders_max": Tighter.LOWER,
    "repeated_window": Tighter.HIGHER,
    "rejects_max": Tighter.LOWER,
    "rejects_window": Tighter.HIGHER,
    "drift_max_pct": Tighter.LOWER,
    "foreign_orders_max": Tighter.LOWER,
    "quote_sources_min": Tighter.HIGHER,
    "data_loss_max": Tighter.LOWER,
    "sentiment_min": Tighter.HIGHER,
    "sentiment_age_max": Tighter.LOWER,
    "allow_exchanges": Tighter.FEWER,
    "allow_symbols": Tighter.FEWER,
    "allow_market_types": Tighter.FEWER,
    "allow_tokens": Tighter.FEWER,
    "allow_chains": Tighter.FEWER,
    "allow_to_addresses": Tighter.FEWER,
    "transfer_native_max": Tighter.LOWER_OFF_IS_NONE,
    "approval_mode": Tighter.ASKING,
    "approval_notional_min": Tighter.LOWER,
    "approval_first_symbol": Tighter.ASKING,
    "approval_first_orders": Tighter.HIGHER,
    "approval_people_min": Tighter.HIGHER,
    "proposal_ttl": Tighter.LOWER,
    "permit_ttl": Tighter.LOWER,
}
"""Every limit that can be changed while the core runs."""

FIXED: Mapping[str, str] = {
    "accounting_asset": "it is the unit in which all the others are meant",
    "cash_assets": "it says what an exit is, so more of them allow more in one place and less in another",
    "turnover_window": "turnover is counted over it from the start",
    "quote_age_max": "the market-data bus is made with it",
    "clock_skew_max": "the market-data bus is made with it",
    "loosening_delay": "nobody in a hurry may shorten it",
}
"""Every limit that only the configuration and a restart change, and why."""

Both = Callable[[Any, Any], bool]


def allows_no_more(field: str, one: Any, other: Any) -> bool:
    """Whether the value `one` of a limit allows nothing that `other` does not. Raises `KeyError` for no such limit."""
    return _ORDER[TIGHTER[field]](one, other)


def loosened(before: Limits, after: Limits) -> tuple[str, ...]:
    """The limits that may allow more after than before; of those without a direction, all that are not the same."""
    fields = [field.name for field in msgspec.structs.fields(Limits)]
    return tuple(name for name in fields if _may_allow_more(name, getattr(before, name), getattr(after, name)))


def _may_allow_more(field: str, before: Any, after: Any) -> bool:
    return before != after and (field not in TIGHTER or not allows_no_more(field, after, before))


def _lower(one: Any, other: Any) -> bool:
    return other is None or (one is not None and bool(one <= other))


def _lower_off_is_none(one: Any, other: Any) -> bool:
    return one is None or (other is not None and bool(one <= other))


def _higher(one: Any, other: Any) -> bool:
    return other is None or (one is not None and bool(one >= other))


def _fewer(one: Set[Any] | None, other: Set[Any] | None) -> bool:
    return other is None or (one is not None and one <= other)


def _lower_each(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    return all(name in one and one[name] <= cap for name, cap in other.items())


def _asking(one: ApprovalMode | bool, other: ApprovalMode | bool) -> bool:
    return one in (True, ApprovalMode.APPROVE_EACH) or one == other


_ORDER: Mapping[Tighter, Both] = {
    Tighter.LOWER: _lower,
    Tighter.LOWER_OFF_IS_NONE: _lower_off_is_none,
    Tighter.HIGHER: _higher,
    Tighter.FEWER: _fewer,
    Tighter.LOWER_EACH: _lower_each,
    Tighter.ASKING: _asking,
}
