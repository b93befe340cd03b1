"""Prices as the exchange tells them when it misbehaves; what it matches against is always the true market."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from readytrader_sdk.market import Level

from appliance.local_exchange.faults import Fault, Faults

ABSURD = Decimal(100)
"""The factor of an absurd price."""


def told_best(faults: Faults, occasion: str, bid: Decimal, ask: Decimal) -> tuple[Decimal, Decimal]:
    """The best bid and ask to tell: as they are, crossed, or a hundredfold."""
    if faults.take(Fault.CROSSED_BOOK, occasion):
        return 2 * ask - bid, ask - (ask - bid)
    if faults.take(Fault.ABSURD_PRICE, occasion):
        return bid * ABSURD, ask * ABSURD
    return bid, ask


def told_levels(
    faults: Faults, occasion: str, bids: Sequence[Level], asks: Sequence[Level]
) -> tuple[Sequence[Level], Sequence[Level]]:
    """The whole depth to tell: as it is, with its best bid above the best ask, or a hundredfold."""
    if not bids or not asks:
        return bids, asks
    if faults.take(Fault.CROSSED_BOOK, occasion):
        crossing = Level(2 * asks[0].price - bids[0].price, bids[0].size)
        return (crossing, *bids[1:]), asks
    if faults.take(Fault.ABSURD_PRICE, occasion):
        return _times(bids, ABSURD), _times(asks, ABSURD)
    return bids, asks


def phantom_bid(faults: Faults, occasion: str, bids: Sequence[Level], asks: Sequence[Level]) -> Level | None:
    """A bid that is not there, for one update of a streamed book; the next update has to take it back."""
    if not bids or not asks:
        return None
    if faults.take(Fault.CROSSED_BOOK, occasion):
        return Level(2 * asks[0].price - bids[0].price, bids[0].size)
    if faults.take(Fault.ABSURD_PRICE, occasion):
        return Level(bids[0].price * ABSURD, bids[0].size)
    return None


def _times(levels: Sequence[Level], factor: Decimal) -> tuple[Level, ...]:
    return tuple(Level(level.price * factor, level.size) for level in levels)
