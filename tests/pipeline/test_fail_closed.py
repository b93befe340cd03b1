"""A fact that is missing, not a number, or not to be had from a check is a refusal, never a default."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace
from readytrader_sdk.orders import OrderType

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.domain.decision import Denied, Permitted
from appliance.domain.intents import Intent
from appliance.domain.limits import Limits
from appliance.domain.snapshot import (
    AccountFacts,
    AgentFacts,
    ApprovalFacts,
    MarketFacts,
    Mode,
    PerformanceFacts,
    Snapshot,
    VenueFacts,
)
from appliance.pipeline import decide as pipeline
from appliance.pipeline.case import Case
from tests.pipeline.cases import (
    BTC,
    NOW,
    USDT,
    D,
    Situation,
    buy,
    codes,
    denials,
    only,
    sell,
    situation,
    swap,
    transfer,
)
from tests.pipeline.test_boundaries import EVERY_CHECK, TABLES, name_of


class Need(NamedTuple):
    """Whether a fact's absence refuses an entry, and an exit; and why where it does not."""

    entry: bool
    exit: bool
    why: str = ""


NEEDED = {
    "instrument": Need(True, True),
    "market": Need(True, True),
    "market.bid_size": Need(False, True, "an entry takes the ask"),
    "market.ask_size": Need(True, False, "an exit takes the bid"),
    "account.equity": Need(True, False, "no limit of an exit is a share of equity"),
    "account.exposure": Need(True, False, "an exit lowers exposure"),
    "account.holding": Need(True, True),
    "account.accounting_price": Need(True, True),
    "account.reserved": Need(False, False, "an asset that nothing has reserved is not in it"),
    "account.incoming": Need(False, False, "an asset that nothing brings in is not in it"),
    "account.held_elsewhere": Need(False, False, "an asset that no other venue holds is not in it"),
    "performance.nav": Need(True, False, "losses do not stop exits"),
    "performance.nav_day_open": Need(True, False, "losses do not stop exits"),
    "performance.nav_peak": Need(True, False, "losses do not stop exits"),
    "agent.symbols": Need(False, False, "None says that the token is not narrowed"),
    "opposite_best": Need(False, False, "None says that nothing of ours rests there"),
    "sentiment": Need(True, False, "sentiment stops buys alone"),
    "sentiment_at": Need(True, False, "sentiment stops buys alone"),
    "approval": Need(False, False, "None says that nobody has approved"),
    "venue": Need(False, False, "there is none on paper; live see below"),
}
PARTS: dict[str, type[Struct]] = {
    "market": MarketFacts,
    "account": AccountFacts,
    "performance": PerformanceFacts,
    "agent": AgentFacts,
}


def may_be_missing(facts: type[Struct]) -> Iterator[str]:
    """Fields that can be None, or are maps that can be empty."""
    for field in msgspec.structs.fields(facts):
        kind = msgspec.inspect.type_info(field.type)
        optional = isinstance(kind, msgspec.inspect.UnionType) and kind.includes_none
        if optional or isinstance(kind, msgspec.inspect.DictType):
            yield field.name


def without(case: Situation, fact: str) -> Situation:
    """The same situation with one fact gone."""
    part, _, field = fact.rpartition(".")
    if not part:
        return case._replace(snapshot=replace(case.snapshot, **{field: None}))
    facts = getattr(case.snapshot, part)
    gone = {} if isinstance(getattr(facts, field), dict) else None
    return case._replace(snapshot=replace(case.snapshot, **{part: replace(facts, **{field: gone})}))


def test_the_table_of_needs_names_every_fact_that_may_be_missing() -> None:
    top = set(may_be_missing(Snapshot))
    nested = {f"{part}.{field}" for part, facts in PARTS.items() for field in may_be_missing(facts)}
    assert set(NEEDED) == top | nested


