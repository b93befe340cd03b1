"""How the paper venue treats orders: what it charges, how slow it is, how much of the market one order may have."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.money import ZERO

HUNDRED = Decimal(100)


class PaperSettings(Struct, frozen=True, kw_only=True):
    """Fees, latency and share of the displayed size. Raises `ValueError` naming the field that is out of range."""

    maker_fee_pct: Decimal = Decimal("0.1")
    """Of the notional of what fills while resting, in percent: 0.1 is a tenth of a percent."""
    taker_fee_pct: Decimal = Decimal("0.1")
    """Of the notional of what fills on arrival, in percent."""
    latency: timedelta = timedelta(0)
    """From the arrival of an order or a cancellation until it takes effect."""
    fill_share_max_pct: Decimal = HUNDRED
    """The most of each displayed size that all orders together can have."""

    def __post_init__(self) -> None:
        for name in ("maker_fee_pct", "taker_fee_pct"):
            fee = getattr(self, name)
            if not fee.is_finite() or not ZERO <= fee < HUNDRED:
                raise ValueError(f"{name}: expected at least 0 and less than 100, got {fee}")
        share = self.fill_share_max_pct
        if not share.is_finite() or not ZERO < share <= HUNDRED:
            raise ValueError(f"fill_share_max_pct: expected more than 0 and at most 100, got {share}")
        if self.latency < timedelta(0):
            raise ValueError(f"latency: expected 0 or more, got {self.latency}")

    @property
    def maker_fee_rate(self) -> Decimal:
        """The maker fee as a factor of the notional."""
        return self.maker_fee_pct.scaleb(-2)

    @property
    def taker_fee_rate(self) -> Decimal:
        """The taker fee as a factor of the notional."""
        return self.taker_fee_pct.scaleb(-2)
