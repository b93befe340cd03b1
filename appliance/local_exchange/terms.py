"""From the exchange's terms to the matching engine's and back: what an order may cost, what a fill makes of it."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from readytrader_sdk.instruments import VenueId
from readytrader_sdk.money import EXACT, ZERO
from readytrader_sdk.orders import ClientOrderId, Fill, Liquidity, OrderRequest, OrderState, Side

from appliance.local_exchange.display import Display
from appliance.local_exchange.values import Request, VenueFill, VenueOrder
from appliance.paper.fees import round_fee_up

VENUE = VenueId("local")
STOP_SLIPPAGE = Decimal("1.1")
"""How far above its stop price a buy stop order may fill, as a factor; that much is locked for it."""


def engine_request(request: Request, engine_id: str, quantity: Decimal, display: Display) -> OrderRequest:
    """The order as the engine takes it, with a bound where the client gave none."""
    return OrderRequest(
        client_order_id=ClientOrderId(engine_id),
        venue=VENUE,
        symbol=request.symbol,
        side=request.side,
        quantity=quantity,
        order_type=request.order_type,
        price_worst=_bound(request, quantity, display),
        limit_price=request.limit_price,
        stop_price=request.stop_price,
        time_in_force=request.time_in_force,
        expires_at=request.expires_at,
        post_only=request.post_only,
    )


def amended_request(
    request: Request,
    quantity: Decimal | None,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
    client_order_id: str | None,
) -> Request:
    """The request with what is given in place of what was."""
    return msgspec.structs.replace(
        request,
        quantity=request.quantity if quantity is None else quantity,
        limit_price=request.limit_price if limit_price is None else limit_price,
        stop_price=request.stop_price if stop_price is None else stop_price,
        client_order_id=client_order_id or request.client_order_id,
    )


def next_engine_id(engine_id: str) -> str:
    """The name in the engine of an order after one more amendment: 17, 17.1, 17.2."""
    number, _, revision = engine_id.partition(".")
    return f"{number}.{int(revision or 0) + 1}"


def _bound(request: Request, quantity: Decimal, display: Display) -> Decimal:
    """What the engine locks for a buy at market: no more than what it comes to, or the balance would not do."""
    if request.limit_price is not None:
        return request.limit_price
    lowest = display.instrument.price_increment
    if request.side is Side.SELL:
        return lowest
    if request.stop_price is not None:
        return request.stop_price * STOP_SLIPPAGE
    # Twice the quantity: some of what is displayed may have been taken by orders before.
    return display.reach(Side.BUY, 2 * quantity) or lowest


def venue_fill(order: VenueOrder, fill: Fill, display: Display, trade_id: int, at_ms: int) -> VenueFill:
    """A fill of the engine's as the venue tells it."""
    return VenueFill(
        trade_id=trade_id,
        order_id=order.order_id,
        symbol=order.request.symbol,
        side=order.request.side,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_asset=display.instrument.quote,
        is_maker=fill.liquidity is Liquidity.MAKER,
        at_ms=at_ms,
    )


def raced_quantity(order: VenueOrder, display: Display) -> Decimal:
    """How much of an order can fill while it is cancelled: half of what rests, in whole increments; 0 for none."""
    if order.request.limit_price is None or not order.is_working:
        return ZERO
    half = order.remaining / 2
    return half - half % display.instrument.quantity_increment


def raced_fill(
    order: VenueOrder, quantity: Decimal, fee_rate: Decimal, display: Display, trade_id: int, at_ms: int
) -> VenueFill:
    """A fill of a resting order at its limit that the engine knows nothing of."""
    price = order.request.limit_price
    if price is None:
        raise AssertionError(f"order {order.order_id} rests without a limit price")
    return VenueFill(
        trade_id=trade_id,
        order_id=order.order_id,
        symbol=order.request.symbol,
        side=order.request.side,
        price=price,
        quantity=quantity,
        fee=round_fee_up(EXACT.multiply(EXACT.multiply(price, quantity), fee_rate)),
        fee_asset=display.instrument.quote,
        is_maker=True,
        at_ms=at_ms,
    )


def with_fill(order: VenueOrder, fill: VenueFill) -> VenueOrder:
    """The order after one more fill; an order that has ended stays ended."""
    filled = EXACT.add(order.filled, fill.quantity)
    state = order.state
    if order.is_open:
        state = OrderState.FILLED if filled == order.request.quantity else OrderState.PARTLY_FILLED
    return msgspec.structs.replace(
        order,
        state=state,
        updated_ms=fill.at_ms,
        filled=filled,
        quote_filled=EXACT.add(order.quote_filled, fill.notional),
        fills=(*order.fills, fill),
        is_working=True,
    )