@pytest.mark.parametrize("fact", NEEDED)
def test_an_entry_is_refused_without_a_fact_that_it_needs(fact: str) -> None:
    for intent in (buy(), buy(limit_price=None)):
        assert isinstance(without(situation(intent), fact).decide(), Denied if NEEDED[fact].entry else Permitted)


@pytest.mark.parametrize("fact", NEEDED)
def test_an_exit_is_refused_without_a_fact_that_it_needs(fact: str) -> None:
    for intent in (sell(), swap(BTC, USDT, "1")):
        assert isinstance(without(situation(intent), fact).decide(), Denied if NEEDED[fact].exit else Permitted)


@pytest.mark.parametrize("intent", [buy(), sell(), swap(BTC, USDT, "1"), transfer()])
def test_nothing_is_permitted_live_for_a_venue_of_which_nothing_is_known(intent: Intent) -> None:
    facts: dict[str, Any] = {"mode": Mode.LIVE, "live_enabled": True, "agent": {"scopes": frozenset(AgentScope)}}
    known = situation(intent, venue=VenueFacts(problem=None), **facts)
    assert isinstance(known.decide(), Permitted)
    assert codes(without(known, "venue").decide()) == {Code.VENUE_NOT_READY}


def test_a_transfer_needs_a_price_and_a_holding_of_its_asset() -> None:
    assert isinstance(situation(transfer()).decide(), Permitted)
    assert Code.QUOTE_MISSING in codes(without(situation(transfer()), "account.accounting_price").decide())
    assert codes(without(situation(transfer()), "account.holding").decide()) == {Code.BALANCE_INSUFFICIENT}


def test_what_is_held_of_the_asset_to_be_bought_is_never_taken_for_nothing() -> None:
    assert codes(situation(account={"holding": {USDT: D(9000)}}).decide()) == {Code.EQUITY_UNKNOWN}


def test_a_price_of_nothing_is_a_missing_price() -> None:
    for price in ("0", "-1"):
        prices = {**situation().snapshot.account.accounting_price, USDT: D(price)}
        assert Code.QUOTE_MISSING in codes(situation(account={"accounting_price": prices}).decide())
        worthless = {**prices, USDT: D(1), BTC: D(price)}
        assert codes(situation(account={"accounting_price": worthless}).decide()) == {Code.EQUITY_UNKNOWN}
        assert Code.QUOTE_MISSING in codes(situation(transfer(), account={"accounting_price": worthless}).decide())


@pytest.mark.parametrize("bid", ["0", "-1", "-100"])
def test_a_quote_at_or_below_nothing_permits_nothing(bid: str) -> None:
    for intent in (buy(), buy(limit_price=None), sell(), sell(limit_price=None), swap(BTC, USDT, "1")):
        assert Code.QUOTE_MISSING in codes(situation(intent, market={"bid": D(bid)}).decide())
        assert isinstance(situation(intent, market={"bid": D(bid), "ask": D(bid)}).decide(), Denied)


# figures that are not numbers

FULL_INTENTS: dict[str, Intent] = {
    "entry": buy(order_type=OrderType.STOP_LIMIT, stop_price=D(100)),
    "market entry": buy(limit_price=None),
    "exit": sell(order_type=OrderType.STOP_LIMIT, stop_price=D(100)),
    "swap": swap(USDT, BTC, "500"),
    "swap into cash": swap(BTC, USDT, "1"),
    "transfer": transfer(),
}


def full(intent: Intent) -> Situation:
    """A situation in which no fact is left out."""
    return situation(
        intent,
        account={"reserved": {BTC: D(0)}, "incoming": {BTC: D(0)}},
        approval=ApprovalFacts(intent_digest="", price_worst=D(100), operator="operator", approved_at=NOW),
        opposite_best=D(1_000_000),
    )


