"""Whether the market is known well enough to act on, and whether the price fits it (R06, R07, R21)."""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.money import ONE, ZERO
from readytrader_sdk.orders import OrderType, Side

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import OrderIntent, TransferIntent
from appliance.pipeline.case import Case, Ceiling, Level, deny, figure
from appliance.pipeline.terms import PERCENT


def quote_known(case: Case) -> Denial | None:
    """No admissible quote, no order; and the value of the order must be known in the accounting asset."""
    intent, snapshot = case.intent, case.snapshot
    if isinstance(intent, TransferIntent):
        missing = None if case.sizing is not None else f"{intent.asset}"
    elif snapshot.instrument is None:
        return None
    elif snapshot.market is None:
        missing = snapshot.instrument.symbol
    else:
        missing = None if case.sizing is not None else f"{snapshot.instrument.quote} in {case.limits.accounting_asset}"
    if missing is None:
        return None
    return deny(Code.QUOTE_MISSING, f"no admissible source has a quote for {missing}", observed="none")


def quote_sane(case: Case) -> Denial | None:
    """A quote has a bid above 0 and an ask that is not below it; every figure that is computed from it needs that."""
    market = case.snapshot.market
    if market is None or 0 < market.bid <= market.ask:
        return None
    return deny(
        Code.QUOTE_MISSING,
        "what the source gave is not a quote",
        f"bid {figure(market.bid)}, ask {figure(market.ask)}",
        "0 < bid <= ask",
    )


def price_worst(case: Case) -> Denial | None:
    """The worst price must be above 0: at 0 no cap would ever be reached."""
    if case.sizing is None or case.sizing.price_worst > 0:
        return None
    return deny(Code.PRICE_INVALID, "the worst price is not above 0", case.sizing.price_worst, 0, "price")


def quote_fresh(case: Case) -> Denial | None:
    """The quote's age by its source's own clock."""
    market = case.snapshot.market
    if market is None or market.age <= case.limits.quote_age_max:
        return None
    return deny(
        Code.QUOTE_STALE,
        "the newest admissible quote is too old",
        market.age.total_seconds(),
        case.limits.quote_age_max.total_seconds(),
        "s",
    )


def clock(case: Case) -> Denial | None:
    """A source whose clock runs ahead makes every age a guess."""
    market = case.snapshot.market
    if market is None:
        return None
    skew = max(abs(market.clock_skew), market.observed_at - case.snapshot.now)
    if skew <= case.limits.clock_skew_max:
        return None
    return deny(
        Code.CLOCK_SKEW,
        "the source's clock and ours differ too much",
        skew.total_seconds(),
        case.limits.clock_skew_max.total_seconds(),
        "s",
    )


def quorum(case: Case) -> Denial | None:
    """Enough admissible sources agree, and they are more than those that do not."""
    market = case.snapshot.market
    if market is None:
        return None
    agreeing = len(market.sources)
    if agreeing >= case.limits.quote_sources_min and agreeing > len(market.outliers):
        return None
    return deny(
        Code.QUOTE_DISAGREEMENT,
        f"{agreeing} admissible sources agree and {len(market.outliers)} do not",
        agreeing,
        max(case.limits.quote_sources_min, len(market.outliers) + 1),
        "sources",
    )


def spread(case: Case) -> Denial | None:
    """A wide spread is a market nobody should take."""
    market = case.snapshot.market
    if market is None or isinstance(case.intent, TransferIntent):
        return None
    width, mid = market.ask - market.bid, (market.ask + market.bid) / 2
    if width <= mid * case.limits.spread_max_pct * PERCENT:
        return None
    return deny(
        Code.SPREAD_TOO_WIDE, "bid and ask are too far apart", width / mid * 100, case.limits.spread_max_pct, "% of mid"
    )


def collar_hard(case: Case) -> Denial | None:
    """A limit price may not be further beyond the market than the collar."""
    overshoot = price_overshoot_pct(case)
    if overshoot is None or overshoot <= case.limits.collar_hard_pct:
        return None
    return deny(
        Code.PRICE_COLLAR,
        "the limit price is too far beyond the market",
        overshoot,
        case.limits.collar_hard_pct,
        "% beyond the market",
    )


def price_overshoot_pct(case: Case) -> Decimal | None:
    """How far a limit price lies beyond the market on its own side, in percent; None without one."""
    intent, market = case.intent, case.snapshot.market
    if not isinstance(intent, OrderIntent) or market is None or intent.limit_price is None:
        return None
    stop = intent.stop_price if intent.order_type is OrderType.STOP_LIMIT else None
    if intent.side is Side.BUY:
        touch = max(market.ask, stop) if stop is not None else market.ask
        return (intent.limit_price / touch - ONE) * 100
    touch = min(market.bid, stop) if stop is not None else market.bid
    return (ONE - intent.limit_price / touch) * 100


def depth(case: Case) -> Ceiling | None:
    """No more than a share of what the market shows; a source that shows no size counts as showing none."""
    market, share = case.snapshot.market, case.limits.depth_max_pct
    if share is None or market is None or case.sizing is None or case.sizing.side is None:
        return None
    shown = market.ask_size if case.sizing.side is Side.BUY else market.bid_size
    instrument = case.snapshot.instrument
    level = Level(
        Code.DEPTH_EXCEEDED,
        "size against the market's",
        "depth_max_pct",
        used=ZERO,
        limit=(shown or ZERO) * share * PERCENT,
        unit=instrument.base if instrument else "",
    )
    return Ceiling(level, ONE, f"the order against {share} % of the size shown")
