"""The tax report: one line per fill, with fee, cost or proceeds, and the gain by first in, first out.

Computed from the journal alone, so that every line can be proven: `entry` is the number to give to `audit prove`.
Amounts are in the instrument's quote asset unless a column says otherwise. A deposit of paper money opens a lot at its
value on that day.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Asset, Symbol
from readytrader_sdk.money import FRACTION_DIGITS_MAX, ONE, ZERO
from readytrader_sdk.orders import ClientOrderId, Fill, OrderRequest, Side

from appliance.domain.events import FundsMoved, OrderPermitted, OrderReported, decode_event
from appliance.store.entry import Leaf

COST_UNIT = ONE.scaleb(-FRACTION_DIGITS_MAX)


class TaxLine(Struct, frozen=True, kw_only=True):
    """One fill. `gain` is None for a purchase and where more was sold than was ever bought or put in here."""

    entry: int
    filled_at: str
    client_order_id: str
    fill_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    currency: str
    fee: Decimal
    fee_asset: str
    cost: Decimal | None
    """What a purchase cost, fee included."""
    proceeds: Decimal | None
    """What a sale brought, fee taken off."""
    cost_of_sold: Decimal | None
    """What the lots that were sold had cost, first in first out."""
    gain: Decimal | None


class _Lots:
    """Lots of one asset, oldest first: how much there is, and what all of it has cost."""

    def __init__(self) -> None:
        self._lots: deque[tuple[Decimal, Decimal]] = deque()

    def buy(self, quantity: Decimal, cost: Decimal) -> None:
        self._lots.append((quantity, cost))

    def sell(self, quantity: Decimal) -> Decimal | None:
        """The cost of what is sold, or None when the lots do not reach that far.

        A part of a lot takes its share of the cost, rounded to 18 decimals; the rest of the lot keeps the rest.
        """
        cost, left = ZERO, quantity
        while left and self._lots:
            held, held_cost = self._lots.popleft()
            taken = min(held, left)
            share = held_cost if taken == held else (held_cost * taken / held).quantize(COST_UNIT)
            cost += share
            left -= taken
            if held > taken:
                self._lots.appendleft((held - taken, held_cost - share))
        return None if left else cost


def tax_lines(leaves: Iterable[Leaf]) -> Iterator[TaxLine]:
    """The report's lines in the order of the journal."""
    orders: dict[ClientOrderId, OrderRequest] = {}
    lots: dict[Asset, _Lots] = defaultdict(_Lots)
    seen: set[str] = set()
    for leaf in leaves:
        if leaf.kind not in ("order.permitted", "order.reported", "funds.moved"):
            continue
        event = decode_event(leaf.kind, leaf.body)
        if isinstance(event, OrderPermitted) and isinstance(event.permitted.payload, OrderRequest):
            orders[event.permitted.payload.client_order_id] = event.permitted.payload
        elif isinstance(event, FundsMoved) and event.amount > 0:
            lots[event.asset].buy(event.amount, event.value)
        elif isinstance(event, FundsMoved):
            lots[event.asset].sell(-event.amount)
        elif isinstance(event, OrderReported) and event.report.client_order_id in orders:
            for fill in event.report.fills:
                if fill.fill_id not in seen:
                    seen.add(fill.fill_id)
                    yield _line(leaf.seq, orders[event.report.client_order_id], fill, lots)


def _line(seq: int, order: OrderRequest, fill: Fill, lots: dict[Asset, _Lots]) -> TaxLine:
    base, quote = _assets(order.symbol)
    gross = fill.price * fill.quantity
    fee = fill.fee if fill.fee_asset == quote else ZERO
    cost = proceeds = cost_of_sold = None
    if order.side is Side.BUY:
        cost = gross + fee
        lots[base].buy(fill.quantity, cost)
    else:
        proceeds = gross - fee
        cost_of_sold = lots[base].sell(fill.quantity)
    return TaxLine(
        entry=seq,
        filled_at=fill.filled_at.isoformat(),
        client_order_id=order.client_order_id,
        fill_id=fill.fill_id,
        symbol=order.symbol,
        side=order.side,
        quantity=fill.quantity,
        price=fill.price,
        currency=quote,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        cost=cost,
        proceeds=proceeds,
        cost_of_sold=cost_of_sold,
        gain=None if proceeds is None or cost_of_sold is None else proceeds - cost_of_sold,
    )


def _assets(symbol: Symbol) -> tuple[Asset, Asset]:
    base, _, rest = symbol.partition("/")
    return Asset(base), Asset(rest.partition(":")[0])