def decimals_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a value, to any depth, there is a decimal."""
    if isinstance(value, Decimal):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from decimals_of(item, (*path, key))
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from decimals_of(getattr(value, name), (*path, name))


def with_figure(value: Any, path: tuple[Any, ...], figure: Decimal) -> Any:
    """The value with one decimal in it replaced."""
    if not path:
        return figure
    name, *rest = path
    if isinstance(value, dict):
        return {**value, name: with_figure(value[name], tuple(rest), figure)}
    return replace(value, **{name: with_figure(getattr(value, name), tuple(rest), figure)})


@pytest.mark.parametrize("figure", ["NaN", "sNaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("intent", FULL_INTENTS.values(), ids=FULL_INTENTS)
def test_a_figure_that_is_no_number_anywhere_is_a_refusal_and_never_a_crash(intent: Intent, figure: str) -> None:
    case = full(intent)
    for field in ("request", "snapshot"):
        paths = list(decimals_of(getattr(case, field)))
        assert paths
        for path in paths:
            spoilt = case._replace(**{field: with_figure(getattr(case, field), path, Decimal(figure))})
            assert Code.CHECK_FAILED in codes(spoilt.decide()), path


def test_the_facts_spoilt_above_are_all_there_are() -> None:
    wanted = {"bid", "ask", "bid_size", "ask_size", "equity", "exposure", "open_notional", "nav", "nav_day_open"}
    wanted |= {"nav_peak", "turnover", "opposite_best", "sentiment", "price_worst", "notional_min", "quantity_min"}
    seen = {path[-1] for path in decimals_of(full(buy()).snapshot)}
    assert wanted <= seen


@pytest.mark.parametrize("figure", ["1E+999", "-1E+999", "1E-999", "0", "-1"])
@pytest.mark.parametrize("intent", FULL_INTENTS.values(), ids=FULL_INTENTS)
def test_an_absurd_figure_never_crashes_the_pipeline(intent: Intent, figure: str) -> None:
    case = full(intent)
    for field in ("request", "snapshot"):
        for path in decimals_of(getattr(case, field)):
            spoilt = case._replace(**{field: with_figure(getattr(case, field), path, Decimal(figure))})
            spoilt.decide()


def test_limits_that_are_no_numbers_permit_nothing() -> None:
    case = situation()
    for path in decimals_of(case.limits):
        if path[0] in {"nav_jump_max_pct", "drift_max_pct", "transfer_native_max"}:
            continue  # the watchdog's, reconciliation's, and a transfer's
        for intent in (buy(limit_price=None), buy()):
            if path[0] == "slippage_max_pct" or (path[0] == "collar_hard_pct" and intent.limit_price is not None):
                continue
            spoilt: Limits = with_figure(case.limits, path, Decimal("NaN"))
            assert isinstance(case._replace(limits=spoilt).asking(intent).decide(), Denied), path


# checks that fail


class Broken(Exception):
    pass


def broken(case: Case) -> Any:
    raise Broken


@pytest.mark.parametrize("table", TABLES)
def test_a_check_that_raises_refuses_and_is_named(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, table, (*getattr(pipeline, table), broken))
    decision = situation().decide()
    denial = only(denials(decision))
    assert denial.code is Code.CHECK_FAILED
    assert "test_fail_closed.broken" in denial.text
    assert denial.observed == "Broken"
    assert isinstance(decision, Denied)
    assert decision.amount_max is None


@pytest.mark.parametrize("check", EVERY_CHECK, ids=name_of)
def test_no_largest_amount_is_named_while_a_check_is_broken(check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the broken check would have allowed is unknown, however large the request is."""
    for table in TABLES:
        checks = tuple(broken if it is check else it for it in getattr(pipeline, table))
        monkeypatch.setattr(pipeline, table, checks)
    decision = situation(buy("1000")).decide()
    assert isinstance(decision, Denied)
    assert Code.CHECK_FAILED in codes(decision)
    assert decision.amount_max is None


def test_not_knowing_whether_to_ask_a_person_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "reasons_to_ask", broken)
    denial = only(denials(situation().decide()))
    assert denial.code is Code.CHECK_FAILED
    assert "broken" in denial.text
