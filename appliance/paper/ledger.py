"""An exact double-entry ledger: what one account gains another loses, and nothing is ever rounded.

Every posting moves one asset between two accounts, so the sum over all accounts is exactly 0 per asset, to the last
digit, always. Sums run in `money.EXACT`: a digit that would be lost raises `decimal.Inexact` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import EXACT, FRACTION_DIGITS_MAX, INTEGER_DIGITS_MAX, ZERO, InvalidAmount
from readytrader_sdk.orders import Balance

_SMALLEST = Decimal(1).scaleb(-FRACTION_DIGITS_MAX)
_TOO_LARGE = Decimal(1).scaleb(INTEGER_DIGITS_MAX)


class Account(StrEnum):
    """The four parties of paper trading."""

    OWNER = "owner"
    """The wallet; the only account that may not go below zero."""
    MARKET = "market"
    """The counterparty of every fill."""
    FEES = "fees"
    OUTSIDE = "outside"
    """Where deposits come from and withdrawals go to."""


class Posting(NamedTuple):
    """`amount` of `asset` moves from `source` to `target`."""

    asset: Asset
    source: Account
    target: Account
    amount: Decimal


class Overdraft(ValueError):
    """More was asked for than is free. Nothing was booked."""

    def __init__(self, asset: Asset, wanted: Decimal, free: Decimal) -> None:
        super().__init__(f"{asset}: {wanted} wanted, {free} free")
        self.asset = asset
        self.wanted = wanted
        self.free = free


def is_amount(value: Decimal) -> bool:
    """Whether `value` is greater than zero with at most 18 digits on either side of the point; NaN is not."""
    return value.is_finite() and ZERO < value < _TOO_LARGE and not value % _SMALLEST


def require_amount(value: Decimal, name: str) -> None:
    """Refuse with `InvalidAmount` what `is_amount` says no to."""
    if not is_amount(value):
        raise InvalidAmount(
            f"{name}: expected more than 0 and at most 18 digits on each side of the point, got {value}"
        )


class Ledger:
    """Balances of the four accounts, and what of the owner's is locked for open orders."""

    def __init__(self) -> None:
        self._balances: dict[Account, dict[Asset, Decimal]] = {account: {} for account in Account}
        self._locked: dict[Asset, Decimal] = {}

    def post(self, *postings: Posting) -> None:
        """Book all postings or none. Raises `InvalidAmount`, and `Overdraft` where too little is free."""
        after: dict[tuple[Account, Asset], Decimal] = {}
        for asset, source, target, amount in postings:
            if not amount.is_finite() or amount <= ZERO:
                raise InvalidAmount(f"posting of {asset}: expected a finite amount greater than 0, got {amount}")
            self._carry(after, source, asset, amount.copy_negate())
            self._carry(after, target, asset, amount)
        for (account, asset), balance in after.items():
            locked = self._locked.get(asset, ZERO)
            if account is Account.OWNER and balance < locked:
                before = self.total(asset)
                raise Overdraft(asset, EXACT.subtract(before, balance), EXACT.subtract(before, locked))
        for (account, asset), balance in after.items():
            self._balances[account][asset] = balance

    def _carry(
        self, after: dict[tuple[Account, Asset], Decimal], account: Account, asset: Asset, change: Decimal
    ) -> None:
        key = (account, asset)
        before = after[key] if key in after else self._balances[account].get(asset, ZERO)
        after[key] = EXACT.add(before, change)

    def deposit(self, asset: Asset, amount: Decimal) -> None:
        """Bring `amount` in from outside. Raises `InvalidAmount`."""
        require_amount(amount, f"deposit of {asset}")
        self.post(Posting(asset, Account.OUTSIDE, Account.OWNER, amount))

    def withdraw(self, asset: Asset, amount: Decimal) -> None:
        """Send `amount` outside. Raises `InvalidAmount`, `Overdraft`."""
        require_amount(amount, f"withdrawal of {asset}")
        self.post(Posting(asset, Account.OWNER, Account.OUTSIDE, amount))

    def lock(self, asset: Asset, amount: Decimal) -> None:
        """Set `amount` of what is free aside. Raises `InvalidAmount`, `Overdraft`."""
        if not amount.is_finite() or amount <= ZERO:
            raise InvalidAmount(f"lock of {asset}: expected a finite amount greater than 0, got {amount}")
        free = self.free(asset)
        if amount > free:
            raise Overdraft(asset, amount, free)
        self._locked[asset] = EXACT.add(self.locked(asset), amount)

    def unlock(self, asset: Asset, amount: Decimal) -> None:
        """Make `amount` of what is locked free again. Raises `InvalidAmount` for more than is locked."""
        locked = self.locked(asset)
        if not amount.is_finite() or not ZERO <= amount <= locked:
            raise InvalidAmount(f"unlock of {asset}: expected 0 to {locked}, got {amount}")
        self._locked[asset] = EXACT.subtract(locked, amount)

    def total(self, asset: Asset) -> Decimal:
        """What the owner has, locked parts included."""
        return self._balances[Account.OWNER].get(asset, ZERO)

    def locked(self, asset: Asset) -> Decimal:
        """What of it is set aside for open orders."""
        return self._locked.get(asset, ZERO)

    def free(self, asset: Asset) -> Decimal:
        """What of it is not."""
        return EXACT.subtract(self.total(asset), self.locked(asset))

    def accounts(self, asset: Asset) -> Mapping[Account, Decimal]:
        """The balance of every account in one asset; they sum to 0."""
        return {account: balances.get(asset, ZERO) for account, balances in self._balances.items()}

    def assets(self) -> Iterator[Asset]:
        """Every asset that was ever booked, in alphabetical order."""
        return iter(sorted({asset for balances in self._balances.values() for asset in balances}))

    def balances(self) -> tuple[Balance, ...]:
        """The owner's non-zero balances, in alphabetical order."""
        return tuple(
            Balance(asset=asset, total=self.total(asset), free=self.free(asset))
            for asset in self.assets()
            if self.total(asset)
        )
