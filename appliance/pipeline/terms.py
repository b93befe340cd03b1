"""The worst that a request can do, computed from the facts before any rule looks at it."""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.instruments import Asset, Instrument
from readytrader_sdk.money import ONE, ZERO, round_down, round_up
from readytrader_sdk.orders import OrderType, Side

from appliance.domain.decision import Amount, Terms
from appliance.domain.intents import Intent, OrderIntent, SwapIntent, TransferIntent
from appliance.domain.limits import Limits
from appliance.domain.snapshot import MarketFacts, Snapshot

PERCENT = Decimal("0.01")
_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


class Sizing:
    """How a request's worst case grows with its quantity: linearly, so every limit has a largest size.

    `price_worst` is the price bound that goes with the order; `value_per_unit` is the accounting value of one unit of
    quantity at the price that is worst for a limit; `pay_per_unit` is what one unit can take, fees included.
    """

    __slots__ = ("pay_asset", "pay_per_unit", "price_worst", "quantity", "receive_asset", "side", "value_per_unit")

    def __init__(
        self,
        *,
        side: Side | None,
        quantity: Decimal,
        price_worst: Decimal,
        value_per_unit: Decimal,
        pay_asset: Asset,
        pay_per_unit: Decimal,
        receive_asset: Asset | None,
    ) -> None:
        self.side = side
        self.quantity = quantity
        self.price_worst = price_worst
        self.value_per_unit = value_per_unit
        self.pay_asset = pay_asset
        self.pay_per_unit = pay_per_unit
        self.receive_asset = receive_asset

    def terms(self, limits: Limits) -> Terms:
        """The worst case at the requested quantity."""
        received = None
        if self.receive_asset is not None:
            per_unit = ONE if self.side is Side.BUY else self.price_worst
            received = Amount(value=self.quantity * per_unit, asset=self.receive_asset)
        return Terms(
            price_worst=self.price_worst,
            notional=self.quantity * self.value_per_unit,
            pay=Amount(value=self.quantity * self.pay_per_unit, asset=self.pay_asset),
            receive=received,
            reduces=self.reduces(limits),
        )

    def reduces(self, limits: Limits) -> bool:
        """An exit gives up something that is not cash and brings in cash."""
        return (
            self.receive_asset is not None
            and self.receive_asset in limits.cash_assets
            and self.pay_asset not in limits.cash_assets
        )


def sizing(intent: Intent, snapshot: Snapshot, limits: Limits) -> Sizing | None:
    """The worst case as a function of quantity, or None when a fact that it needs is missing."""
    if isinstance(intent, TransferIntent):
        return _transfer_sizing(intent, snapshot)
    instrument, market = snapshot.instrument, snapshot.market
    if instrument is None or market is None:
        return None
    quote_price = snapshot.account.accounting_price.get(instrument.quote)
    if quote_price is None or quote_price <= 0:
        return None
    collar = (limits.slippage_max_pct if isinstance(intent, SwapIntent) else limits.collar_hard_pct) * PERCENT
    side = trade_side(intent, instrument)
    price_worst = _price_worst(intent, side, instrument, market, collar, snapshot)
    fee_rate = limits.fee_max_pct * PERCENT
    if side is Side.BUY:
        pay_asset, pay_per_unit, receive_asset = instrument.quote, price_worst * (ONE + fee_rate), instrument.base
        price_value = price_worst
    else:
        pay_asset, pay_per_unit, receive_asset = instrument.base, ONE, instrument.quote
        price_value = max(market.bid, price_worst)
    quantity = _quantity(intent, side, instrument, pay_per_unit)
    return Sizing(
        side=side,
        quantity=quantity,
        price_worst=price_worst,
        value_per_unit=price_value * quote_price,
        pay_asset=pay_asset,
        pay_per_unit=pay_per_unit,
        receive_asset=receive_asset,
    )


def fee_worst(terms: Terms, limits: Limits) -> Amount:
    """The most that the venue's fee is worth, in the accounting asset; what pays it is in `terms.pay` already."""
    return Amount(value=terms.notional * limits.fee_max_pct * PERCENT, asset=limits.accounting_asset)


def trade_side(intent: OrderIntent | SwapIntent, instrument: Instrument) -> Side:
    """The side of the instrument that the intent means; a swap sells what it gives when that is the base."""
    if isinstance(intent, OrderIntent):
        return intent.side
    return Side.SELL if intent.from_asset == instrument.base else Side.BUY


def price_least(intent: OrderIntent | SwapIntent, market: MarketFacts) -> Decimal:
    """The price at which a venue that asks for a least notional is sure to find it met."""
    limit_price = intent.limit_price if isinstance(intent, OrderIntent) else None
    return market.bid if limit_price is None else limit_price


def _quantity(intent: OrderIntent | SwapIntent, side: Side, instrument: Instrument, pay_per_unit: Decimal) -> Decimal:
    """Base units. A swap that buys spends at most its amount even at the worst price, so it asks for a little less."""
    if isinstance(intent, OrderIntent):
        return intent.quantity
    if side is Side.SELL:
        return intent.amount
    return round_down(intent.amount / pay_per_unit, instrument.quantity_increment)


def _price_worst(
    intent: OrderIntent | SwapIntent,
    side: Side,
    instrument: Instrument,
    market: MarketFacts,
    collar: Decimal,
    snapshot: Snapshot,
) -> Decimal:
    """The limit price, or for a market order the collar's edge; never beyond what a person approved."""
    if isinstance(intent, OrderIntent) and intent.order_type in _LIMITED and intent.limit_price is not None:
        return intent.limit_price
    stop = intent.stop_price if isinstance(intent, OrderIntent) else None
    increment = instrument.price_increment
    approved = snapshot.approval.price_worst if snapshot.approval else None
    if side is Side.BUY:
        touch = max(market.ask, stop or ZERO)
        edge = round_down(touch * (ONE + collar), increment)
        return edge if approved is None else min(edge, approved)
    touch = min(market.bid, stop) if stop is not None else market.bid
    edge = max(round_up(touch * (ONE - collar), increment), increment)
    return edge if approved is None else max(edge, approved)


def _transfer_sizing(intent: TransferIntent, snapshot: Snapshot) -> Sizing | None:
    price = snapshot.account.accounting_price.get(intent.asset)
    if price is None or price <= 0:
        return None
    return Sizing(
        side=None,
        quantity=intent.amount,
        price_worst=price,
        value_per_unit=price,
        pay_asset=intent.asset,
        pay_per_unit=ONE,
        receive_asset=None,
    )
