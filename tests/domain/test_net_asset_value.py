"""Money put in or taken out changes the number of units, never what one is worth."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.domain.codes import Code
from appliance.domain.events import NavMarked
from appliance.domain.orders import PAPER_ACCOUNT
from appliance.domain.state import Portfolio, State
from tests.domain.building import DAY, D, funds, told
from tests.pipeline.cases import NOW, USDT, denials, situation


def nav(state: State, equity: Decimal) -> Decimal:
    return equity / state.portfolio(PAPER_ACCOUNT).units


AMOUNTS = st.decimals("0.01", "1000000", places=2)


@given(first=AMOUNTS, equity=AMOUNTS, moves=st.lists(st.decimals("-0.9", "10", places=3), max_size=6))
@settings(max_examples=200, deadline=None)
def test_money_put_in_or_taken_out_never_changes_net_asset_value(
    first: Decimal, equity: Decimal, moves: list[Decimal]
) -> None:
    """To well below the smallest money there is: a division is exact to 80 digits."""
    state = told([(NOW, funds(str(first), str(first)))])
    before = nav(state, equity)
    for share in moves:
        value = equity * share
        state.apply(NOW, funds(str(value), str(value), nav=str(nav(state, equity))))
        equity += value
        assert abs(nav(state, equity) - before) < before * D("1e-60")


def test_a_deposit_after_a_loss_does_not_look_like_a_profit() -> None:
    """1000 put in, half of it lost, 1000 more put in: a loss of 50 % stays one."""
    state = told([(NOW, funds("1000", "1000"))])
    assert nav(state, D(500)) == D("0.5")
    state.apply(NOW, funds("1000", "1000", nav="0.5"))
    assert nav(state, D(1500)) == D("0.5")
    assert state.portfolio(PAPER_ACCOUNT).nav_peak == 1
    facts = {"nav": nav(state, D(1500)), "nav_day_open": D(1), "nav_peak": D(1)}
    refused = situation(performance=facts).decide()
    assert {Code.DAILY_LOSS, Code.DRAWDOWN} == {denial.code for denial in denials(refused)}


def test_a_withdrawal_does_not_look_like_a_loss() -> None:
    state = told([(NOW, funds("1000", "1000")), (NOW, funds("-900", "-900"))])
    assert nav(state, D(100)) == 1
    assert state.holding(PAPER_ACCOUNT, USDT) == 100


def test_the_first_money_sets_the_marks_and_later_money_leaves_them() -> None:
    state = told([(NOW, funds("1000", "1000"))])
    first = Portfolio(account=PAPER_ACCOUNT, units=D(1000), day=NOW.date(), nav_day_open=D(1), nav_peak=D(1))
    assert state.portfolio(PAPER_ACCOUNT) == first
    state.apply(NOW + DAY, funds("500", "500"))
    assert state.portfolio(PAPER_ACCOUNT) == replace(first, units=D(1500))


def test_marks_are_those_of_the_value_at_which_the_first_units_were_made() -> None:
    state = told([(NOW, funds("1000", "1000", nav="2"))])
    portfolio = state.portfolio(PAPER_ACCOUNT)
    assert (portfolio.units, portfolio.nav_day_open, portfolio.nav_peak) == (D(500), D(2), D(2))


def test_an_account_that_was_emptied_begins_anew() -> None:
    state = told([(NOW, funds("3", "3")), (NOW, funds("-1", "-1", nav="0.333333")), (NOW, funds("0", "0"))])
    state.apply(NOW, funds("-9", "-9"))
    assert state.portfolio(PAPER_ACCOUNT) == Portfolio(account=PAPER_ACCOUNT)


def test_a_mark_sets_the_reference_points_and_leaves_the_units() -> None:
    state = told([(NOW, funds("1000", "1000"))])
    day = (NOW + DAY).date()
    state.apply(NOW + DAY, NavMarked(account=PAPER_ACCOUNT, day=day, nav_day_open=D("0.9"), nav_peak=D("1.2")))
    expected = Portfolio(account=PAPER_ACCOUNT, units=D(1000), day=day, nav_day_open=D("0.9"), nav_peak=D("1.2"))
    assert state.portfolio(PAPER_ACCOUNT) == expected
