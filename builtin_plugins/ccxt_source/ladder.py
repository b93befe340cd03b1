"""A book kept from changes: the size at each price, and the best prices first."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal

from readytrader_sdk.market import Level
from readytrader_sdk.money import ONE


class Side:
    """One side. The best price stands last, because most changes are near it."""

    def __init__(self, *, is_bids: bool) -> None:
        self._sign = 1 if is_bids else -1
        self._sizes: dict[Decimal, Decimal] = {}
        self._keys: list[Decimal] = []
        """Prices, of asks with the sign turned: worst first."""

    def change(self, levels: Iterable[tuple[Decimal, Decimal]]) -> None:
        """Set each price's size; zero takes it away."""
        sizes, keys, sign = self._sizes, self._keys, self._sign
        for price, size in levels:
            if size:
                if price not in sizes:
                    insort(keys, price * sign)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del keys[bisect_left(keys, price * sign)]

    def keep(self, depth: int) -> None:
        """Forget all but so many of the best."""
        while len(self._keys) > depth:
            del self._sizes[self._keys.pop(0) * self._sign]

    def clear(self) -> None:
        """Forget everything."""
        self._sizes.clear()
        self._keys.clear()

    def top(self) -> tuple[Decimal, Decimal] | None:
        """The best price and its size; None when there is none."""
        if not self._keys:
            return None
        price = self._keys[-1] * self._sign
        return price, self._sizes[price]

    def best(self, depth: int, contract_size: Decimal = ONE) -> tuple[Level, ...]:
        """So many levels, best first, in base units."""
        prices = [key * self._sign for key in self._keys[: -depth - 1 : -1]]
        return tuple(Level(price, self._sizes[price] * contract_size) for price in prices)


class Ladder:
    """Both sides."""

    def __init__(self) -> None:
        self.bids = Side(is_bids=True)
        self.asks = Side(is_bids=False)

    def clear(self) -> None:
        """Forget everything."""
        self.bids.clear()
        self.asks.clear()
