"""Paper money: put in by an agent or an operator, valued at the moment it comes, so that it never looks like profit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from readytrader_sdk.instruments import Asset, Instrument

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.domain.orders import PAPER_ACCOUNT
from appliance.domain.snapshot import Mode
from appliance.domain.state import State
from appliance.paper.ledger import is_amount
from appliance.service.agents import Principal
from appliance.service.outcomes import Refused, refuse
from appliance.service.portfolio import Portfolio
from appliance.service.recorder import Clock, Recorder
from appliance.store.journal import JournalUnavailable

DEPOSIT_MAX = Decimal(1_000_000_000)
"""Units of any one asset that a paper account may hold: play money still has to fit the arithmetic."""


class PaperWallet(Protocol):
    """The side of the paper venue that takes deposits."""

    def deposit(self, asset: Asset, amount: Decimal) -> object:
        """Add paper money."""


class Funds:
    """Deposits into the paper account."""

    def __init__(
        self, state: State, recorder: Recorder, portfolio: Portfolio, wallet: PaperWallet, mode: Mode, clock: Clock
    ) -> None:
        self._state = state
        self._recorder = recorder
        self._portfolio = portfolio
        self._wallet = wallet
        self._mode = mode
        self._clock = clock

    async def deposit(self, principal: Principal, asset: Asset, amount: Decimal) -> Decimal | Refused:
        """Add paper money and return the new total of the asset, in its own units.

        Refused in live mode, without the paper scope, for an asset that no instrument names, and for one that has no
        sane price now: money of unknown value would make every later loss figure a guess.
        """
        refusal = self._refusal(principal, asset, amount)
        if refusal is not None:
            return refusal
        moved = self._portfolio.move(PAPER_ACCOUNT, asset, amount, principal.agent_id, "paper deposit", self._clock())
        if moved is None:
            return refuse(Code.QUOTE_MISSING, f"no sane price for {asset} or for what is held; feed the market first")
        try:
            durable = self._recorder.record(moved)
            self._wallet.deposit(asset, amount)
            await durable
        except JournalUnavailable as fault:
            return refuse(Code.JOURNAL_UNAVAILABLE, str(fault))
        return self._state.holding(PAPER_ACCOUNT, asset)

    def _refusal(self, principal: Principal, asset: Asset, amount: Decimal) -> Refused | None:
        if self._mode is not Mode.PAPER or AgentScope.PAPER not in principal.scopes:
            return refuse(Code.SCOPE_MISSING, "paper money needs paper mode and the scope paper")
        if asset not in assets_of(self._state.instruments.values()) | {self._portfolio.accounting_asset}:
            return refuse(Code.TOKEN_NOT_ALLOWED, f"no instrument trades {asset}", observed=asset)
        held = self._state.holding(PAPER_ACCOUNT, asset)
        if not is_amount(amount) or held + amount > DEPOSIT_MAX:
            return refuse(
                Code.INVALID_ARGUMENT,
                f"a deposit must be above 0, have at most 18 decimals and leave at most {DEPOSIT_MAX} {asset}",
                observed=str(amount),
                limit=str(DEPOSIT_MAX),
            )
        return None


def assets_of(instruments: Iterable[Instrument]) -> set[Asset]:
    """Every asset that some instrument trades."""
    return {asset for instrument in instruments for asset in (instrument.base, instrument.quote)}
