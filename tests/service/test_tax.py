"""Gains by every method, held against the textbook's definition in fractions; and nothing is lost or made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.instruments import Asset, Symbol
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, Fill, Liquidity, OrderRequest, OrderState, Side

from appliance.domain.events import KIND_OF, CoreStarted, Event, FundsMoved, OrderPermitted, OrderReported, ReportSource
from appliance.domain.snapshot import Mode
from appliance.pipeline.decide import decide
from appliance.service.tax import CurrencyChanged, RowKind, TaxRow, TaxRun
from appliance.service.tax_lots import LEDGER, Method
from appliance.store.entry import Leaf, text_from_time
from tests.pipeline.cases import BTC, NOW, USDT, buy, permitted, request, snapshot
from tests.pipeline.cases import limits as make_limits

D = Decimal
BNB, ETH, EUR = Asset("BNB"), Asset("ETH"), Asset("EUR")
ALL = list(Method)
PERMITTED = permitted(decide(request(buy()), snapshot(), make_limits()))
BTC_PRICE = D("61234.5678901234567")
"""What a permit recorded for one BTC, for trades that are quoted in it."""

Group = tuple[Event, ...]


def started(asset: Asset = USDT) -> Group:
    limits = make_limits(accounting_asset=asset)
    return (CoreStarted(version="1", mode=Mode.PAPER, configuration_digest="0", limits=limits),)


def trade(
    number: int,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal = ZERO,
    fee_asset: Asset = USDT,
    *,
    symbol: str = "BTC/USDT",
    at: datetime = NOW,
    prices: dict[Asset, Decimal] | None = None,
) -> Group:
    assert isinstance(PERMITTED.payload, OrderRequest)
    order_id = ClientOrderId(f"order-{number}")
    payload = replace(PERMITTED.payload, client_order_id=order_id, symbol=Symbol(symbol), side=side, quantity=quantity)
    facts = snapshot()
    facts = replace(facts, account=replace(facts.account, accounting_price=prices or {}))
    fill = Fill(
        fill_id=f"{order_id}:1", price=price, quantity=quantity, fee=fee, fee_asset=fee_asset,
        liquidity=Liquidity.TAKER, filled_at=at,
    )  # fmt: skip
    report = ExecutionReport(client_order_id=order_id, state=OrderState.FILLED, reported_at=at, fills=(fill,))
    return (
        OrderPermitted(request=request(), snapshot=facts, permitted=replace(PERMITTED, payload=payload)),
        OrderReported(report=report, source=ReportSource.VENUE),
    )


def moved(asset: Asset, amount: Decimal, value: Decimal) -> Group:
    return (FundsMoved(account="paper", asset=asset, amount=amount, value=value, nav=D(1), by="t", reason="deposit"),)


def leaves(groups: Iterable[Group]) -> Iterable[Leaf]:
    for seq, event in enumerate(event for group in groups for event in group):
        body = msgspec.Raw(msgspec.json.encode(event))
        yield Leaf(seq=seq, at=text_from_time(NOW), kind=KIND_OF[type(event)], body=body)


def run(method: Method, *groups: Group) -> tuple[list[TaxRow], TaxRun]:
    tax = TaxRun(method)
    return list(tax.rows(leaves([started(), *groups]))), tax


def gains(method: Method, *groups: Group) -> list[Decimal | None]:
    return [row.gain for row in run(method, *groups)[0] if row.kind is RowKind.DISPOSAL]


THREE_BUYS = (
    trade(1, Side.BUY, D(1), D(100)), trade(2, Side.BUY, D(1), D(300)), trade(3, Side.BUY, D(1), D(200)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("method", "first", "second"),
    [(Method.FIFO, 150, -50), (Method.LIFO, 50, -50), (Method.HIFO, -50, 50), (Method.AVERAGE, 50, 50)],
)
def test_each_method_takes_its_own_lots(method: Method, first: int, second: int) -> None:
    """Three lots at 100, 300 and 200; one is sold at 250, then another."""
    found = gains(method, *THREE_BUYS, trade(4, Side.SELL, D(1), D(250)), trade(5, Side.SELL, D(1), D(250)))
    assert found == [D(first), D(second)]


def test_the_highest_cost_is_that_per_unit_and_not_that_of_the_largest_lot() -> None:
    lots = (trade(1, Side.BUY, D(2), D(100)), trade(2, Side.BUY, D(1), D(150)))
    assert gains(Method.HIFO, *lots, trade(3, Side.SELL, D(1), D(200))) == [D(50)]


def test_a_disposal_names_the_lots_that_it_took() -> None:
    rows, _ = run(Method.FIFO, *THREE_BUYS, trade(4, Side.SELL, D("1.5"), D(250)))
    assert [(lot.entry, lot.quantity, lot.cost) for lot in rows[-1].lots] == [(2, D(1), D(100)), (4, D("0.5"), D(150))]
    assert rows[-1].origin.entry == 8


def test_fees_in_quote_base_and_a_third_asset() -> None:
    """Textbook cases: 1 BTC for 100 and a fee of 2 USDT, of 0.2 BTC, or of 1 BNB that had cost 7."""
    rows, _ = run(Method.FIFO, trade(1, Side.BUY, D(1), D(100), D(2)))
    assert (rows[0].quantity, rows[0].value) == (D(1), D(102))
    rows, _ = run(Method.FIFO, trade(1, Side.BUY, D(1), D(100), D("0.2"), BTC), trade(2, Side.SELL, D("0.4"), D(200)))
    assert (rows[0].quantity, rows[0].value, rows[1].cost, rows[1].gain) == (D("0.8"), D(100), D(50), D(30))
    rows, tax = run(
        Method.FIFO, moved(BNB, D(2), D(14)), trade(1, Side.BUY, D(1), D(100), D(1), BNB),
        trade(2, Side.SELL, D(1), D(150), D("0.5"), BNB),
    )  # fmt: skip
    assert [(row.kind, row.asset, row.value) for row in rows] == [
        (RowKind.ACQUISITION, BNB, D(14)),
        (RowKind.FEE, BNB, D(7)),
        (RowKind.ACQUISITION, BTC, D(107)),
        (RowKind.FEE, BNB, D("3.5")),
        (RowKind.DISPOSAL, BTC, D("146.5")),
    ]
    assert rows[-1].gain == D("39.5")
    assert {(it.asset, it.fees) for it in tax.summaries()} == {(BNB, D("1.5")), (BTC, D(0))}
    assert [(it.asset, it.quantity, it.cost) for it in tax.held()] == [(BNB, D("0.5"), D("3.5"))]


def test_a_sale_with_its_fee_in_the_base_asset_disposes_of_the_fee_too() -> None:
    rows, tax = run(Method.FIFO, trade(1, Side.BUY, D(2), D(100)), trade(2, Side.SELL, D(1), D(200), D("0.5"), BTC))
    assert (rows[1].quantity, rows[1].value, rows[1].cost, rows[1].gain) == (D("1.5"), D(200), D(150), D(50))
    assert tax.held()[0].quantity == D("0.5")


def test_a_fee_that_is_more_than_what_came_in_takes_lots() -> None:
    rows, tax = run(Method.FIFO, moved(BTC, D(2), D(200)), trade(1, Side.BUY, D("0.1"), D(100), D("0.3"), BTC))
    assert [(row.kind, row.quantity, row.cost) for row in rows[1:]] == [(RowKind.FEE, D("0.2"), D(20))]
    assert tax.held()[0].quantity == D("1.8")


def test_a_rebate_lowers_the_cost_and_one_in_a_third_asset_is_acquired_for_nothing() -> None:
    rows, _ = run(Method.FIFO, trade(1, Side.BUY, D(1), D(100), D(-3)), trade(2, Side.SELL, D(1), D(100), D(-1), BNB))
    assert [(row.asset, row.value, row.gain) for row in rows] == [
        (BTC, D(97), None), (BNB, D(0), None), (BTC, D(100), D(3)),
    ]  # fmt: skip


def test_what_is_paid_in_another_asset_is_a_disposal_of_it_at_the_recorded_price() -> None:
    rows, _ = run(
        Method.FIFO, moved(BTC, D(1), D(1000)),
        trade(1, Side.BUY, D(10), D("0.05"), symbol="ETH/BTC", prices={BTC: D(3000)}),
        trade(2, Side.SELL, D(4), D("0.1"), symbol="ETH/BTC", prices={BTC: D(4000)}),
    )  # fmt: skip
    assert [(row.kind, row.asset, row.quantity, row.value, row.gain) for row in rows[1:]] == [
        (RowKind.DISPOSAL, BTC, D("0.5"), D(1500), D(1000)),
        (RowKind.ACQUISITION, ETH, D(10), D(1500), None),
        (RowKind.DISPOSAL, ETH, D(4), D(1600), D(1000)),
        (RowKind.ACQUISITION, BTC, D("0.4"), D(1600), None),
    ]


def test_where_the_base_asset_is_the_currency_the_quote_asset_is_what_is_bought_and_sold() -> None:
    """100 EUR put in at 110; 50 USDT bought for 45 EUR less a fee of 1 USDT, then 20 sold for 18 EUR."""
    rows, tax = run(
        Method.FIFO, moved(EUR, D(100), D(110)),
        trade(1, Side.BUY, D(50), D("0.9"), D(1), symbol="USDT/EUR"),
        trade(2, Side.SELL, D(20), D("0.9"), D("0.5"), EUR, symbol="USDT/EUR"),
    )  # fmt: skip
    assert [(row.kind, row.asset, row.quantity, row.value, row.gain) for row in rows[1:]] == [
        (RowKind.DISPOSAL, EUR, D(45), D(49), D("-0.5")), (RowKind.ACQUISITION, EUR, D("17.5"), D(20), None),
    ]  # fmt: skip
    assert [(it.asset, it.quantity) for it in tax.held()] == [(EUR, D("72.5"))]


def test_what_nobody_recorded_is_unknown_and_counted_as_such() -> None:
    rows, tax = run(
        Method.FIFO, trade(1, Side.BUY, D(1), D(5), symbol="ETH/BTC"),
        trade(2, Side.SELL, D(1), D(9), symbol="ETH/USDT"),
    )  # fmt: skip
    assert [(row.value, row.cost, row.gain) for row in rows if row.kind is RowKind.DISPOSAL] == [
        (None, None, None), (D(9), None, None),
    ]  # fmt: skip
    assert [(it.asset, it.unknown, it.gain) for it in tax.summaries()] == [(BTC, 1, D(0)), (ETH, 2, D(0))]


@pytest.mark.parametrize("method", ALL)
def test_more_sold_than_was_ever_had_has_no_gain(method: Method) -> None:
    rows, _ = run(method, trade(1, Side.BUY, D(1), D(5)), trade(2, Side.SELL, D(3), D(9)))
    assert (rows[1].gain, rows[1].short) == (None, D(2))


def test_a_withdrawal_takes_lots_and_makes_no_gain() -> None:
    rows, tax = run(Method.HIFO, *THREE_BUYS, moved(BTC, D(-1), D(-500)), trade(4, Side.SELL, D(1), D(250)))
    assert (rows[3].kind, rows[3].cost, rows[3].gain) == (RowKind.MOVED_OUT, D(300), None)
    assert rows[4].gain == D(50)
    assert tax.summaries()[0].moved_out == D(1)


def test_rows_belong_to_the_year_of_the_fill_in_utc() -> None:
    eve = datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    _, tax = run(
        Method.FIFO, trade(1, Side.BUY, D(2), D(10), at=eve), trade(2, Side.SELL, D(1), D(20), at=eve),
        trade(3, Side.SELL, D(1), D(30), at=eve + timedelta(microseconds=1)),
    )  # fmt: skip
    assert [(it.year, it.gain) for it in tax.summaries()] == [(2025, D(10)), (2026, D(20))]
    elsewhere = eve.astimezone(timezone(timedelta(hours=2)))
    assert run(Method.FIFO, trade(1, Side.BUY, D(1), D(1), at=elsewhere))[0][0].origin.at.isoformat() == eve.isoformat()


def test_a_journal_with_two_currencies_is_refused_by_name() -> None:
    with pytest.raises(CurrencyChanged, match="entry 1: the accounting asset is USD from here on, and was USDT"):
        run(Method.FIFO, started(Asset("USD")))


def test_a_fill_that_is_reported_twice_counts_once() -> None:
    permit, filled = trade(1, Side.BUY, D(1), D(100))
    assert len(run(Method.FIFO, (permit, filled, filled))[0]) == 1


# against the textbook

Rule = Callable[[Fraction], Fraction]


def at_18(value: Fraction) -> Fraction:
    """The stated rule: half to even at 18 decimals."""
    return Fraction(round(value * 10**18), 10**18)


class Textbook:
    """The definitions, in fractions and as plainly as they are printed: a list of lots, searched for the next one."""

    def __init__(self, method: Method, rule: Rule) -> None:
        self.method = method
        self.rule = rule
        self.lots: dict[str, list[list[Fraction]]] = defaultdict(list)
        """Per asset, quantity, cost, and cost per unit at the beginning."""
        self.gains: list[Fraction | None] = []

    def buy(self, asset: str, quantity: Fraction, cost: Fraction) -> None:
        if self.method is Method.AVERAGE and self.lots[asset]:
            self.lots[asset][0][0] += quantity
            self.lots[asset][0][1] += cost
        elif quantity > 0:
            self.lots[asset].append([quantity, cost, cost / quantity])

    def cost_of(self, asset: str, quantity: Fraction) -> Fraction | None:
        cost, lots = Fraction(0), self.lots[asset]
        while quantity > 0:
            if not lots:
                return None
            if self.method is Method.LIFO:
                lot = lots[-1]
            elif self.method is Method.HIFO:
                lot = max(lots, key=lambda it: it[2])
            else:
                lot = lots[0]
            taken = min(quantity, lot[0])
            share = lot[1] if taken == lot[0] else self.rule(lot[1] * taken / lot[0])
            cost, quantity = cost + share, quantity - taken
            lot[0], lot[1] = lot[0] - taken, lot[1] - share
            if lot[0] == 0:
                lots[:] = [it for it in lots if it is not lot]
        return cost

    def sell(self, asset: str, quantity: Fraction, proceeds: Fraction | None) -> None:
        cost = self.cost_of(asset, quantity)
        self.gains.append(None if cost is None or proceeds is None else proceeds - cost)


amounts = st.decimals(min_value="0.001", max_value="50", places=3)
prices = st.decimals(min_value="0.01", max_value="99999.99", places=2)
fees = st.decimals(min_value="0", max_value="0.0009", places=4)
steps = st.tuples(
    st.sampled_from(["buy", "sell", "in", "out", "cross_buy", "cross_sell"]), amounts, prices, fees,
    st.sampled_from(["quote", "base", "third"]),
)  # fmt: skip
Step = tuple[str, Decimal, Decimal, Decimal, str]


def played(wanted: list[Step], book: Textbook) -> list[Group]:
    """The same life as events of a journal, and in the textbook."""
    groups = [moved(BTC, D(1000), D("33333333.37")), moved(BNB, D(10), D("2999.99"))]
    book.buy(BTC, Fraction(1000), Fraction("33333333.37"))
    book.buy(BNB, Fraction(10), Fraction("2999.99"))
    for number, (what, quantity, price, fee, paid_in) in enumerate(wanted):
        base, quote, scale = (ETH, BTC, D("0.00001")) if what.startswith("cross") else (BTC, USDT, D(1))
        fee = fee if fee < min(quantity, quantity * price * scale) else D(0)
        q, p, f = Fraction(quantity), Fraction(price * scale), Fraction(fee)
        if what in ("in", "out"):
            sign = 1 if what == "in" else -1
            groups.append(moved(BTC, sign * quantity, sign * price))
            book.buy(BTC, q, Fraction(price)) if sign == 1 else book.cost_of(BTC, q)
            continue
        buying = what.endswith("buy")
        fee_asset = {"quote": quote, "base": base, "third": BNB}[paid_in]
        side = Side.BUY if buying else Side.SELL
        known = {BTC: BTC_PRICE}
        groups.append(
            trade(number, side, quantity, price * scale, fee, fee_asset, symbol=f"{base}/{quote}", prices=known)
        )
        sign = 1 if buying else -1
        fee_cost: Fraction | None = Fraction(0)
        if paid_in == "third" and f:
            fee_cost = book.cost_of(BNB, f)
        given = q * p + (sign * f if paid_in == "quote" else 0)
        moved_base = q - (sign * f if paid_in == "base" else 0)
        value = given if quote == USDT else at_18(given * Fraction(BTC_PRICE))
        assert fee_cost is not None
        if buying:
            if quote != USDT:
                book.sell(quote, given, value)
            book.buy(base, moved_base, value + fee_cost)
        else:
            book.sell(base, moved_base, value - fee_cost)
            if quote != USDT:
                book.buy(quote, given, value)
    return groups


@pytest.mark.parametrize("method", ALL)
@settings(deadline=None, max_examples=40)
@given(wanted=st.lists(steps, max_size=12))
def test_every_gain_is_the_textbooks_to_the_last_digit(method: Method, wanted: list[Step]) -> None:
    book, unrounded = Textbook(method, at_18), Textbook(method, lambda value: value)
    found = gains(method, *played(wanted, book))
    assert [None if gain is None else Fraction(gain) for gain in found] == book.gains
    played(wanted, unrounded)
    for ours, exact in zip(found, unrounded.gains, strict=True):
        if method is not Method.HIFO and ours is not None and exact is not None:
            assert abs(Fraction(ours) - exact) <= Fraction(4 * len(wanted), 10**18)


@settings(deadline=None, max_examples=40)
@given(wanted=st.lists(st.tuples(st.sampled_from(Side), amounts, prices, fees), min_size=1, max_size=10))
def test_once_everything_is_sold_all_methods_gain_the_same_and_lots_are_conserved(
    wanted: list[tuple[Side, Decimal, Decimal, Decimal]],
) -> None:
    held, groups = D(0), []
    for number, (side, quantity, price, fee) in enumerate(wanted):
        traded = min(quantity, held) if side is Side.SELL else quantity
        if not traded:
            continue
        held += traded if side is Side.BUY else -traded
        groups.append(trade(number, side, traded, price, fee))
    unsold = [run(method, *groups) for method in ALL]
    for _rows, tax in unsold:
        assert sum((it.quantity for it in tax.held()), D(0)) == held
    if held:
        groups.append(trade(99, Side.SELL, held, D("77.77")))
    sums = set()
    for method in ALL:
        rows, tax = run(method, *groups)
        assert tax.held() == []
        summary = next((it for it in tax.summaries() if it.asset == BTC), None)
        if summary is None:
            continue
        sums.add(summary.gain)
        assert (summary.acquired, summary.acquired_cost) == (summary.disposed, summary.cost)
        assert summary.gain == LEDGER.subtract(summary.proceeds, summary.cost)
        for row in rows:
            assert sum((lot.quantity for lot in row.lots), D(0)) == (row.quantity if row.lots else 0)
    assert len(sums) <= 1


@pytest.mark.parametrize("method", ALL)
def test_what_is_smaller_than_the_last_digit_stays_with_the_rest_of_the_lot(method: Method) -> None:
    """A third of 3e-19 is nothing at 18 decimals; what was paid is still what was taken."""
    tiny = D("0.000000000000000001")
    rows, _ = run(
        method, trade(1, Side.BUY, 3 * tiny, D("0.1")), trade(2, Side.SELL, tiny, D(1)),
        trade(3, Side.SELL, 2 * tiny, D(1)),
    )  # fmt: skip
    assert [row.cost for row in rows[1:]] == [D(0), 3 * tiny / 10]
