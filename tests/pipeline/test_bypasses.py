"""Ways around the limits that were seen in other agent-trading servers: each stays shut here."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.orders import ClientOrderId, OrderType

from appliance.domain.codes import Code
from appliance.domain.decision import Denied, Permitted
from appliance.domain.intents import Intent
from appliance.pipeline import decide as pipeline
from appliance.pipeline.case import Case
from tests.pipeline.cases import (
    BTC,
    SHIB,
    USDT,
    D,
    Situation,
    buy,
    codes,
    denials,
    limits,
    only,
    permitted,
    request,
    sell,
    situation,
    snapshot,
    swap,
    transfer,
)
from tests.pipeline.test_boundaries import TABLES
from tests.pipeline.test_fail_closed import NEEDED, without


def shib(quantity: str, **bounds: Any) -> Situation:
    """SHIB at 0.00001 USDT: a million of it is 10 USDT."""
    facts = snapshot(
        instrument={
            "symbol": Symbol("SHIB/USDT"), "base": SHIB, "price_increment": D("0.00000001"),
            "quantity_increment": D(1), "quantity_min": D(1),
        },
        market={"bid": D("0.00001"), "ask": D("0.00001"), "ask_size": D(10**12)},
        account={"holding": {SHIB: D(0), USDT: D(9000)}, "accounting_price": {SHIB: D("0.00001"), USDT: D(1)}},
    )  # fmt: skip
    intent = buy(quantity, "0.00001", symbol=Symbol("SHIB/USDT"))
    return Situation(request(intent), facts, limits(allow_symbols=None, allow_tokens=None, **bounds))


def test_b08_a_cap_of_one_btc_is_not_a_cap_of_one_shib() -> None:
    cap = {BTC: D(1)}
    assert isinstance(shib("1000000", quantity_order_max=cap).decide(), Permitted)
    assert codes(situation(buy("1.001"), limits_={"quantity_order_max": cap}).decide()) == {Code.QUANTITY_ABOVE_MAX}


def test_b08_a_cap_on_money_is_the_same_money_for_every_token() -> None:
    bounds = {"notional_order_max": D(10)}
    assert isinstance(shib("1000000", **bounds).decide(), Permitted)
    assert codes(shib("1000001", **bounds).decide()) == {Code.NOTIONAL_ABOVE_MAX}
    assert isinstance(situation(buy("0.1"), limits_=bounds).decide(), Permitted)
    assert codes(situation(buy("0.101"), limits_=bounds).decide()) == {Code.NOTIONAL_ABOVE_MAX}


@pytest.mark.parametrize(("intent", "price"), [(buy(limit_price=None), "105"), (sell(limit_price=None), "100")])
def test_b11_a_market_orders_notional_is_what_it_can_cost_at_worst(intent: Intent, price: str) -> None:
    assert permitted(situation(intent).decide()).terms.notional == D(price)
    assert isinstance(situation(intent, limits_={"notional_order_max": D(price)}).decide(), Permitted)
    bounds = {"notional_order_max": D(price) - D("0.01")}
    assert codes(situation(intent, limits_=bounds).decide()) == {Code.NOTIONAL_ABOVE_MAX}


@pytest.mark.parametrize("low", ["0.01", "50", "99"])
def test_b12_a_low_price_named_by_the_agent_does_not_make_what_is_held_worth_less(low: str) -> None:
    """10 BTC held at the market's 100 are 1000 USDT, whatever limit price the next order names."""
    bounds = {"position_max_pct": D(10)}
    assert Code.POSITION_ABOVE_MAX in codes(situation(buy("5", low), limits_=bounds).decide())


def test_b12_a_price_far_from_the_market_is_refused_on_the_side_that_would_pay_it() -> None:
    assert codes(situation(buy(limit_price="1000")).decide()) == {Code.PRICE_COLLAR}
    assert codes(situation(sell(limit_price="1")).decide()) == {Code.PRICE_COLLAR}


def test_b12_a_stop_price_beside_a_market_order_is_not_taken() -> None:
    assert codes(situation(buy(limit_price=None, stop_price=D("0.01"))).decide()) == {Code.PRICE_INVALID}


