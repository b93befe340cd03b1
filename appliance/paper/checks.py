"""What is wrong with an order as it stands, whatever the market and the balances are."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from readytrader_sdk.instruments import Instrument, InstrumentStatus, MarketType
from readytrader_sdk.money import EXACT, is_multiple
from readytrader_sdk.orders import OrderRequest, OrderType, TimeInForce

from appliance.paper.ledger import is_amount
from appliance.paper.reasons import Reason
from appliance.paper.working import IMMEDIATE, LIMIT_TYPES, STOP_TYPES


def fault_of(request: OrderRequest, instrument: Instrument, now: datetime) -> Reason | None:
    """The first fault found, or None."""
    if instrument.status is not InstrumentStatus.TRADING:
        return Reason.INSTRUMENT_NOT_TRADING
    if request.market_type is not instrument.market_type or request.market_type is not MarketType.SPOT:
        return Reason.MARKET_TYPE
    return _quantity_fault(request, instrument) or _price_fault(request, instrument) or _time_fault(request, now)


def is_worth_too_little(request: OrderRequest, instrument: Instrument, best: Decimal | None) -> bool:
    """Whether price × quantity is below the minimum, at its limit or else at the best price on the other side."""
    price = best if request.limit_price is None else request.limit_price
    return price is not None and EXACT.multiply(request.quantity, price) < instrument.notional_min


def _quantity_fault(request: OrderRequest, instrument: Instrument) -> Reason | None:
    if not is_amount(request.quantity):
        return Reason.QUANTITY
    if request.quantity < instrument.quantity_min:
        return Reason.QUANTITY_MIN
    if not is_multiple(request.quantity, instrument.quantity_increment):
        return Reason.INCREMENT
    return None


def _price_fault(request: OrderRequest, instrument: Instrument) -> Reason | None:
    """Each type has exactly the prices it needs. `price_worst` is a bound, so it need not be on the increment."""
    if not is_amount(request.price_worst):
        return Reason.PRICE
    for price, types in ((request.limit_price, LIMIT_TYPES), (request.stop_price, STOP_TYPES)):
        if (price is not None) != (request.order_type in types):
            return Reason.PRICE
        if price is None:
            continue
        if not is_amount(price):
            return Reason.PRICE
        if not is_multiple(price, instrument.price_increment):
            return Reason.INCREMENT
    return None


def _time_fault(request: OrderRequest, now: datetime) -> Reason | None:
    """Only GTD takes `expires_at`, and it lies ahead; post-only is for limit orders that may rest."""
    if (request.time_in_force is TimeInForce.GTD) != (request.expires_at is not None):
        return Reason.TIME_IN_FORCE
    if request.expires_at is not None and request.expires_at <= now:
        return Reason.TIME_IN_FORCE
    if request.post_only and (request.order_type is not OrderType.LIMIT or request.time_in_force in IMMEDIATE):
        return Reason.TIME_IN_FORCE
    return None
