"""One side of what a source displays, and what of it our orders have already taken.

Liquidity taken at a price stays taken until the source shows another size at that price, or shows that the price is
gone. A repeated quote therefore brings nothing back. A level without a size never runs out.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from readytrader_sdk.money import EXACT, ZERO
from readytrader_sdk.orders import Side

Shown = tuple[Decimal, Decimal | None]
"""A price, and the size there in base units; None where the source does not say how much."""
Taken = tuple[Decimal, Decimal]
"""A price, and the quantity taken there."""


class DisplayedSide:
    """The bids or the asks of one instrument, best first. `taker` is the side of the orders that take from it."""

    __slots__ = ("_increment", "_levels", "_share", "_taken", "_taker_buys", "best")

    def __init__(self, *, taker: Side, quantity_increment: Decimal, share: Decimal) -> None:
        self._taker_buys = taker is Side.BUY
        self._increment = quantity_increment
        self._share = share
        self._levels: Sequence[Shown] = ()
        self._taken: dict[Decimal, tuple[Decimal, Decimal]] = {}
        """By price: the size displayed when it was taken from, and what was taken."""
        self.best: Decimal | None = None
        """The best price; None while nothing is displayed."""

    def show(self, levels: Sequence[Shown]) -> None:
        """Replace what is displayed. `levels` run from the best price to the worst; empty when the side is empty."""
        self._levels = levels
        self.best = levels[0][0] if levels else None
        if self._taken:
            self._forget_what_changed()

    def _forget_what_changed(self) -> None:
        shown = dict(self._levels)
        deepest = self._levels[-1][0] if self._levels else None
        self._taken = {
            price: (size, taken)
            for price, (size, taken) in self._taken.items()
            if (shown[price] == size if price in shown else deepest is not None and not self.reaches(price, deepest))
        }

    def reaches(self, price: Decimal, bound: Decimal) -> bool:
        """Whether `price` is as good as `bound` or better for an order that takes from this side."""
        return price <= bound if self._taker_buys else price >= bound

    def is_reached_by(self, bound: Decimal) -> bool:
        """Whether an order that may go as far as `bound` meets the best price."""
        return self.best is not None and self.reaches(self.best, bound)

    def goes_beyond(self, bound: Decimal) -> bool:
        """Whether anything is displayed at a price worse than `bound`."""
        return bool(self._levels) and not self.reaches(self._levels[-1][0], bound)

    def find(self, quantity: Decimal, bound: Decimal) -> list[Taken]:
        """What an order of `quantity` would get at `bound` or better, best price first. Nothing is taken."""
        found: list[Taken] = []
        wanted = quantity
        for price, size in self._levels:
            if not wanted or not self.reaches(price, bound):
                break
            portion = wanted if size is None else min(wanted, self._left(price, size))
            if portion > ZERO:
                found.append((price, portion))
                wanted = EXACT.subtract(wanted, portion)
        return found

    def take(self, found: Sequence[Taken]) -> None:
        """Remember that what `find` returned is gone."""
        sizes = dict(self._levels)
        for price, quantity in found:
            size = sizes[price]
            if size is not None:
                _, before = self._taken.get(price, (size, ZERO))
                self._taken[price] = (size, EXACT.add(before, quantity))

    def _left(self, price: Decimal, size: Decimal) -> Decimal:
        """Our share of the size, in whole increments, less what was taken."""
        share = size * self._share
        _, taken = self._taken.get(price, (size, ZERO))
        return EXACT.subtract(share - share % self._increment, taken)