def test_b12_a_sale_at_a_low_limit_counts_with_what_the_market_pays() -> None:
    assert permitted(situation(sell(limit_price="95")).decide()).terms.notional == D(100)


SIBLINGS: dict[str, Intent] = {
    "order": buy("20"),
    "market order": buy("20", None),
    "stop order": buy("20", None, order_type=OrderType.STOP, stop_price=D(100)),
    "replacement": buy("20", replaces=ClientOrderId("rt0")),
    "swap": swap(USDT, BTC, "2200"),
    "swap back": swap(BTC, USDT, "20"),
    "transfer": transfer("20"),
}
siblings = pytest.mark.parametrize("intent", SIBLINGS.values(), ids=SIBLINGS)


@siblings
def test_b13_every_kind_of_request_meets_the_same_cap_on_money(intent: Intent) -> None:
    bounds = {"notional_order_max": D(1000), "transfer_native_max": D(99)}
    facts = {"account": {"holding": {BTC: D(20), USDT: D(9000)}}}
    assert isinstance(situation(intent, **facts, limits_={**bounds, "notional_order_max": D(3000)}).decide(), Permitted)
    assert Code.NOTIONAL_ABOVE_MAX in codes(situation(intent, **facts, limits_=bounds).decide())


@siblings
def test_b13_every_kind_of_request_is_put_through_the_same_tables(
    intent: Intent, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def count(table: str) -> Any:
        def check(case: Case) -> None:
            assert case.intent is intent
            asked.append(table)

        return check

    for table in TABLES:
        monkeypatch.setattr(pipeline, table, (*getattr(pipeline, table), count(table)))
    case = situation(intent)
    case.decide()
    is_exit = intent == SIBLINGS["swap back"]
    assert set(asked) == ({"CONDITIONS", "CEILINGS"} if is_exit else set(TABLES))
    assert len(asked) == len(set(asked))


def after(case: Situation) -> Situation:
    """The situation once the permitted order is open: everything that it can do is counted at once."""
    terms = permitted(case.decide()).terms
    account, agent = case.snapshot.account, case.snapshot.agent
    assert terms.receive is not None
    pay, receive = terms.pay, terms.receive
    facts = replace(
        case.snapshot,
        account=replace(
            account,
            reserved={**account.reserved, pay.asset: account.reserved.get(pay.asset, D(0)) + pay.value},
            incoming={**account.incoming, receive.asset: account.incoming.get(receive.asset, D(0)) + receive.value},
            exposure=None if account.exposure is None else account.exposure + terms.notional,
            open_orders=account.open_orders + 1,
            open_notional=account.open_notional + terms.notional,
        ),
        agent=replace(agent, turnover=agent.turnover + terms.notional),
    )
    return case._replace(snapshot=facts)


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ({"position_max_pct": D(20)}, Code.POSITION_ABOVE_MAX),
        ({"exposure_max_pct": D(20)}, Code.EXPOSURE_ABOVE_MAX),
        ({"open_notional_max_pct": D(10)}, Code.OPEN_NOTIONAL_ABOVE_MAX),
        ({"turnover_max_pct": D(10)}, Code.TURNOVER_ABOVE_MAX),
        ({"open_orders_max": 10}, Code.OPEN_ORDERS_ABOVE_MAX),
    ],
)
def test_b14_twenty_trades_do_not_pass_where_one_large_one_would_not(bounds: dict[str, Any], code: Code) -> None:
    case = situation(buy("1"), limits_={"open_orders_max": 99, **bounds})
    passed = 0
    while isinstance(case.decide(), Permitted):
        case, passed = after(case), passed + 1
        assert passed <= 20
    assert passed == 10
    assert codes(case.decide()) == {code}


