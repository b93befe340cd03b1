"""Looking back with 100,000 fills in the store: pages, the portfolio, a search, an export and a year of gains.

`hatch run bench tests/bench/bench_reading.py`; medians, on whatever machine this is.
"""

from __future__ import annotations

import asyncio
import io
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, Fill, Liquidity, OrderRequest, OrderState, Side

from appliance.domain.events import OrderPermitted, OrderReported, ReportSource
from appliance.domain.intents import AgentId
from appliance.domain.series import Trade
from appliance.pipeline.decide import decide
from appliance.service.report_files import Source, tax_json
from appliance.service.tax_lots import Method
from appliance.store.entry import Entry, Record
from appliance.store.export import Export, verify_export
from appliance.transport import operator_wire as wire
from appliance.transport.looking_back import look_back
from appliance.transport.operator_views import portfolio_view
from tests.pipeline.cases import buy as asked_buy
from tests.pipeline.cases import limits, permitted, request, snapshot
from tests.service.rig import BTC, NOON, Rig, buy, open_rig

FILLS = 100_000
BATCH = 1_000
CALLS = 200


async def fill_store(rig: Rig) -> None:
    """Permits, reports and trades as the core writes them, without going through it a hundred thousand times."""
    decision = permitted(decide(request(asked_buy()), snapshot(), limits()))
    assert isinstance(decision.payload, OrderRequest)
    encode = msgspec.json.Encoder(order="deterministic").encode
    template = OrderPermitted(request=request(), snapshot=snapshot(), permitted=decision)
    for start in range(0, FILLS, BATCH):
        entries, records = [], []
        for number in range(start, start + BATCH):
            order_id, at = ClientOrderId(f"rt{number:024}"), NOON + timedelta(seconds=number)
            side = Side.BUY if number % 2 == 0 else Side.SELL
            payload = msgspec.structs.replace(decision.payload, client_order_id=order_id, side=side)
            fill = Fill(
                fill_id=f"f{number}", price=Decimal(50_000 + number % 997), quantity=Decimal("0.01"),
                fee=Decimal("0.5"), fee_asset=Asset("USDT"), liquidity=Liquidity.TAKER, filled_at=at,
            )  # fmt: skip
            report = ExecutionReport(client_order_id=order_id, state=OrderState.FILLED, reported_at=at, fills=(fill,))
            event = msgspec.structs.replace(template, permitted=msgspec.structs.replace(decision, payload=payload))
            entries.append(Entry(kind="order.permitted", at=at, body=encode(event)))
            reported = OrderReported(report=report, source=ReportSource.VENUE)
            entries.append(Entry(kind="order.reported", at=at, body=encode(reported)))
            trade = Trade(
                client_order_id=order_id, agent_id=AgentId("local"), account="paper", venue="binance", symbol=BTC,
                side=side, fill=fill,
            )  # fmt: skip
            records.append(Record(kind="trade", id=f"{order_id}/f{number}", live=False, at=at, body=encode(trade)))
        await rig.core.journal.append(entries, records)


async def median_ms(call: Callable[[], Awaitable[object] | object], times: int = CALLS) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        answer = call()
        if isinstance(answer, Awaitable):
            await answer
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


@pytest.mark.timeout(1200)
def test_looking_back_at_a_hundred_thousand_fills(tmp_path: Path, benchmark: object) -> None:
    async def life() -> None:
        async with open_rig(tmp_path) as rig:
            rig.quote()
            await rig.fund("100000")
            await rig.place(buy("0.1"))
            await fill_store(rig)
            core, told = rig.core, {}
            told["portfolio"] = await median_ms(lambda: portfolio_view(core))
            told["trades, newest 50"] = await median_ms(lambda: look_back(core, wire.ListTrades()))
            page = core.archive.trades(None, 200, None)
            for _ in range(100):
                page = core.archive.trades(None, 200, page[1])
            deep = page[1]
            told["trades, page 100"] = await median_ms(lambda: look_back(core, wire.ListTrades(before=deep)))
            told["trades of an absent symbol"] = await median_ms(
                lambda: look_back(core, wire.ListTrades(symbol="ETH/USDT")), 20
            )
            told["journal, newest 50"] = await median_ms(lambda: look_back(core, wire.SearchJournal()), 20)
            told["search that finds nothing"] = await median_ms(
                lambda: look_back(core, wire.SearchJournal(text="no such words")), 5
            )
            told["entry with proof"] = await median_ms(lambda: look_back(core, wire.ShowEntry(seq=70_001)), 50)
            source = Source(core.archive.path)
            told["gains, hifo, all"] = await median_ms(lambda: list(tax_json(source, None, Method.HIFO, None)), 1)
            source.close()
            content = io.BytesIO()
            told["export, whole"] = await median_ms(lambda: content.writelines(Export(core.archive.path).chunks()), 1)
            size = content.tell() / 1e6
            content.seek(0)
            vkey = core.archive.sealer.verifier.vkey
            told["verify the export"] = await median_ms(lambda: verify_export(content, vkey), 1)
            lines = "\n".join(f"  {name:<30} {value:>12.2f} ms" for name, value in told.items())
            sys.stdout.write(f"\n{FILLS} fills, {core.journal.size} entries, export of {size:.0f} MB\n{lines}\n")
            assert told["portfolio"] < 50, "p50 is promised under 5 ms; this only catches a walk through the fills"

    asyncio.run(life())
    benchmark(lambda: None)  # type: ignore[operator]
