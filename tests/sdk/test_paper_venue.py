"""A second venue, written without the kit in mind, keeps what the kit promises: the appliance's own paper venue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from readytrader_sdk.conformance import ExchangeSubject, Kind, run
from readytrader_sdk.instruments import VenueId

from appliance.paper.settings import PaperSettings
from appliance.paper.venue import PaperVenue
from tests.paper.building import BTC_USDT, USDT, quote


def test_the_paper_venue_keeps_what_every_exchange_keeps() -> None:
    settings = PaperSettings(maker_fee_pct=Decimal("0.1"), taker_fee_pct=Decimal("0.1"))
    venue = PaperVenue([BTC_USDT], settings, lambda: datetime.now(UTC), lambda report: None)
    venue.deposit(USDT, Decimal(1_000_000))
    venue.on_tick(quote("99", "101"))
    subject = ExchangeSubject(
        exchange=venue,
        venue=VenueId("paper"),
        symbol=BTC_USDT.symbol,
        quantity=Decimal("0.1"),
        price_far=Decimal(60),
        price_crossing=Decimal(105),
    )
    report = asyncio.run(run(Kind.EXCHANGE, subject, moving=True))
    assert report.passed, report.text()
