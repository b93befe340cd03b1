"""An exit is never trapped by a limit meant for entries, and nothing but an exit passes as one."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.codes import MEANINGS, Code
from appliance.domain.decision import Amount, Denied, Permitted
from appliance.domain.intents import Intent
from appliance.domain.snapshot import VenueFacts
from appliance.domain.trading_state import TradingState
from appliance.pipeline.checks import ENTRY_CEILINGS, ENTRY_CONDITIONS
from tests.pipeline.cases import (
    BTC,
    ETH,
    USDC,
    USDT,
    D,
    Situation,
    buy,
    codes,
    limits,
    permitted,
    request,
    sell,
    situation,
    snapshot,
    state_of,
    swap,
    transfer,
)
from tests.pipeline.pairs import ENTRY, Pair

EXITS = {
    "limit sell": sell(),
    "market sell": sell(limit_price=None),
    "swap into cash": swap(BTC, USDT, "1"),
}


def everything_breached() -> dict[str, Any]:
    return {
        "account": {"equity": D(1), "open_orders": 99, "open_notional": D(99_999), "exposure": D(99_999)},
        "agent": {"turnover": D(99_999)},
        "performance": {"nav": D("0.1")},
        "sentiment": D(-1),
        "venue": VenueFacts(problem=None, unsettled=ClientOrderId("rt0")),
    }


@pytest.mark.parametrize("exit_", EXITS.values(), ids=EXITS)
@pytest.mark.parametrize("pair", ENTRY, ids=lambda pair: f"{pair.check}-{pair.observed}")
def test_an_exit_passes_each_rule_for_entries_that_is_breached(pair: Pair, exit_: Intent) -> None:
    denied, passed = pair.beyond.decide(), pair.beyond.asking(exit_).decide()
    assert isinstance(denied, Denied)
    assert isinstance(passed, Permitted)


@pytest.mark.parametrize("exit_", EXITS.values(), ids=EXITS)
def test_an_exit_passes_when_every_rule_for_entries_is_breached_at_once(exit_: Intent) -> None:
    assert permitted(situation(exit_, **everything_breached()).decide()).terms.reduces


@pytest.mark.parametrize("exit_", EXITS.values(), ids=EXITS)
def test_an_exit_passes_while_the_portfolio_cannot_be_valued(exit_: Intent) -> None:
    facts: dict[str, Any] = {
        "account": {"equity": None, "exposure": None, "unpriced": (ETH,)},
        "performance": {"nav": None, "nav_day_open": None, "nav_peak": None},
        "sentiment": None,
        "sentiment_at": None,
    }
    assert isinstance(situation(exit_, **facts).decide(), Permitted)


def test_the_rules_for_entries_are_r08_to_r15_and_the_hold_of_r28_and_no_others() -> None:
    breached = codes(situation(**everything_breached()).decide())
    rules = {MEANINGS[code].rule for code in breached}
    assert rules == {"R08", "R09", "R10", "R11", "R12", "R13", "R15", "R28"}
    assert len(ENTRY_CONDITIONS) + len(ENTRY_CEILINGS) == len({pair.check for pair in ENTRY})


@pytest.mark.parametrize("exit_", EXITS.values(), ids=EXITS)
@pytest.mark.parametrize(
    ("state", "passes"),
    [
        (TradingState.ACTIVE, True),
        (TradingState.REDUCE_ONLY, True),
        (TradingState.CANCEL_ONLY, False),
        (TradingState.HALTED, False),
    ],
)
def test_an_exit_passes_in_active_and_reduce_only_alone(exit_: Intent, state: TradingState, passes: bool) -> None:
    decision = situation(exit_, states=state_of(state)).decide()
    assert isinstance(decision, Permitted) is passes
    if not passes:
        assert codes(decision) == {Code.TRADING_STATE}


def test_the_strictest_of_all_scopes_wins_whatever_its_place() -> None:
    loose, strict = state_of(TradingState.ACTIVE), state_of(TradingState.HALTED)
    for states in (loose + strict, strict + loose):
        assert codes(situation(sell(), states=states).decide()) == {Code.TRADING_STATE}


@pytest.mark.parametrize("state", [TradingState.ACTIVE, TradingState.REDUCE_ONLY])
def test_an_exit_is_capped_to_what_is_held_and_free(state: TradingState) -> None:
    facts: dict[str, Any] = {**everything_breached(), "states": state_of(state)}
    facts["account"] = {**facts["account"], "reserved": {BTC: D(3)}}
    assert isinstance(situation(sell("7"), **facts).decide(), Permitted)
    beyond = situation(sell("7.001"), **facts).decide()
    assert codes(beyond) == {Code.BALANCE_INSUFFICIENT}
    assert isinstance(beyond, Denied)
    assert beyond.amount_max == Amount(value=D(7), asset=BTC)


def test_with_nothing_held_no_sale_is_an_exit() -> None:
    facts = {"account": {"holding": {USDT: D(9000), BTC: D(0)}}, "states": state_of(TradingState.REDUCE_ONLY)}
    decision = situation(sell(), **facts).decide()
    assert isinstance(decision, Denied)
    assert decision.amount_max == Amount(value=D(0), asset=BTC)


def eth_btc(intent: Intent) -> Situation:
    """An instrument whose two assets are both not cash, with plenty held of both, in REDUCE_ONLY."""
    facts = snapshot(
        instrument={"symbol": Symbol("ETH/BTC"), "base": ETH, "quote": BTC},
        account={"holding": {ETH: D(10_000), BTC: D(10_000)}, "accounting_price": {ETH: D("0.1"), BTC: D("0.1")}},
        states=state_of(TradingState.REDUCE_ONLY),
    )
    allowed = limits(allow_symbols=None, allow_tokens=None, quantity_order_max={})
    return Situation(request(intent), facts, allowed)


@pytest.mark.parametrize(
    "intent",
    [sell(symbol=Symbol("ETH/BTC")), buy(symbol=Symbol("ETH/BTC")), swap(ETH, BTC, "1"), swap(BTC, ETH, "500")],
    ids=["sell", "buy", "swap one way", "swap the other way"],
)
def test_trading_one_risk_for_another_is_not_an_exit(intent: Intent) -> None:
    case = eth_btc(intent)
    assert codes(case.decide()) == {Code.TRADING_STATE}
    free = case._replace(snapshot=replace(case.snapshot, states=()))
    assert not permitted(free.decide()).terms.reduces


@pytest.mark.parametrize("intent", [buy(), transfer()], ids=["buy", "transfer"])
def test_what_does_not_bring_in_cash_is_not_an_exit(intent: Intent) -> None:
    assert codes(situation(intent, states=state_of(TradingState.REDUCE_ONLY)).decide()) == {Code.TRADING_STATE}


def test_cash_for_cash_is_not_an_exit() -> None:
    facts = snapshot(
        instrument={"symbol": Symbol("USDC/USDT"), "base": USDC},
        market={"bid": D(1), "ask": D(1)},
        account={"holding": {USDC: D(10), USDT: D(10)}, "accounting_price": {USDC: D(1), USDT: D(1)}},
        states=state_of(TradingState.REDUCE_ONLY),
    )
    allowed = limits(cash_assets=frozenset({USDC, USDT}), allow_symbols=None, allow_tokens=None)
    asked = request(sell("10", "1", symbol=Symbol("USDC/USDT")))
    assert codes(Situation(asked, facts, allowed).decide()) == {Code.TRADING_STATE}


def test_buying_cash_with_a_risk_is_an_exit() -> None:
    """Where cash is the base, the way out of the market is a buy."""
    facts = snapshot(
        instrument={"symbol": Symbol("USDT/BTC"), "base": USDT, "quote": BTC},
        market={"bid": D("0.01"), "ask": D("0.01")},
        states=state_of(TradingState.REDUCE_ONLY),
    )
    asked = request(buy("100", "0.01", symbol=Symbol("USDT/BTC")))
    assert permitted(Situation(asked, facts, limits(allow_symbols=None)).decide()).terms.reduces