def test_b14_two_orders_never_both_spend_the_last_of_a_balance() -> None:
    case = situation(buy("50"), limits_={"position_max_pct": D(200), "exposure_max_pct": D(200)})
    second = after(case)
    refused = second.decide()
    assert codes(refused) == {Code.BALANCE_INSUFFICIENT}
    assert isinstance(refused, Denied)
    assert refused.amount_max is not None
    last = after(second.asking(buy(str(refused.amount_max.value))))
    reserved = last.snapshot.account.reserved[USDT]
    assert reserved <= last.snapshot.account.holding[USDT] < reserved + D("0.101")


def test_b15_a_buy_limit_is_sized_at_its_limit_and_not_at_the_quote() -> None:
    case = situation(buy("10", "105"), limits_={"notional_order_max": D(1050)})
    assert permitted(case.decide()).terms.notional == D(1050)
    bounds = limits(notional_order_max=D("1049.99"))
    denial = only(denials(case._replace(limits=bounds).decide()))
    assert (denial.code, denial.observed) == (Code.NOTIONAL_ABOVE_MAX, "1050")


def test_b15_what_a_buy_may_take_is_reserved_at_its_limit_with_the_worst_fee() -> None:
    pay = permitted(situation(buy("10", "105")).decide()).terms.pay
    assert (pay.value, pay.asset) == (D("1060.5"), USDT)


def test_b16_a_sale_is_not_stopped_by_a_position_that_is_too_large_already() -> None:
    facts = {
        "account": {"holding": {BTC: D(90), USDT: D(0)}, "exposure": D(9000)},
        "limits_": {"position_max_pct": D(5)},
    }
    assert isinstance(situation(sell("80"), **facts).decide(), Permitted)
    assert Code.POSITION_ABOVE_MAX in codes(situation(buy(), **facts).decide())


def test_b16_a_sale_is_not_stopped_by_low_or_missing_sentiment() -> None:
    assert isinstance(situation(sell(), sentiment=D(-1)).decide(), Permitted)
    assert isinstance(situation(sell(), sentiment=None).decide(), Permitted)


def test_b18_no_list_means_not_restricted_and_an_empty_list_means_nothing() -> None:
    """None is the operator's written word for any; live trading refuses to start with it."""
    lists = ("allow_exchanges", "allow_symbols", "allow_market_types", "allow_tokens")
    assert isinstance(situation(limits_=dict.fromkeys(lists)).decide(), Permitted)
    for name in lists:
        assert isinstance(situation(limits_={name: frozenset()}).decide(), Denied)
    assert isinstance(situation(swap(BTC, USDT, "1"), limits_={"allow_chains": None}).decide(), Permitted)
    assert codes(situation(swap(BTC, USDT, "1"), limits_={"allow_chains": frozenset()}).decide()) == {
        Code.CHAIN_NOT_ALLOWED
    }


def test_b18_with_no_address_book_or_no_cap_nothing_is_transferred() -> None:
    assert codes(situation(transfer(), limits_={"allow_to_addresses": frozenset()}).decide()) == {
        Code.DESTINATION_NOT_ALLOWED
    }
    refused = situation(transfer(), limits_={"transfer_native_max": None}).decide()
    assert codes(refused) == {Code.TRANSFER_ABOVE_MAX}
    assert isinstance(refused, Denied)
    assert refused.amount_max is not None
    assert refused.amount_max.value == 0


@pytest.mark.parametrize("fact", [fact for fact, need in NEEDED.items() if need.entry])
def test_b19_a_missing_fact_is_not_read_as_a_default(fact: str) -> None:
    refused = without(situation(buy(limit_price=None)), fact).decide()
    assert isinstance(refused, Denied)


def test_a_score_dated_years_ahead_is_not_fresh() -> None:
    ahead = situation().snapshot.now.replace(year=2036)
    assert codes(situation(sentiment_at=ahead).decide()) == {Code.SENTIMENT_MISSING}
    assert codes(situation(market={"observed_at": ahead}).decide()) == {Code.CLOCK_SKEW}


def test_a_request_is_never_decided_on_the_facts_of_another_instrument() -> None:
    """A cheap coin's price under a dear one's name would make every cap useless."""
    assert Code.INSTRUMENT_UNKNOWN in codes(shib("1").asking(buy("10", "0.00001")).decide())
