"""The plugin keeps what every exchange keeps. Run it against a test account: it places, cancels and buys."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.conformance import ExchangeSubject, Kind, run
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Symbol, VenueId

from acme_plugin import AcmeExchange


def test_it_keeps_what_every_exchange_keeps(tmp_path: Path) -> None:
    context = PluginContext(
        name="acme-plugin", settings={}, secrets={}, logger=logging.getLogger("acme-plugin"), state_folder=tmp_path
    )
    subject = ExchangeSubject(
        exchange=AcmeExchange(context),
        venue=VenueId("acme-plugin"),
        symbol=Symbol("BTC/USD"),
        quantity=Decimal("0.001"),
        price_far=Decimal(40000),
        price_crossing=Decimal(51000),
    )
    asyncio.run(run(Kind.EXCHANGE, subject, moving=True)).demand()
