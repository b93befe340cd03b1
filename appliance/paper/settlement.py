"""What an order costs: locking its worst case, booking its fills, setting free what is no longer needed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from readytrader_sdk.money import EXACT, ZERO, text_from_decimal
from readytrader_sdk.orders import Fill, Liquidity, Side

from appliance.paper.ledger import Account, Ledger, Posting
from appliance.paper.settings import PaperSettings
from appliance.paper.working import WorkingOrder


class Settlement:
    """Books orders in a ledger. A buy locks quote units for its notional at its bound and for fees, a sell its base."""

    def __init__(self, ledger: Ledger, settings: PaperSettings) -> None:
        self._ledger = ledger
        self._fee_rate = {Liquidity.MAKER: settings.maker_fee_rate, Liquidity.TAKER: settings.taker_fee_rate}
        self._fee_rate_max = max(self._fee_rate.values())

    def covers(self, order: WorkingOrder) -> bool:
        """Whether what is free, with what the replaced order sets free, is enough for the order's worst case."""
        asset, replaced = order.lock_asset, order.replaces
        freed = replaced.locked if replaced is not None and replaced.lock_asset == asset else ZERO
        return order.lock_needed(self._fee_rate_max) <= EXACT.add(self._ledger.free(asset), freed)

    def lock(self, order: WorkingOrder) -> None:
        """Set the order's worst case aside. Raises `Overdraft`."""
        order.locked = order.lock_needed(self._fee_rate_max)
        self._ledger.lock(order.lock_asset, order.locked)

    def release(self, order: WorkingOrder) -> None:
        """Set free all that is still locked for it."""
        self._lock_less(order, ZERO)

    def book(
        self, order: WorkingOrder, price: Decimal, quantity: Decimal, liquidity: Liquidity, filled_at: datetime
    ) -> None:
        """Book one fill. The buyer pays notional and fee; the seller receives the notional and pays the fee from it."""
        base, quote = order.instrument.base, order.instrument.quote
        notional = EXACT.multiply(price, quantity)
        fee = order.fees.charge(notional, self._fee_rate[liquidity])
        order.filled = EXACT.add(order.filled, quantity)
        self._lock_less(order, order.lock_needed(self._fee_rate_max))
        seller, buyer = Account.OWNER, Account.MARKET
        if order.request.side is Side.BUY:
            seller, buyer = buyer, seller
        postings = [Posting(base, seller, buyer, quantity), Posting(quote, buyer, seller, notional)]
        if fee:
            postings.append(Posting(quote, Account.OWNER, Account.FEES, fee))
        self._ledger.post(*postings)
        order.fills.append(
            Fill(
                # The quantity filled so far only grows, so this stays unique for an order taken up after a restart.
                fill_id=f"{order.request.client_order_id}:{text_from_decimal(order.filled)}",
                price=price,
                quantity=quantity,
                fee=fee,
                fee_asset=quote,
                liquidity=liquidity,
                filled_at=filled_at,
            )
        )

    def _lock_less(self, order: WorkingOrder, still_needed: Decimal) -> None:
        self._ledger.unlock(order.lock_asset, EXACT.subtract(order.locked, still_needed))
        order.locked = still_needed
