"""Whether a price can be believed: against the source's own last prices, and against the other sources.

Time alone confirms nothing. After an hour of silence a price that fell by half is as suspicious as after a second:
it is believed when another source says so too, or, where there is no other, when the source goes on saying so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from appliance.marketdata.line import Line, TickT, Track
from appliance.marketdata.price_range import Claim, PriceRange
from appliance.marketdata.values import BusSettings, Verdict


class Price(NamedTuple):
    """What a tick says of the price: its lowest, its highest, and the middle."""

    low: Decimal
    high: Decimal
    mid: Decimal
    observed_at: datetime


def judge(
    track: Track[TickT], others: Sequence[Line], price: Price, received_at: datetime, settings: BusSettings
) -> Verdict:
    """Believe `price` or not, and remember which. `others` are the sources that may testify."""
    low, high, mid, _ = price
    jumps = not track.range.holds(low, high, received_at)
    if jumps:
        verdict = _weigh_jump(price, others, received_at, track.range)
    else:
        verdict = _weigh_steady(price, others, received_at, track.range)
    if verdict is Verdict.ACCEPTED:
        if jumps:
            track.range.restart(mid, received_at)
        else:
            track.range.add(mid, received_at)
        track.claim = None
        return verdict
    claim = track.claim
    if claim is None or not claim.extend(low, high, mid, price.observed_at):
        track.claim = Claim(mid, price.observed_at, received_at, settings.outlier_max_pct)
    elif verdict is Verdict.JUMP_UNCONFIRMED and _is_persistent(claim, received_at, settings):
        track.range.restart(mid, received_at)
        track.claim = None
        return Verdict.ACCEPTED
    return verdict


def _is_persistent(claim: Claim, received_at: datetime, settings: BusSettings) -> bool:
    return claim.count >= settings.jump_ticks_min and received_at - claim.first_at >= settings.jump_time_min


def _weigh_steady(price: Price, others: Sequence[Line], now: datetime, reach: PriceRange) -> Verdict:
    """A price near the source's own last ones must also be near the median of what the others say."""
    believed = _believed(others, now)
    if not believed or _fits(price, median(believed), reach):
        return Verdict.ACCEPTED
    return Verdict.CONTRADICTED


def _weigh_jump(price: Price, others: Sequence[Line], now: datetime, reach: PriceRange) -> Verdict:
    """A jump needs a witness, and not more against it than for it. Who claims the same jump is a witness too."""
    believed = _believed(others, now)
    claims = [(line, line.claim) for line in others if line.claim is not None]
    claimed = [claim.mid for line, claim in claims if now - claim.observed_at <= line.quote_age_max]
    in_favour = sum(_fits(price, mid, reach) for mid in believed)
    against = len(believed) - in_favour
    in_favour += sum(_fits(price, mid, reach) for mid in claimed)
    if in_favour and in_favour >= against:
        return Verdict.ACCEPTED
    return Verdict.CONTRADICTED if against else Verdict.JUMP_UNCONFIRMED


def _believed(others: Sequence[Line], now: datetime) -> list[Decimal]:
    """The mid prices that the others have in use, where they are fresh and not contested by a newer claim."""
    return [
        line.mid
        for line in others
        if line.claim is None and line.quote is not None and now - line.observed_at <= line.quote_age_max
    ]


def _fits(price: Price, reference: Decimal, reach: PriceRange) -> bool:
    return reference * reach.below <= price.low and price.high <= reference * reach.above


def median(values: Sequence[Decimal]) -> Decimal:
    """The middle value, or halfway between the two in the middle."""
    if len(values) == 1:
        return values[0]
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
