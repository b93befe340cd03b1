"""Fees: a percentage of the notional, rounded up to 18 decimals over the whole order, never over each of its fills.

The exact fees of an order's fills are added up; what has been charged is always that sum rounded up. So an order in a
thousand parts pays what it would have paid in one, and never more than was locked for it.
"""

from __future__ import annotations

import decimal
from decimal import ROUND_UP, Decimal

from readytrader_sdk.money import EXACT, FRACTION_DIGITS_MAX, ZERO

FEE_UNIT = Decimal(1).scaleb(-FRACTION_DIGITS_MAX)

# A notional has at most 72 digits and a rate 20 more; sums of such products stay exact well below 160.
_EXACT_FEE = decimal.Context(prec=160, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
_ROUNDING = decimal.Context(prec=160, rounding=ROUND_UP, traps=[decimal.InvalidOperation])


def round_fee_up(fee: Decimal) -> Decimal:
    """The smallest multiple of 10^-18 that is not below `fee`."""
    rounded = fee.quantize(FEE_UNIT, rounding=ROUND_UP, context=_ROUNDING)
    return fee if fee == rounded else rounded


class FeeMeter:
    """The fees of one order, in quote units."""

    __slots__ = ("_accrued", "_charged")

    def __init__(self) -> None:
        self._accrued = ZERO
        """Exact sum of rate × notional."""
        self._charged = ZERO

    def charge(self, notional: Decimal, rate: Decimal) -> Decimal:
        """What one fill pays: the rounded sum less what was charged before; never more than its notional."""
        self._accrued = _EXACT_FEE.fma(notional, rate, self._accrued)
        fee = min(EXACT.subtract(round_fee_up(self._accrued), self._charged), notional)
        self._charged = EXACT.add(self._charged, fee)
        return fee

    def still_due(self, notional: Decimal, rate: Decimal) -> Decimal:
        """The most that fills of `notional` in all can still be charged at `rate`."""
        accrued = _EXACT_FEE.fma(notional, rate, self._accrued)
        return EXACT.subtract(round_fee_up(accrued), self._charged)
