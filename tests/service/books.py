"""What books a venue's word, without anything around it: a journal in a folder, the state, and the reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, ExecutionReport

from appliance.bootstrap import load_state
from appliance.domain.events import ReportSource
from appliance.domain.orders import PAPER_ACCOUNT, Order
from appliance.domain.state import State
from appliance.service.portfolio import Portfolio
from appliance.service.recorder import Recorder
from appliance.service.reports import Reports
from appliance.store.journal import Journal
from tests.domain.building import fresh_state
from tests.pipeline.cases import NOW, USDT
from tests.store.journals import open_journal

ORDER = ClientOrderId("rt1")


class NoPrices:
    def price(self, asset: Asset, in_asset: Asset, now: datetime) -> None:
        """None is known, and none is needed to book a fill."""


class Books(Struct, frozen=True, kw_only=True):
    """One life of them."""

    journal: Journal
    state: State
    recorder: Recorder
    reports: Reports

    @property
    def order(self) -> Order:
        return self.state.orders[ORDER]

    async def hear(self, report: ExecutionReport) -> None:
        await self.reports.take(report, ReportSource.VENUE)

    def trades(self) -> list[str]:
        """The IDs of the fills that are on disk."""
        return self.journal.ids_under("trade", f"{ORDER}/")


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Books]:
    """What was written before is loaded as a core loads it."""
    journal, state = open_journal(folder), fresh_state()
    load_state(state, journal, NOW)
    recorder = Recorder(journal, state, lambda: NOW)
    portfolio = Portfolio(state, NoPrices(), PAPER_ACCOUNT, USDT, None)
    try:
        yield Books(
            journal=journal,
            state=state,
            recorder=recorder,
            reports=Reports(state, recorder, portfolio, lambda: NOW),
        )
    finally:
        await journal.aclose()
