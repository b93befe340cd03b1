"""Random situations in the range of the real: small and large prices, coarse and fine increments, crowded accounts."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st
from readytrader_sdk.money import round_up
from readytrader_sdk.orders import OrderType, Side

from appliance.domain.intents import Intent
from appliance.domain.limits import Limits
from appliance.domain.snapshot import Snapshot
from tests.pipeline.cases import BTC, NOW, SECOND, USDT, D, Situation, limits, order, request, snapshot, swap, transfer

SIDES = st.sampled_from(Side)
INSTRUMENT_FIELDS = ("price_increment", "quantity_increment", "quantity_min", "notional_min")
ACCOUNT_FIELDS = ("equity", "holding", "reserved", "incoming", "exposure", "open_notional", "accounting_price")


def decimals(low: str, high: str, places: int = 8) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places, allow_nan=False, allow_infinity=False)


def steps(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Powers of ten."""
    return st.integers(low, high).map(lambda exponent: Decimal(1).scaleb(exponent))


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """A market with a tight spread, and an account that may have anything in flight."""
    price_increment = draw(steps(-8, -1))
    mid = round_up(draw(decimals("0.001", "90000")), price_increment)
    bid = mid
    ask = round_up(mid * draw(st.sampled_from([D(1), D("1.001"), D("1.01")])), price_increment)
    held = {BTC: draw(decimals("0", "50", 3)), USDT: draw(decimals("0", "50000", 2))}
    equity = held[USDT] + held[BTC] * bid
    return snapshot(
        instrument={
            "price_increment": price_increment,
            "quantity_increment": (increment := draw(steps(-8, 0))),
            "quantity_min": increment * draw(st.integers(1, 5)),
            "notional_min": draw(st.sampled_from([D(0), D(5), D(10)])),
        },
        market={
            "bid": bid,
            "ask": ask,
            "bid_size": draw(st.none() | decimals("0", "1000", 4)),
            "ask_size": draw(st.none() | decimals("0", "1000", 4)),
        },
        account={
            "equity": equity,
            "holding": held,
            "reserved": {USDT: draw(decimals("0", "100", 2)), BTC: draw(decimals("0", "1", 3))},
            "incoming": {BTC: draw(decimals("0", "1", 3))},
            "exposure": held[BTC] * bid,
            "open_orders": draw(st.integers(0, 12)),
            "open_notional": draw(decimals("0", "2000", 2)),
            "accounting_price": {BTC: (bid + ask) / 2, USDT: D(1)},
        },
        agent={"turnover": draw(decimals("0", "5000", 2)), "repeated": draw(st.integers(0, 6))},
        performance={"nav": draw(decimals("0.85", "1.1", 2)), "nav_day_open": D(1), "nav_peak": D(1)},
        sentiment=draw(decimals("-1", "1", 1)),
        sentiment_at=NOW - draw(st.integers(0, 7200)) * SECOND,
    )


@st.composite
def intents(draw: st.DrawFn, facts: Snapshot, *, ample: bool = False) -> Intent:
    """An order, swap or transfer in this market; `ample` asks for more than any account holds."""
    market, instrument = facts.market, facts.instrument
    assert market is not None
    assert instrument is not None
    kind = draw(st.sampled_from(["limit", "market", "stop", "swap in", "swap out", "transfer"]))
    units = D(10) ** 8 if ample else draw(st.integers(1, 1000) | st.integers(1, 10**6))
    quantity = units * instrument.quantity_increment * (D(10) ** 8 if ample else 1)
    if kind == "transfer":
        return transfer(str(quantity))
    if kind == "swap in":
        return swap(USDT, BTC, format(round(quantity * market.ask, 18), "f"))
    if kind == "swap out":
        return swap(BTC, USDT, format(quantity, "f"))
    if kind == "market":
        return order(draw(SIDES), str(quantity), None)
    price = round_up(market.bid * draw(decimals("0.9", "1.1", 3)), instrument.price_increment)
    if kind == "stop":
        return order(draw(SIDES), str(quantity), None, order_type=OrderType.STOP, stop_price=price)
    return order(draw(SIDES), str(quantity), str(price))


@st.composite
def any_limits(draw: st.DrawFn) -> Limits:
    """Limits of which several may be reached at once, and some of which are off."""
    return limits(
        position_max_pct=draw(decimals("1", "100", 1)),
        exposure_max_pct=draw(decimals("1", "100", 1)),
        notional_order_max=draw(st.none() | decimals("10", "10000", 3)),
        notional_cex_order_max=draw(st.none() | decimals("10", "10000", 3)),
        quantity_order_max=draw(st.just({}) | st.builds(lambda cap: {BTC: cap}, decimals("0.001", "50", 5))),
        collar_hard_pct=draw(decimals("0", "10", 1)),
        slippage_max_pct=draw(decimals("0", "10", 1)),
        depth_max_pct=draw(st.none() | decimals("1", "100", 1)),
        fee_max_pct=draw(decimals("0", "1", 2)),
        open_notional_max_pct=draw(decimals("1", "100", 1)),
        turnover_max_pct=draw(decimals("1", "300", 1)),
        transfer_native_max=draw(st.none() | decimals("0", "20", 18)),
        sentiment_min=draw(st.none() | decimals("-1", "0", 1)),
        allow_tokens=None,
    )


@st.composite
def situations(draw: st.DrawFn, *, ample: bool = False) -> Situation:
    facts = draw(snapshots())
    return Situation(request(draw(intents(facts, ample=ample))), facts, draw(any_limits()))


@st.composite
def permissive(draw: st.DrawFn) -> Situation:
    """Situations in which size alone may be wrong, so that many pass and the others are told a largest amount."""
    drawn = draw(situations(ample=draw(st.booleans())))
    facts = drawn.snapshot
    calm = snapshot(
        instrument={name: getattr(facts.instrument, name) for name in INSTRUMENT_FIELDS},
        market={"bid": facts.market.bid, "ask": facts.market.ask} if facts.market else {},
        account={name: getattr(facts.account, name) for name in ACCOUNT_FIELDS},
        agent={"turnover": facts.agent.turnover},
    )
    return Situation(drawn.request, calm, drawn.limits)
