"""Acme as a ReadyTrader data source. Its prices are made up: replace `_quote`, and take `paper_only` away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from readytrader_sdk.hooks import DataSourceFactory, PluginContext, hookimpl
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Quote, Tick

INTERVAL_S = 0.1
INSTRUMENT = Instrument(
    symbol=Symbol("BTC/USD"),
    base=Asset("BTC"),
    quote=Asset("USD"),
    price_increment=Decimal("0.01"),
    quantity_increment=Decimal("0.0001"),
    quantity_min=Decimal("0.0001"),
    notional_min=Decimal(5),
)


class AcmeSource:
    """A quote every tenth of a second."""

    paper_only = "acme-plugin"

    def __init__(self, context: PluginContext) -> None:
        self._log = context.logger

    def instruments(self) -> Sequence[Instrument]:
        """What it delivers."""
        return [INSTRUMENT]

    async def stream(self) -> AsyncIterator[Tick]:
        """Quotes until nobody listens. Raise `Unavailable` when the connection is lost: it is started again."""
        self._log.info("streaming %s", INSTRUMENT.symbol)
        sequence = 0
        while True:
            yield _quote(sequence)
            sequence += 1
            await asyncio.sleep(INTERVAL_S)


def _quote(sequence: int) -> Quote:
    bid = Decimal(50000) + sequence % 10
    return Quote(
        symbol=INSTRUMENT.symbol,
        bid=bid,
        ask=bid + 1,
        observed_at=datetime.now(UTC),
        sequence=sequence,
    )


@hookimpl
def register_data_sources() -> Mapping[str, DataSourceFactory]:
    """The name is the one of the entry point."""
    return {"acme-plugin": AcmeSource}
