"""Makes the journal and the venue agree. Start-up is recovery: this runs before the first request is taken."""

from __future__ import annotations

import logging

from msgspec import Struct
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import ExecutionReport

from appliance.domain.events import DriftFound, ReportSource
from appliance.domain.orders import Order
from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, TradingState
from appliance.plugin_host.gate import Venue
from appliance.service.execution import UNCERTAIN, Execution
from appliance.service.narrowing import narrowing
from appliance.service.recorder import Clock, Recorder

log = logging.getLogger(__name__)


class Findings(Struct, frozen=True, kw_only=True):
    """What a reconciliation settled."""

    settled: int = 0
    """Orders whose outcome was in doubt and is known now."""
    unknown: int = 0
    """Orders that are still in doubt; they are asked for until known."""
    drifts: int = 0
    """Balances that are not what the journal says."""


class Reconciliation:
    """Compares every live order and every balance with the venue's word."""

    def __init__(
        self, venue: Venue, state: State, recorder: Recorder, execution: Execution, account: str, clock: Clock
    ) -> None:
        self._venue = venue
        self._state = state
        self._recorder = recorder
        self._execution = execution
        self._account = account
        self._clock = clock

    async def run(self) -> Findings:
        """Settle what can be settled. Raises the port's error when the venue cannot be asked for its balances."""
        settled, unknown = 0, 0
        for order in list(self._state.live_orders.values()):
            report = await self._execution.ask(order)
            if report is None:
                if order.state in UNCERTAIN:
                    self._execution.enquire(order.client_order_id)
                    unknown += 1
                continue
            if _is_news(order, report):
                await self._execution.take(report, ReportSource.RECONCILIATION)
                settled += order.state in UNCERTAIN
        drifts = await self._compare_balances()
        if settled or unknown or drifts:
            log.warning("reconciled: %d settled, %d still unknown, %d balances drifted", settled, unknown, drifts)
        return Findings(settled=settled, unknown=unknown, drifts=drifts)

    async def _compare_balances(self) -> int:
        found = {balance.asset: balance.total for balance in await self._venue.reads.balances()}
        expected = dict(self._state.held(self._account))
        drifts = [
            DriftFound(
                account=self._account,
                asset=asset,
                expected=expected.get(asset, ZERO),
                found=found.get(asset, ZERO),
            )
            for asset in sorted(found.keys() | expected.keys())
            if found.get(asset, ZERO) != expected.get(asset, ZERO)
        ]
        if drifts:
            names = ", ".join(drift.asset for drift in drifts)
            reason = f"balances of {names} are not what the journal says"
            narrowed = narrowing(self._state, GLOBAL, TradingState.CANCEL_ONLY, reason, self._clock())
            await self._recorder.record(*drifts, *narrowed)
        return len(drifts)


def _is_news(order: Order, report: ExecutionReport) -> bool:
    """Whether the venue knows another state of the order, or a fill that never reached us."""
    return report.state is not order.state or any(fill.fill_id not in order.fill_ids for fill in report.fills)
