"""One pair of situations for every check: permitted exactly at the limit, denied one step beyond."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from msgspec.structs import replace
from readytrader_sdk.instruments import InstrumentStatus, MarketType
from readytrader_sdk.orders import OrderType, TimeInForce

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.domain.intents import Intent, digest
from appliance.domain.snapshot import ApprovalFacts, Mode, VenueFacts
from appliance.domain.trading_state import TradingState
from tests.pipeline.cases import (
    BTC,
    ETH,
    FRIEND,
    NOW,
    SECOND,
    STEP,
    STRANGER,
    USDT,
    D,
    Situation,
    buy,
    request,
    sell,
    situation,
    snapshot,
    state_of,
    swap,
    transfer,
)


class Pair(NamedTuple):
    """What passes, what does not, and the one refusal that tells them apart."""

    check: str
    at: Situation
    beyond: Situation
    code: Code
    observed: str | None
    limit: str | None
    unit: str | None = None


def _approved(intent_digest: str, *people: str) -> ApprovalFacts:
    return ApprovalFacts(
        intent_digest=intent_digest, price_worst=D(100), operator="operator", approved_at=NOW, people=people
    )


def _live(*, enabled: bool = True, scope: AgentScope = AgentScope.LIVE, **venue: Any) -> Situation:
    """A live order to a venue that is fit for it, but for what is given."""
    agent = {"scopes": frozenset({scope})}
    facts = VenueFacts(**{"problem": None, **venue})
    return situation(mode=Mode.LIVE, agent=agent, live_enabled=enabled, venue=facts)


def _nowhere() -> Situation:
    """A live order to a venue that nobody knows."""
    known = _live()
    return known._replace(snapshot=replace(known.snapshot, venue=None))


def _in_state(state: TradingState, intent: Intent | None = None) -> Situation:
    return situation(intent, states=state_of(state))


def _market(intent: Intent | None = None, **market: Any) -> Situation:
    return situation(intent, market=market)


def _limited(intent: Intent | None = None, *, account: dict[str, Any] | None = None, **limits: Any) -> Situation:
    return situation(intent, account=account or {}, limits_=limits)


def _stop(stop_price: str | None) -> Intent:
    return buy(order_type=OrderType.STOP_LIMIT, stop_price=None if stop_price is None else D(stop_price))


def _gtd(expires_in: timedelta) -> Intent:
    return buy(time_in_force=TimeInForce.GTD, expires_at=NOW + expires_in)


_LOOKALIKE = "0x" + "AB12" + "7" * 32 + "CD34"
_ONLY_BTC_USDT = frozenset({"BTC/USDT"})
_ONLY_ETH_USDT = frozenset({"ETH/USDT"})

IDENTITY = (
    Pair(
        "identity.scope",
        situation(agent={"scopes": frozenset({AgentScope.PAPER})}),
        situation(agent={"scopes": frozenset(AgentScope) - {AgentScope.PAPER}}),
        Code.SCOPE_MISSING, "feed, live, read", "paper",
    ),
    Pair(
        "identity.scope",
        _live(),
        _live(scope=AgentScope.PAPER),
        Code.SCOPE_MISSING, "paper", "live",
    ),
    Pair(
        "identity.symbols_of_token",
        situation(agent={"symbols": _ONLY_BTC_USDT}),
        situation(agent={"symbols": _ONLY_ETH_USDT}),
        Code.SYMBOL_NOT_ALLOWED, "BTC/USDT", "ETH/USDT",
    ),
    Pair(
        "identity.symbols_of_token",
        situation(swap(USDT, BTC, "500"), agent={"symbols": _ONLY_BTC_USDT}),
        situation(swap(USDT, BTC, "500"), agent={"symbols": frozenset()}),
        Code.SYMBOL_NOT_ALLOWED, "BTC/USDT", "none",
    ),
    Pair(
        "identity.symbols_of_token",
        situation(transfer(), agent={"symbols": None}),
        situation(transfer(), agent={"symbols": _ONLY_BTC_USDT}),
        Code.SYMBOL_NOT_ALLOWED, "BTC/USDT", "BTC/USDT",
    ),
    Pair("identity.live_enabled", _live(), _live(enabled=False), Code.LIVE_DISABLED, "false", "true"),
    Pair(
        "identity.trading_state",
        _in_state(TradingState.ACTIVE),
        _in_state(TradingState.REDUCE_ONLY),
        Code.TRADING_STATE, "reduce_only", "active",
    ),
    Pair(
        "identity.trading_state",
        _in_state(TradingState.REDUCE_ONLY, sell()),
        _in_state(TradingState.CANCEL_ONLY, sell()),
        Code.TRADING_STATE, "cancel_only", "active",
    ),
)  # fmt: skip

VENUE = (
    Pair("venue.ready", _live(), _live(problem="not reconciled yet"), Code.VENUE_NOT_READY, "not ready", "ready"),
    Pair("venue.ready", situation(venue=None), _nowhere(), Code.VENUE_NOT_READY, "not ready", "ready"),
    Pair("venue.clock", _live(clock_skew=SECOND), _live(clock_skew=SECOND + STEP), Code.CLOCK_SKEW,
         "1.000001", "1.0", "s"),
    Pair("venue.clock", _live(clock_skew=-SECOND), _live(clock_skew=-SECOND - STEP), Code.CLOCK_SKEW,
         "1.000001", "1.0", "s"),
)  # fmt: skip

INSTRUMENT = (
    Pair(
        "facts.figures_finite",
        situation(account={"equity": D("999999999999999999")}),
        situation(account={"equity": D("Infinity")}),
        Code.CHECK_FAILED, "Infinity", None,
    ),
    Pair(
        "facts.worst_case_computed",
        situation(buy(limit_price=None), instrument={"price_increment": D("1e-18")}),
        situation(buy(limit_price=None), instrument={"price_increment": D(0)}),
        Code.CHECK_FAILED, "DivisionByZero", None,
    ),
    Pair(
        "instrument.instrument_known",
        situation(),
        situation(replaces=request(), instrument={"symbol": "BTC/USDC"}),
        Code.INSTRUMENT_UNKNOWN, "BTC/USDT", None,
    ),
    Pair(
        "instrument.instrument_known",
        situation(swap(BTC, USDT, "1")),
        Situation(request(swap(BTC, USDT, "1")), snapshot(instrument={"quote": ETH}), situation().limits),
        Code.INSTRUMENT_UNKNOWN, "BTC to USDT", None,
    ),
    Pair(
        "instrument.instrument_trading",
        situation(instrument={"status": InstrumentStatus.TRADING}),
        situation(instrument={"status": InstrumentStatus.HALTED}),
        Code.INSTRUMENT_NOT_TRADING, "halted", "trading",
    ),
    Pair(
        "instrument.market_type",
        situation(),
        situation(instrument={"market_type": MarketType.SWAP}),
        Code.MARKET_TYPE_NOT_ALLOWED, "spot", "swap",
    ),
    Pair(
        "instrument.market_type",
        _limited(allow_market_types=frozenset({MarketType.SPOT})),
        _limited(allow_market_types=frozenset({MarketType.FUTURE})),
        Code.MARKET_TYPE_NOT_ALLOWED, "spot", "future",
    ),
    Pair(
        "instrument.exchange_allowed",
        _limited(allow_exchanges=frozenset({"binance"})),
        _limited(allow_exchanges=frozenset({"kraken"})),
        Code.EXCHANGE_NOT_ALLOWED, "binance", "kraken",
    ),
    Pair(
        "instrument.symbol_allowed",
        _limited(allow_symbols=_ONLY_BTC_USDT),
        _limited(allow_symbols=_ONLY_ETH_USDT),
        Code.SYMBOL_NOT_ALLOWED, "BTC/USDT", "ETH/USDT",
    ),
    Pair(
        "instrument.tokens_allowed",
        _limited(allow_tokens=frozenset({BTC, USDT})),
        _limited(allow_tokens=frozenset({BTC})),
        Code.TOKEN_NOT_ALLOWED, "USDT", "BTC",
    ),
    Pair(
        "instrument.tokens_allowed",
        _limited(transfer(), allow_tokens=frozenset({BTC})),
        _limited(transfer(), allow_tokens=frozenset({ETH})),
        Code.TOKEN_NOT_ALLOWED, "BTC", "ETH",
    ),
    Pair(
        "instrument.chain_allowed",
        _limited(swap(USDT, BTC, "500"), allow_chains=frozenset({"ethereum"})),
        _limited(swap(USDT, BTC, "500"), allow_chains=frozenset()),
        Code.CHAIN_NOT_ALLOWED, "ethereum", "none",
    ),
    Pair(
        "instrument.quantity",
        situation(buy("0.5"), instrument={"quantity_min": D("0.5")}),
        situation(buy("0.499"), instrument={"quantity_min": D("0.5")}),
        Code.QUANTITY_INVALID, "0.499", "0.5", "BTC",
    ),
    Pair(
        "instrument.quantity",
        situation(buy("1.001")),
        situation(buy("1.0011")),
        Code.QUANTITY_INVALID, "1.0011", "0.001", "BTC",
    ),
    Pair(
        "instrument.quantity",
        situation(transfer("0.000000000000000001")),
        situation(transfer("0")),
        Code.QUANTITY_INVALID, "0", "0", "BTC",
    ),
    Pair(
        "instrument.quantity",
        situation(swap(BTC, USDT, "0.5"), instrument={"quantity_min": D("0.5")}),
        situation(swap(BTC, USDT, "0.499"), instrument={"quantity_min": D("0.5")}),
        Code.QUANTITY_INVALID, "0.499", "0.5", "BTC",
    ),
    Pair(
        "instrument.prices",
        situation(buy(limit_price="100.01")),
        situation(buy(limit_price="100.001")),
        Code.PRICE_INVALID, "100.001", "0.01", "USDT",
    ),
    Pair(
        "instrument.prices",
        situation(buy(limit_price="0.01"), instrument={"notional_min": D("0.01")}),
        situation(buy(limit_price="0"), instrument={"notional_min": D(0)}),
        Code.PRICE_INVALID, "0", "0.01", "USDT",
    ),
    Pair("instrument.prices", situation(_stop("100")), situation(_stop(None)), Code.PRICE_INVALID, None, None),
    Pair(
        "instrument.prices",
        situation(buy(limit_price=None)),
        situation(buy(order_type=OrderType.MARKET)),
        Code.PRICE_INVALID, "100", None,
    ),
    Pair(
        "instrument.time_in_force",
        situation(_gtd(STEP)),
        situation(_gtd(timedelta(0))),
        Code.TIME_IN_FORCE_INVALID, str(NOW), str(NOW),
    ),
    Pair(
        "instrument.time_in_force",
        situation(buy(post_only=True)),
        situation(buy(post_only=True, time_in_force=TimeInForce.IOC)),
        Code.TIME_IN_FORCE_INVALID, None, None,
    ),
    Pair(
        "instrument.time_in_force",
        situation(buy()),
        situation(buy(time_in_force=TimeInForce.GTD)),
        Code.TIME_IN_FORCE_INVALID, None, None,
    ),
    Pair(
        "instrument.notional_min",
        situation(buy("0.1"), instrument={"notional_min": D(10)}),
        situation(buy("0.099"), instrument={"notional_min": D(10)}),
        Code.NOTIONAL_TOO_SMALL, "9.9", "10", "USDT",
    ),
    Pair(
        "instrument.notional_min",
        situation(buy("0.102", None), market={"bid": D(99), "ask": D(101)}, instrument={"notional_min": D(10)}),
        situation(buy("0.101", None), market={"bid": D(99), "ask": D(101)}, instrument={"notional_min": D(10)}),
        Code.NOTIONAL_TOO_SMALL, "9.999", "10", "USDT",
    ),
)  # fmt: skip

MARKET = (
    Pair(
        "market.quote_known",
        situation(),
        Situation(request(), snapshot(account={"accounting_price": {BTC: D(100)}}), situation().limits),
        Code.QUOTE_MISSING, "none", None,
    ),
    Pair(
        "market.quote_sane",
        _market(bid=D("100.00"), ask=D("100.00")),
        _market(bid=D("100.01"), ask=D("100.00")),
        Code.QUOTE_MISSING, "bid 100.01, ask 100", "0 < bid <= ask",
    ),
    Pair("market.quote_fresh", _market(age=5 * SECOND), _market(age=5 * SECOND + STEP), Code.QUOTE_STALE,
         "5.000001", "5.0", "s"),
    Pair("market.clock", _market(clock_skew=SECOND), _market(clock_skew=SECOND + STEP), Code.CLOCK_SKEW,
         "1.000001", "1.0", "s"),
    Pair("market.clock", _market(clock_skew=-SECOND), _market(clock_skew=-SECOND - STEP), Code.CLOCK_SKEW,
         "1.000001", "1.0", "s"),
    Pair("market.clock", _market(observed_at=NOW + SECOND), _market(observed_at=NOW + SECOND + STEP), Code.CLOCK_SKEW,
         "1.000001", "1.0", "s"),
    Pair("market.quorum", _market(sources=("a", "b")), _market(sources=("a",)), Code.QUOTE_DISAGREEMENT,
         "1", "2", "sources"),
    Pair("market.quorum", _market(outliers=("x",)), _market(outliers=("x", "y")), Code.QUOTE_DISAGREEMENT,
         "2", "3", "sources"),
    Pair("market.spread", _market(bid=D(99), ask=D(101)), _market(bid=D("98.99"), ask=D("101.01")),
         Code.SPREAD_TOO_WIDE, "2.02", "2", "% of mid"),
    Pair(
        "market.price_worst",
        situation(buy(limit_price=None), instrument={"price_increment": D(105)}),
        situation(buy(limit_price=None), instrument={"price_increment": D(106)}),
        Code.PRICE_INVALID, "0", "0", "price",
    ),
    Pair("market.collar_hard", situation(buy(limit_price="105")), situation(buy(limit_price="105.01")),
         Code.PRICE_COLLAR, "5.01", "5", "% beyond the market"),
    Pair("market.collar_hard", situation(sell(limit_price="95")), situation(sell(limit_price="94.99")),
         Code.PRICE_COLLAR, "5.01", "5", "% beyond the market"),
    Pair("market.depth", _market(buy("2"), ask_size=D(4)), _market(buy("2.001"), ask_size=D(4)),
         Code.DEPTH_EXCEEDED, "2.001", "2", "BTC"),
    Pair("market.depth", _market(sell("2"), bid_size=D(4)), _market(sell("2.001"), bid_size=D(4)),
         Code.DEPTH_EXCEEDED, "2.001", "2", "BTC"),
)  # fmt: skip

BEHAVIOUR = (
    Pair("behaviour.duplicate", situation(agent={"duplicates": 0}), situation(agent={"duplicates": 1}),
         Code.DUPLICATE_ORDER, "1", "0", "orders"),
    Pair("behaviour.repeated", situation(agent={"repeated": 4}), situation(agent={"repeated": 5}),
         Code.REPEATED_ORDERS, "6", "5", "orders"),
    Pair("behaviour.self_match", situation(buy(), opposite_best=D("100.01")), situation(buy(), opposite_best=D(100)),
         Code.SELF_MATCH, "100", "100", "limit price"),
    Pair("behaviour.self_match", situation(sell(), opposite_best=D("99.99")), situation(sell(), opposite_best=D(100)),
         Code.SELF_MATCH, "100", "100", "limit price"),
    Pair("transfer.destination", situation(transfer()), situation(transfer(to_address=STRANGER)),
         Code.DESTINATION_NOT_ALLOWED, STRANGER, "1 known addresses"),
    Pair("transfer.lookalike", situation(transfer()), situation(transfer(to_address=_LOOKALIKE)),
         Code.DESTINATION_LOOKALIKE, _LOOKALIKE.lower(), FRIEND),
    Pair("approval.people_enough",
         situation(approval=_approved(digest(request()), "alice", "bob"), limits_={"approval_people_min": 2}),
         situation(approval=_approved(digest(request()), "alice", "alice"), limits_={"approval_people_min": 2}),
         Code.APPROVAL_MISMATCH, "1", "2", "persons"),
    Pair("approval.people_enough",
         situation(approval=_approved(digest(request()))),
         situation(approval=_approved(digest(request())), limits_={"approval_people_min": 3}),
         Code.APPROVAL_MISMATCH, "1", "3", "persons"),
    Pair("approval.approval_matches", situation(approval=_approved(digest(request()))),
         situation(approval=_approved("0" * 64)), Code.APPROVAL_MISMATCH, "0" * 16, None),
)  # fmt: skip

SIZE = (
    Pair("size.quantity_cap", _limited(buy("5"), quantity_order_max={BTC: D(5)}),
         _limited(buy("5.001"), quantity_order_max={BTC: D(5)}), Code.QUANTITY_ABOVE_MAX, "5.001", "5", "BTC"),
    Pair("size.notional_cap", _limited(buy("10"), notional_order_max=D(1000)),
         _limited(buy("10.001"), notional_order_max=D(1000)), Code.NOTIONAL_ABOVE_MAX, "1000.1", "1000", "USDT"),
    Pair("size.notional_cex_cap", _limited(buy("10"), notional_cex_order_max=D(1000)),
         _limited(buy("10.001"), notional_cex_order_max=D(1000)), Code.NOTIONAL_ABOVE_MAX, "1000.1", "1000", "USDT"),
    Pair("size.balance", situation(account={"holding": {BTC: D(10), USDT: D(101)}}),
         situation(account={"holding": {BTC: D(10), USDT: D("100.99")}}), Code.BALANCE_INSUFFICIENT,
         "101", "100.99", "USDT"),
    Pair("size.balance", situation(sell("7"), account={"reserved": {BTC: D(3)}}),
         situation(sell("7.001"), account={"reserved": {BTC: D(3)}}), Code.BALANCE_INSUFFICIENT, "10.001", "10", "BTC"),
    Pair("transfer.transfer_cap", situation(transfer("2")), situation(transfer("2.000000000000000001")),
         Code.TRANSFER_ABOVE_MAX, "2.000000000000000001", "2", "BTC"),
)  # fmt: skip

ENTRY = (
    Pair("venue.settled", _live(unsettled=None), _live(unsettled="rt0"), Code.OUTCOME_UNSETTLED, "rt0", None),
    Pair("portfolio.equity_known", situation(), situation(account={"equity": None, "unpriced": (ETH,)}),
         Code.EQUITY_UNKNOWN, "ETH", None),
    Pair("portfolio.equity_known", situation(), situation(account={"exposure": None}),
         Code.EQUITY_UNKNOWN, "unknown", None),
    Pair("portfolio.position_known", situation(account={"accounting_price": {BTC: D("1e-18"), USDT: D(1)}}),
         situation(account={"accounting_price": {BTC: D(0), USDT: D(1)}}), Code.EQUITY_UNKNOWN, "BTC", None),
    Pair("portfolio.performance_known", situation(), situation(performance={"nav": None}),
         Code.EQUITY_UNKNOWN, "none", "0"),
    Pair("portfolio.performance_known", situation(), situation(performance={"nav_peak": D(0)}),
         Code.EQUITY_UNKNOWN, "0", "0"),
    Pair("portfolio.open_orders", situation(account={"open_orders": 9}), situation(account={"open_orders": 10}),
         Code.OPEN_ORDERS_ABOVE_MAX, "11", "10", "orders"),
    Pair("portfolio.daily_loss", situation(performance={"nav": D("0.9501")}), situation(performance={"nav": D("0.95")}),
         Code.DAILY_LOSS, "5", "5", "%"),
    Pair("portfolio.drawdown", situation(performance={"nav": D("0.9001"), "nav_day_open": D("0.9001")}),
         situation(performance={"nav": D("0.9"), "nav_day_open": D("0.9")}), Code.DRAWDOWN, "10", "10", "%"),
    Pair("portfolio.falling_knife", situation(sentiment=D("-0.5")), situation(sentiment=D("-0.51")),
         Code.FALLING_KNIFE, "-0.51", "-0.5", "score"),
    Pair("portfolio.sentiment_known", situation(sentiment_at=NOW - 3600 * SECOND),
         situation(sentiment_at=NOW - 3600 * SECOND - STEP), Code.SENTIMENT_MISSING, "3600.000001", "3600.0", "s"),
    Pair("portfolio.sentiment_known", situation(sentiment_at=NOW + SECOND),
         situation(sentiment_at=NOW + SECOND + STEP), Code.SENTIMENT_MISSING, "-1.000001", "3600.0", "s"),
    Pair("portfolio.position", _limited(buy("10"), position_max_pct=D(20)),
         _limited(buy("10.001"), position_max_pct=D(20)), Code.POSITION_ABOVE_MAX, "2000.1", "2000", "USDT"),
    Pair("portfolio.position", _limited(buy("5"), position_max_pct=D(20), account={"incoming": {BTC: D(5)}}),
         _limited(buy("5.001"), position_max_pct=D(20), account={"incoming": {BTC: D(5)}}),
         Code.POSITION_ABOVE_MAX, "2000.1", "2000", "USDT"),
    Pair("portfolio.position", _limited(buy("5"), position_max_pct=D(20), account={"held_elsewhere": {BTC: D(5)}}),
         _limited(buy("5.001"), position_max_pct=D(20), account={"held_elsewhere": {BTC: D(5)}}),
         Code.POSITION_ABOVE_MAX, "2000.1", "2000", "USDT"),
    Pair("portfolio.exposure", _limited(buy("10"), exposure_max_pct=D(20)),
         _limited(buy("10.001"), exposure_max_pct=D(20)), Code.EXPOSURE_ABOVE_MAX, "2000.1", "2000", "USDT"),
    Pair("portfolio.open_notional", _limited(buy("5"), open_notional_max_pct=D(10), account={"open_notional": D(500)}),
         _limited(buy("5.001"), open_notional_max_pct=D(10), account={"open_notional": D(500)}),
         Code.OPEN_NOTIONAL_ABOVE_MAX, "1000.1", "1000", "USDT"),
    Pair("portfolio.turnover", situation(buy("5"), agent={"turnover": D(9500)}),
         situation(buy("5.001"), agent={"turnover": D(9500)}), Code.TURNOVER_ABOVE_MAX, "10000.1", "10000", "USDT"),
)  # fmt: skip

PAIRS = IDENTITY + VENUE + INSTRUMENT + MARKET + BEHAVIOUR + SIZE + ENTRY
