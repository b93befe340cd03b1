"""Gains and losses of every asset, computed from the journal alone: each row names the entry that proves it.

Rules, all of them:

- The currency is the accounting asset; it is money, and every other asset is held in lots, separately for paper and
  live.
- A fill acquires and disposes. Where one side is the currency, it is what the other side cost or brought. Where neither
  is, both are assets: what is given is disposed of and what comes in is acquired at the value of the quote side, which
  is its price in the permit's recorded facts, rounded half to even at 18 decimals. Without a recorded price the value
  is unknown, and so is the gain.
- A fee in the quote asset adds to the cost or comes off the proceeds. One in the base asset is that much less acquired,
  or more disposed of. One in the currency counts at its amount. One in any other asset takes lots of that asset, and
  what they had cost is the fee: no gain is made by paying it. A rebate is a negative fee; in any other asset it is
  acquired at no cost.
- What was moved in is acquired at the value recorded then. What was moved out takes lots, and makes no gain.
- Lots are taken in the journal's order; a row belongs to the year (UTC) of its fill, or of the entry that moved funds.
- What was disposed of beyond what was ever acquired has no known cost, and no gain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import ClientOrderId, Fill, OrderRequest, Side

from appliance.domain.decision import Payload
from appliance.domain.events import FundsMoved, OrderReported
from appliance.domain.orders import LIVE_PORTFOLIO, PAPER_ACCOUNT, portfolio_of
from appliance.domain.snapshot import Mode
from appliance.service.tax_lots import LEDGER, Lot, Method, Pool, new_pool, rounded
from appliance.store.entry import Leaf, time_from_text


class CurrencyChanged(ValueError):
    """The accounting asset was another one before: no report has two currencies. The message names the entry."""


class RowKind(StrEnum):
    ACQUISITION = "acquisition"
    DISPOSAL = "disposal"
    MOVED_OUT = "moved_out"
    FEE = "fee"
    """Lots given as a fee for something else."""


class Origin(Struct, frozen=True, kw_only=True):
    """What a row comes from."""

    entry: int
    at: datetime
    """When the fill was, by the venue; when funds were moved, by the journal."""
    portfolio: str
    symbol: str = ""
    order: str = ""
    fill: str = ""
    fee: Decimal = ZERO
    """Of the fill; told once, with the row of the base asset, or of the quote asset where the base is the currency."""
    fee_asset: str = ""


class TaxRow(Struct, frozen=True, kw_only=True):
    """One thing that happened to the lots of one asset. Values in the currency; None where it is not known."""

    kind: RowKind
    origin: Origin
    asset: str
    quantity: Decimal
    value: Decimal | None
    """What an acquisition cost or a disposal brought, fees counted; what was moved out was worth."""
    cost: Decimal | None = None
    """What the lots taken had cost."""
    gain: Decimal | None = None
    """`value` less `cost`, of disposals."""
    short: Decimal = ZERO
    """How much of it was never acquired here."""
    lots: tuple[Lot, ...] = ()


class TaxSummary(Struct, kw_only=True):
    """One asset in one year. Sums of what is known; `unknown` counts rows that could not be counted."""

    portfolio: str
    asset: str
    year: int
    acquired: Decimal = ZERO
    acquired_cost: Decimal = ZERO
    disposed: Decimal = ZERO
    proceeds: Decimal = ZERO
    cost: Decimal = ZERO
    gain: Decimal = ZERO
    moved_out: Decimal = ZERO
    fees: Decimal = ZERO
    """Paid in this asset, in its own units, rebates taken off."""
    unknown: int = 0


class Held(Struct, frozen=True, kw_only=True):
    """What is left of an asset at the end of the journal."""

    portfolio: str
    asset: str
    quantity: Decimal
    cost: Decimal | None


class _Started(Struct, frozen=True):
    class _Limits(Struct, frozen=True):
        accounting_asset: Asset

    limits: _Limits


class _Permitted(Struct, frozen=True):
    """Of a permit, what the report needs; the rest is not even decoded."""

    class _Snapshot(Struct, frozen=True):
        class _Account(Struct, frozen=True):
            accounting_price: dict[Asset, Decimal]

        mode: Mode
        account: _Account

    class _Answer(Struct, frozen=True):
        payload: Payload

    snapshot: _Snapshot
    permitted: _Answer


_decode_started = msgspec.json.Decoder(_Started).decode
_decode_permitted = msgspec.json.Decoder(_Permitted).decode
_decode_moved = msgspec.json.Decoder(FundsMoved).decode
_decode_reported = msgspec.json.Decoder(OrderReported).decode


class _Order(Struct, frozen=True):
    portfolio: str
    request: OrderRequest
    prices: dict[Asset, Decimal]


class TaxRun:
    """One reading of the journal by one method. Take all `rows` first; then summaries and what is left are known."""

    def __init__(self, method: Method, pace: Callable[[], None] = lambda: None) -> None:
        """`pace` is called for every row."""
        self._method = method
        self._pace = pace
        self.currency: Asset | None = None
        self._pools: dict[tuple[str, str], Pool] = {}
        self._orders: dict[ClientOrderId, _Order] = {}
        self._seen: set[tuple[str, str]] = set()
        self._years: dict[tuple[str, str, int], TaxSummary] = {}

    def rows(self, leaves: Iterable[Leaf]) -> Iterator[TaxRow]:
        """Every row in the journal's order. Raises `CurrencyChanged`."""
        for leaf in leaves:
            for row in self._rows_of(leaf):
                self._count(row)
                self._pace()
                yield row

    def summaries(self) -> list[TaxSummary]:
        """By portfolio, asset and year."""
        return [self._years[key] for key in sorted(self._years)]

    def held(self) -> list[Held]:
        """What is left, by portfolio and asset."""
        left = ((key, pool.held()) for key, pool in sorted(self._pools.items()))
        return [
            Held(portfolio=portfolio, asset=asset, quantity=quantity, cost=cost)
            for (portfolio, asset), (quantity, cost) in left
            if quantity
        ]

    def _rows_of(self, leaf: Leaf) -> Iterator[TaxRow]:
        match leaf.kind:
            case "core.started":
                self._note_currency(leaf)
            case "order.permitted":
                self._note_order(leaf)
            case "funds.moved":
                yield from self._moved(leaf)
            case "order.reported":
                report = _decode_reported(leaf.body).report
                order = self._orders.get(report.client_order_id)
                for fill in () if order is None else report.fills:
                    key = (report.client_order_id, fill.fill_id)
                    if order is not None and key not in self._seen:
                        self._seen.add(key)
                        yield from self._filled(leaf.seq, order, fill)

    def _note_currency(self, leaf: Leaf) -> None:
        found = _decode_started(leaf.body).limits.accounting_asset
        if self.currency is not None and found != self.currency:
            raise CurrencyChanged(
                f"entry {leaf.seq}: the accounting asset is {found} from here on, and was {self.currency} before"
            )
        self.currency = found

    def _note_order(self, leaf: Leaf) -> None:
        permit = _decode_permitted(leaf.body)
        payload = permit.permitted.payload
        if isinstance(payload, OrderRequest):
            portfolio = PAPER_ACCOUNT if permit.snapshot.mode is Mode.PAPER else LIVE_PORTFOLIO
            prices = permit.snapshot.account.accounting_price
            self._orders[payload.client_order_id] = _Order(portfolio, payload, prices)

    def _moved(self, leaf: Leaf) -> Iterator[TaxRow]:
        event = _decode_moved(leaf.body)
        if event.asset == self.currency or not event.amount:
            return
        origin = Origin(entry=leaf.seq, at=time_from_text(leaf.at), portfolio=portfolio_of(event.account))
        if event.amount > 0:
            yield self._acquired(origin, event.asset, event.amount, event.value)
        else:
            yield self._given(RowKind.MOVED_OUT, origin, event.asset, -event.amount, -event.value)

    def _filled(self, entry: int, order: _Order, fill: Fill) -> Iterator[TaxRow]:
        """What a fill does to both sides, and to the lots that its fee takes."""
        base, quote = _assets(order.request.symbol)
        bought = order.request.side is Side.BUY
        sign = 1 if bought else -1
        side = Origin(
            entry=entry,
            at=fill.filled_at.astimezone(UTC),
            portfolio=order.portfolio,
            symbol=order.request.symbol,
            order=order.request.client_order_id,
            fill=fill.fill_id,
        )
        origin = replace(side, fee=fill.fee, fee_asset=fill.fee_asset)
        quantity, gross = fill.quantity, LEDGER.multiply(fill.price, fill.quantity)
        fee_value: Decimal | None = ZERO
        if fill.fee_asset == quote:
            gross = LEDGER.add(gross, sign * fill.fee)
        elif fill.fee_asset == base:
            quantity = LEDGER.subtract(quantity, sign * fill.fee)
        elif fill.fee_asset == self.currency:
            fee_value = fill.fee
        elif fill.fee > 0:
            paid = self._given(RowKind.FEE, side, fill.fee_asset, fill.fee, None)
            fee_value = paid.cost
            yield paid
        elif fill.fee < 0:
            yield self._acquired(side, fill.fee_asset, -fill.fee, ZERO)
        if base == self.currency:
            yield self._traded(origin, quote, gross, quantity, fee_value, bought=not bought)
        elif quote == self.currency:
            yield self._traded(origin, base, quantity, gross, fee_value, bought=bought)
        else:
            value = _value(order, quote, gross)
            base_row = self._traded(origin, base, quantity, value, fee_value, bought=bought)
            quote_row = self._traded(side, quote, gross, value, ZERO, bought=not bought)
            yield from (quote_row, base_row) if bought else (base_row, quote_row)

    def _traded(
        self,
        origin: Origin,
        asset: Asset,
        quantity: Decimal,
        value: Decimal | None,
        fee: Decimal | None,
        *,
        bought: bool,
    ) -> TaxRow:
        """One side of a fill: a fee adds to what it cost, or comes off what it brought."""
        net = None if value is None or fee is None else LEDGER.add(value, fee if bought else -fee)
        if bought:
            return self._acquired(origin, asset, quantity, net)
        return self._given(RowKind.DISPOSAL, origin, asset, quantity, net)

    def _acquired(self, origin: Origin, asset: str, quantity: Decimal, cost: Decimal | None) -> TaxRow:
        if quantity < 0:  # the fee was more than what came in
            return self._given(RowKind.FEE, origin, asset, -quantity, None)
        if quantity:
            lot = Lot(entry=origin.entry, acquired_at=origin.at.isoformat(), quantity=quantity, cost=cost)
            self._pool(origin.portfolio, asset).put(lot)
        return TaxRow(kind=RowKind.ACQUISITION, origin=origin, asset=asset, quantity=quantity, value=cost)

    def _given(self, kind: RowKind, origin: Origin, asset: str, quantity: Decimal, value: Decimal | None) -> TaxRow:
        """Take lots: for a disposal, for what was moved out, or for a fee, which is worth what they had cost."""
        taken = self._pool(origin.portfolio, asset).take(quantity)
        gain = None
        if kind is RowKind.DISPOSAL and value is not None and taken.cost is not None:
            gain = LEDGER.subtract(value, taken.cost)
        elif kind is RowKind.FEE:
            value = taken.cost
        return TaxRow(
            kind=kind, origin=origin, asset=asset, quantity=quantity, value=value, cost=taken.cost, gain=gain,
            short=taken.short, lots=taken.lots,
        )  # fmt: skip

    def _pool(self, portfolio: str, asset: str) -> Pool:
        key = (portfolio, asset)
        if key not in self._pools:
            self._pools[key] = new_pool(self._method)
        return self._pools[key]

    def _year(self, portfolio: str, asset: str, year: int) -> TaxSummary:
        key = (portfolio, asset, year)
        if key not in self._years:
            self._years[key] = TaxSummary(portfolio=portfolio, asset=asset, year=year)
        return self._years[key]

    def _count(self, row: TaxRow) -> None:
        origin = row.origin
        it = self._year(origin.portfolio, row.asset, origin.at.year)
        match row.kind:
            case RowKind.ACQUISITION:
                it.acquired = LEDGER.add(it.acquired, row.quantity)
                it.acquired_cost = LEDGER.add(it.acquired_cost, row.value or ZERO)
                it.unknown += row.value is None
            case RowKind.DISPOSAL:
                it.disposed = LEDGER.add(it.disposed, row.quantity)
                if row.gain is not None:
                    it.proceeds = LEDGER.add(it.proceeds, row.value or ZERO)
                    it.cost = LEDGER.add(it.cost, row.cost or ZERO)
                    it.gain = LEDGER.add(it.gain, row.gain)
                it.unknown += row.gain is None
            case RowKind.MOVED_OUT:
                it.moved_out = LEDGER.add(it.moved_out, row.quantity)
            case RowKind.FEE:
                it.unknown += row.cost is None
        if origin.fee:
            paid = self._year(origin.portfolio, origin.fee_asset, origin.at.year)
            paid.fees = LEDGER.add(paid.fees, origin.fee)


def _value(order: _Order, quote: Asset, amount: Decimal) -> Decimal | None:
    """What so much of the quote asset was worth when the order was permitted."""
    price = order.prices.get(quote)
    return None if price is None else rounded(Fraction(amount) * Fraction(price))


def _assets(symbol: str) -> tuple[Asset, Asset]:
    base, _, rest = symbol.partition("/")
    return Asset(base), Asset(rest.partition(":")[0])
