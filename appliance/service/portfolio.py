"""What the account is worth: equity, and net asset value per unit, which deposits and withdrawals do not change."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from msgspec import Struct
from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ONE, ZERO

from appliance.domain.events import FundsMoved, NavMarked
from appliance.domain.snapshot import PerformanceFacts
from appliance.domain.state import State


class PriceSource(Protocol):
    """Where sane prices come from."""

    def price(self, asset: Asset, in_asset: Asset, now: datetime) -> Decimal | None:
        """Mid price from fresh admissible quotes, or None."""


class Equity(NamedTuple):
    """The account's worth in the accounting asset; None when something held has no sane price."""

    total: Decimal | None
    unpriced: tuple[Asset, ...]
    values: dict[Asset, Decimal]
    """What each asset that could be priced is worth."""


class Valued(Struct, frozen=True, kw_only=True):
    """One asset with its worth."""

    asset: Asset
    total: Decimal
    price: Decimal | None
    value: Decimal | None


class Portfolio:
    """Values one portfolio with the market-data bus: the paper wallet, or all live accounts together.

    Of live accounts only the assets that `tracks` names are counted: what nobody here can trade or price is left alone.
    """

    def __init__(
        self, state: State, prices: PriceSource, name: str, accounting_asset: Asset, tracks: frozenset[Asset] | None
    ) -> None:
        self._state = state
        self._prices = prices
        self.name = name
        self.accounting_asset = accounting_asset
        self.tracks = tracks
        """None where everything held is counted."""

    def price(self, asset: Asset, now: datetime) -> Decimal | None:
        """Price of one unit in the accounting asset."""
        if asset == self.accounting_asset:
            return ONE
        return self._prices.price(asset, self.accounting_asset, now)

    def holdings(self, now: datetime) -> tuple[Valued, ...]:
        """Everything held, with its worth where a price is known."""
        rows = []
        for asset, total in sorted(self._totals().items()):
            price = self.price(asset, now)
            value = None if price is None else total * price
            rows.append(Valued(asset=asset, total=total, price=price, value=value))
        return tuple(rows)

    def equity(self, now: datetime) -> Equity:
        """The sum of all that is held; never a partial sum."""
        values: dict[Asset, Decimal] = {}
        unpriced = []
        for asset, held in self._totals().items():
            price = self.price(asset, now)
            if price is None:
                unpriced.append(asset)
            else:
                values[asset] = held * price
        return Equity(None if unpriced else sum(values.values(), ZERO), tuple(sorted(unpriced)), values)

    def nav(self, equity: Decimal | None) -> Decimal | None:
        """Net asset value per unit; None while equity is unknown or nothing was ever put in."""
        units = self._state.portfolio(self.name).units
        return None if equity is None or not units else equity / units

    def performance(self, equity: Decimal | None, now: datetime) -> PerformanceFacts:
        """The reference points of the loss limits as of now. A day without a mark yet opens at the present value."""
        marks, nav = self._state.portfolio(self.name), self.nav(equity)
        day_open = marks.nav_day_open if marks.day == now.date() else nav
        peak = marks.nav_peak if nav is None or marks.nav_peak is None else max(marks.nav_peak, nav)
        return PerformanceFacts(nav=nav, nav_day_open=day_open, nav_peak=peak)

    def mark(self, now: datetime) -> NavMarked | None:
        """The event that a new day or a new peak calls for, or None."""
        marks, nav = self._state.portfolio(self.name), self.nav(self.equity(now).total)
        if nav is None or marks.nav_peak is None or marks.nav_day_open is None:
            return None
        if marks.day == now.date() and nav <= marks.nav_peak:
            return None
        return NavMarked(
            account=self.name,
            day=now.date(),
            nav_day_open=marks.nav_day_open if marks.day == now.date() else nav,
            nav_peak=max(marks.nav_peak, nav),
        )

    def total(self, asset: Asset) -> Decimal:
        """Held of an asset in all accounts of the portfolio."""
        return self._totals().get(asset, ZERO)

    def _totals(self) -> dict[Asset, Decimal]:
        totals: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
        for _, asset, total in self._state.held_in(self.name):
            if self.tracks is None or asset in self.tracks:
                totals[asset] += total
        return {asset: total for asset, total in totals.items() if total}

    def move(
        self, account: str, asset: Asset, amount: Decimal, by: str, reason: str, now: datetime
    ) -> FundsMoved | None:
        """The event of money going in (or out, negative) at today's value per unit; None without a sane price."""
        price, equity = self.price(asset, now), self.equity(now).total
        nav = self.nav(equity)
        if price is None or equity is None:
            return None
        return FundsMoved(
            account=account,
            asset=asset,
            amount=amount,
            value=amount * price,
            nav=ONE if nav is None or nav <= 0 else nav,
            by=by,
            reason=reason,
        )
