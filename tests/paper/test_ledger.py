"""The ledger adds up to zero and says no rather than rounding or overdrawing."""

from __future__ import annotations

from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.money import InvalidAmount
from readytrader_sdk.orders import Balance

from appliance.paper.ledger import Account, Ledger, Overdraft, Posting, is_amount
from tests.paper.building import BTC, USDT

NOT_AMOUNTS = ["-1", "0", "-0", "NaN", "sNaN", "Infinity", "-Infinity", "1E+18", "1E-19", "1E+999999", "1E-999999"]


@pytest.mark.parametrize("amount", NOT_AMOUNTS)
def test_only_sane_positive_amounts_are_deposited_or_withdrawn(amount: str) -> None:
    ledger = Ledger()
    ledger.deposit(USDT, Decimal(100))
    for change in (ledger.deposit, ledger.withdraw):
        with pytest.raises(InvalidAmount, match="USDT"):
            change(USDT, Decimal(amount))
    assert ledger.balances() == (Balance(asset=USDT, total=Decimal(100), free=Decimal(100)),)


@pytest.mark.parametrize("amount", ["0.000000000000000001", "999999999999999999.999999999999999999", "1E+17"])
def test_eighteen_digits_on_either_side_of_the_point_are_sane(amount: str) -> None:
    assert is_amount(Decimal(amount))


@pytest.mark.parametrize("amount", NOT_AMOUNTS[:7])
def test_a_posting_of_anything_but_a_positive_finite_amount_is_refused(amount: str) -> None:
    ledger = Ledger()
    with pytest.raises(InvalidAmount):
        ledger.post(Posting(USDT, Account.OUTSIDE, Account.OWNER, Decimal(amount)))
    with pytest.raises(InvalidAmount):
        ledger.lock(USDT, Decimal(amount))
    assert list(ledger.assets()) == []


def test_the_last_unit_can_be_withdrawn_and_not_one_more() -> None:
    ledger = Ledger()
    ledger.deposit(BTC, Decimal("1.5"))
    with pytest.raises(Overdraft, match=r"1\.500000000000000001 wanted, 1\.5 free"):
        ledger.withdraw(BTC, Decimal("1.500000000000000001"))
    ledger.withdraw(BTC, Decimal("1.5"))
    assert ledger.balances() == ()


def test_what_is_locked_is_not_free() -> None:
    ledger = Ledger()
    ledger.deposit(BTC, Decimal(2))
    ledger.lock(BTC, Decimal("1.5"))
    assert ledger.balances() == (Balance(asset=BTC, total=Decimal(2), free=Decimal("0.5")),)
    with pytest.raises(Overdraft):
        ledger.withdraw(BTC, Decimal("0.6"))
    with pytest.raises(Overdraft):
        ledger.lock(BTC, Decimal("0.6"))
    ledger.unlock(BTC, Decimal("0.1"))
    ledger.withdraw(BTC, Decimal("0.6"))


@pytest.mark.parametrize("amount", ["1.01", "-0.01", "NaN"])
def test_no_more_is_unlocked_than_is_locked(amount: str) -> None:
    ledger = Ledger()
    ledger.deposit(BTC, Decimal(2))
    ledger.lock(BTC, Decimal(1))
    with pytest.raises(InvalidAmount):
        ledger.unlock(BTC, Decimal(amount))
    assert ledger.locked(BTC) == 1


def test_postings_are_booked_all_together_or_not_at_all() -> None:
    ledger = Ledger()
    ledger.deposit(USDT, Decimal(10))
    with pytest.raises(Overdraft):
        ledger.post(
            Posting(BTC, Account.MARKET, Account.OWNER, Decimal(1)),
            Posting(USDT, Account.OWNER, Account.MARKET, Decimal(8)),
            Posting(USDT, Account.OWNER, Account.FEES, Decimal(3)),
        )
    assert ledger.total(BTC) == 0
    assert ledger.total(USDT) == 10


def test_a_sum_that_would_lose_a_digit_raises() -> None:
    ledger = Ledger()
    ledger.post(Posting(USDT, Account.OUTSIDE, Account.OWNER, Decimal(10) ** 60))
    with pytest.raises(Inexact):
        ledger.post(Posting(USDT, Account.OUTSIDE, Account.OWNER, Decimal(1).scaleb(-30)))
    assert ledger.total(USDT) == Decimal(10) ** 60


amounts = st.decimals(min_value="0.000000000000000001", max_value="99999999", places=18)


@given(st.lists(st.tuples(st.sampled_from(list(Account)), st.sampled_from(list(Account)), amounts), max_size=20))
def test_the_accounts_always_sum_to_exactly_zero(moves: list[tuple[Account, Account, Decimal]]) -> None:
    ledger = Ledger()
    for source, target, amount in moves:
        try:
            ledger.post(Posting(USDT, source, target, amount))
        except Overdraft as refused:
            assert refused.free < amount  # noqa: PT017
        assert sum(ledger.accounts(USDT).values()) == 0
        assert ledger.total(USDT) >= 0
