"""The tax report to the last digit: first in first out, and no unit of cost is lost or made."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, Fill, Liquidity, OrderRequest, OrderState, Side

from appliance.domain.events import KIND_OF, Event, FundsMoved, OrderPermitted, OrderReported, ReportSource
from appliance.pipeline.decide import decide
from appliance.service.tax_report import TaxLine, tax_lines
from appliance.store.entry import Leaf
from tests.pipeline.cases import BTC, NOW, USDT, buy, permitted, request, snapshot
from tests.pipeline.cases import limits as make_limits

D = Decimal
PERMITTED = permitted(decide(request(buy()), snapshot(), make_limits()))
FEE_RATE = D("0.001")


def trade(
    number: int, side: Side, quantity: str | Decimal, price: str | Decimal, fee: str | Decimal | None = None
) -> tuple[Event, Event]:
    """A permitted order and the report that fills it, with a fee in USDT: 0.1 % unless told."""
    assert isinstance(PERMITTED.payload, OrderRequest)
    order_id = ClientOrderId(f"order-{number}")
    payload = replace(PERMITTED.payload, client_order_id=order_id, side=side, quantity=D(quantity))
    fill = Fill(
        fill_id=f"{order_id}:1",
        price=D(price),
        quantity=D(quantity),
        fee=D(price) * D(quantity) * FEE_RATE if fee is None else D(fee),
        fee_asset=USDT,
        liquidity=Liquidity.TAKER,
        filled_at=NOW,
    )
    report = ExecutionReport(client_order_id=order_id, state=OrderState.FILLED, reported_at=NOW, fills=(fill,))
    return (
        OrderPermitted(request=request(), snapshot=snapshot(), permitted=replace(PERMITTED, payload=payload)),
        OrderReported(report=report, source=ReportSource.VENUE),
    )


def moved(asset: Asset, amount: str, value: str) -> FundsMoved:
    return FundsMoved(
        account="paper", asset=asset, amount=D(amount), value=D(value), nav=D(1), by="test", reason="deposit"
    )


def report(*groups: Event | tuple[Event, ...]) -> list[TaxLine]:
    """The report of a journal that holds these events."""
    flat = [event for group in groups for event in (group if isinstance(group, tuple) else (group,))]
    return list(tax_lines(leaves(flat)))


def leaves(events: Iterable[Event]) -> Iterable[Leaf]:
    for seq, event in enumerate(events):
        body = msgspec.Raw(msgspec.json.encode(event))
        yield Leaf(seq=seq, at=NOW.isoformat(), kind=KIND_OF[type(event)], body=body)


def test_a_sale_takes_the_oldest_lots_first() -> None:
    lines = report(
        trade(1, Side.BUY, "0.02", "50000"), trade(2, Side.BUY, "0.03", "60000"), trade(3, Side.SELL, "0.04", "70000")
    )
    assert [line.cost for line in lines] == [D("1001"), D("1801.8"), None]
    sale = lines[2]
    assert sale.proceeds == D("2797.2")
    assert sale.cost_of_sold == D("1001") + D("1201.2")
    assert sale.gain == D("595")
    assert [line.gain for line in lines[:2]] == [None, None]


def test_every_line_names_the_entry_that_proves_it() -> None:
    lines = report(moved(BTC, "1", "100"), trade(1, Side.BUY, "1", "100"), trade(2, Side.SELL, "1", "100"))
    assert [line.entry for line in lines] == [2, 4]


def test_a_deposit_opens_a_lot_at_its_value_and_a_withdrawal_closes_the_oldest() -> None:
    lines = report(moved(BTC, "2", "200"), trade(1, Side.BUY, "1", "300"), moved(BTC, "-1", "-150"),
                   trade(2, Side.SELL, "2", "400"))  # fmt: skip
    assert lines[1].cost_of_sold == D("100") + D("300.3")


def test_more_sold_than_was_ever_had_has_no_gain() -> None:
    (line,) = report(trade(1, Side.SELL, "1", "100"))
    assert (line.proceeds, line.cost_of_sold, line.gain) == (D("99.9"), None, None)


def test_a_fill_that_is_reported_twice_counts_once() -> None:
    permit, filled = trade(1, Side.BUY, "1", "100")
    assert len(report((permit, filled, filled))) == 1


def test_a_lot_that_is_sold_whole_had_cost_what_it_had_cost() -> None:
    """A third has no last digit; what was paid has."""
    lines = report(trade(1, Side.BUY, "0.03", "33333.37", fee="0.01"), trade(2, Side.SELL, "0.01", "40000"),
                   trade(3, Side.SELL, "0.02", "40000"))  # fmt: skip
    (paid, first, second) = (lines[0].cost, lines[1].cost_of_sold, lines[2].cost_of_sold)
    assert first is not None
    assert second is not None
    assert first + second == paid


amounts = st.decimals(min_value="0.001", max_value="50", places=3)
prices = st.decimals(min_value="0.01", max_value="99999.99", places=2)
fees = st.decimals(min_value="0", max_value="9", places=4)


@given(st.lists(st.tuples(st.sampled_from(Side), amounts, prices, fees), max_size=12))
def test_what_was_paid_is_what_was_sold_and_what_is_left(wanted: list[tuple[Side, Decimal, Decimal, Decimal]]) -> None:
    """For any trades: selling everything in the end leaves no cost behind and brings up none."""
    held, trades = D(0), []
    for side, quantity, price, fee in wanted:
        if side is Side.SELL and not held:
            continue
        traded = min(quantity, held) if side is Side.SELL else quantity
        held += traded if side is Side.BUY else -traded
        trades.append((side, traded, price, fee))
    if held:
        trades.append((Side.SELL, held, D("1"), D("0")))
    lines = report(*(trade(number, *one) for number, one in enumerate(trades)))
    assert sum((line.cost for line in lines if line.cost is not None), D(0)) == sum(
        (line.cost_of_sold for line in lines if line.cost_of_sold is not None), D(0)
    )
    for line in lines:
        if line.gain is not None:
            assert line.proceeds is not None
            assert line.cost_of_sold is not None
            assert line.gain == line.proceeds - line.cost_of_sold
