"""Lots of one asset, and which of them a disposal takes: first in, last in, highest cost first, or the average.

Arithmetic is exact, with one rule where a division has no end: a part of a lot (or of the average pool) takes its share
of the cost, rounded half to even at 18 decimals, and what is left keeps the rest. So no cost is ever lost or
made: what was paid is what was taken and what is left, to the last digit, by every method.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from enum import StrEnum
from fractions import Fraction

from msgspec import Struct
from readytrader_sdk.money import FRACTION_DIGITS_MAX, ZERO

LEDGER = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Sums and products of a report: an operation that would lose a digit raises instead."""


class Method(StrEnum):
    """Which lots a disposal takes."""

    FIFO = "fifo"
    """The oldest first."""
    LIFO = "lifo"
    """The newest first."""
    HIFO = "hifo"
    """Those that cost most per unit when they were acquired first; of equal ones the oldest."""
    AVERAGE = "average"
    """A part of everything held, at its average cost."""


class Lot(Struct, frozen=True, kw_only=True):
    """So much of an asset, and what all of it cost in the report's currency; None where nobody recorded a value."""

    entry: int | None
    """The journal's entry that brought it; None for a part of the average pool."""
    acquired_at: str | None
    quantity: Decimal
    cost: Decimal | None


class Taken(Struct, frozen=True, kw_only=True):
    """What a disposal took."""

    lots: tuple[Lot, ...]
    short: Decimal
    """How much more was disposed of than was ever acquired here."""

    @property
    def cost(self) -> Decimal | None:
        """What it had cost; None where any part of that is not known."""
        return None if self.short else total(lot.cost for lot in self.lots)


class Pool:
    """The lots of one asset. `take` never takes more than there is."""

    def put(self, lot: Lot) -> None:
        """Add what was acquired."""
        raise NotImplementedError

    def take(self, quantity: Decimal) -> Taken:
        """Take what is disposed of."""
        raise NotImplementedError

    def held(self) -> tuple[Decimal, Decimal | None]:
        """What is left, and what it cost; None where that is not known."""
        raise NotImplementedError


def new_pool(method: Method) -> Pool:
    """An empty pool that a disposal takes from by this method."""
    return _Average() if method is Method.AVERAGE else _Lots(method)


class _Lots(Pool):
    """Lots in the order in which they go; the order of a lot is settled when it is acquired."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self._heap: list[tuple[Fraction, int, Lot]] = []
        self._count = 0

    def put(self, lot: Lot) -> None:
        self._count += 1
        heapq.heappush(self._heap, (self._rank(lot), self._count, lot))

    def take(self, quantity: Decimal) -> Taken:
        lots: list[Lot] = []
        left = quantity
        while left > 0 and self._heap:
            rank, number, lot = self._heap[0]
            if lot.quantity <= left:
                heapq.heappop(self._heap)
                lots.append(lot)
                left = LEDGER.subtract(left, lot.quantity)
                continue
            part, rest = _split(lot, left)
            heapq.heapreplace(self._heap, (rank, number, rest))
            lots.append(part)
            left = ZERO
        return Taken(lots=tuple(lots), short=max(left, ZERO))

    def held(self) -> tuple[Decimal, Decimal | None]:
        lots = [lot for _, _, lot in self._heap]
        return total(lot.quantity for lot in lots) or ZERO, total(lot.cost for lot in lots)

    def _rank(self, lot: Lot) -> Fraction:
        match self._method:
            case Method.LIFO:
                return Fraction(-self._count)
            case Method.HIFO:
                # What cost nobody knows goes last: below every cost there is, rebates included.
                return Fraction(10**60) if lot.cost is None else -Fraction(lot.cost) / Fraction(lot.quantity)
            case _:
                return Fraction(self._count)


class _Average(Pool):
    """One pool. What cost nobody knows makes the whole of it unknown until all is gone."""

    def __init__(self) -> None:
        self._all = Lot(entry=None, acquired_at=None, quantity=ZERO, cost=ZERO)

    def put(self, lot: Lot) -> None:
        before = self._all
        self._all = Lot(
            entry=None,
            acquired_at=None,
            quantity=LEDGER.add(before.quantity, lot.quantity),
            cost=total((before.cost, lot.cost)),
        )

    def take(self, quantity: Decimal) -> Taken:
        taken = min(quantity, self._all.quantity)
        short = LEDGER.subtract(quantity, taken)
        if taken <= 0:
            return Taken(lots=(), short=short)
        part, self._all = _split(self._all, taken)
        return Taken(lots=(part,), short=short)

    def held(self) -> tuple[Decimal, Decimal | None]:
        return self._all.quantity, self._all.cost


def _split(lot: Lot, quantity: Decimal) -> tuple[Lot, Lot]:
    """A part of a lot, and what is left of it."""
    rest_quantity = LEDGER.subtract(lot.quantity, quantity)
    share = rest = None
    if lot.cost is not None:
        share = share_of(lot.cost, quantity, lot.quantity)
        rest = LEDGER.subtract(lot.cost, share)
    elif not rest_quantity:
        rest = ZERO  # nothing is left, and nothing costs nothing
    part = Lot(entry=lot.entry, acquired_at=lot.acquired_at, quantity=quantity, cost=share)
    return part, Lot(entry=lot.entry, acquired_at=lot.acquired_at, quantity=rest_quantity, cost=rest)


def share_of(cost: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`cost` × `part` / `whole`, rounded half to even at 18 decimals; all of it where the part is the whole."""
    if part == whole:
        return cost
    return rounded(Fraction(cost) * Fraction(part) / Fraction(whole))


def rounded(value: Fraction) -> Decimal:
    """Half to even at 18 decimals, from the exact value and once."""
    return LEDGER.scaleb(Decimal(round(value * 10**FRACTION_DIGITS_MAX)), -FRACTION_DIGITS_MAX)


def total(values: Iterable[Decimal | None]) -> Decimal | None:
    """The exact sum; None where any of them is not known."""
    result = ZERO
    for value in values:
        if value is None:
            return None
        result = LEDGER.add(result, value)
    return result
