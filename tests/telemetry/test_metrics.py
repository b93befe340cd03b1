"""What is measured is what happened: each figure after the thing that it is a figure of."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from appliance.service.agents import LOCAL
from appliance.service.outcomes import Placed
from appliance.telemetry.catalog import CATALOG, ORDERS, STAGE, Kind, Metric, Stage
from appliance.telemetry.meter import SERIES_MAX, Meter, Sample, snapshot
from appliance.transport.tools import CATALOG as TOOLS
from appliance.transport.tools import call_tool
from tests.service.rig import BTC, ROOMY, Rig, buy, order_id, play
from tests.telemetry.scrape import Scrape, scraped

APPROVE_EACH = ROOMY + '[approval]\nmode = "approve_each"\n'


def test_an_order_is_timed_in_every_stage_and_counted_by_its_outcome(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        before = scraped(rig)
        answer = await call_tool(
            rig.core, LOCAL, TOOLS["place_cex_order"], {"symbol": BTC, "side": "buy", "amount": "0.01"}
        )
        assert answer.ok
        after = scraped(rig)
        stages = ("rate_limit", "parse", "observe", "decide", "record", "send", "report")
        for stage in stages:
            grown = after.of("stage_seconds_count", stage=stage) - before.of("stage_seconds_count", stage=stage)
            assert grown == 1, stage
        assert after.of("decisions_total", outcome="permitted") == 1
        assert after.of("orders_reported_total", state="filled") == 1
        assert after["fills_total"] == 1
        assert after.of("tool_calls_total", tool="place_cex_order", outcome="ok") == 1
        assert after["journal_commit_seconds_count"] > before["journal_commit_seconds_count"]
        assert after["journal_entries"] == rig.core.journal.size
        assert after.of("stage_seconds_count", stage="reconcile") == 1

    play(tmp_path, scenario, ROOMY)


def test_a_denial_is_counted_by_each_of_its_codes(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.submit(buy("100"))
        told = scraped(rig)
        assert told.of("decisions_total", outcome="denied") == 1
        assert told.of("denials_total", code="BALANCE_INSUFFICIENT") == 1

    play(tmp_path, scenario, ROOMY)


def test_a_proposal_is_seen_to_wait_and_its_wait_is_timed(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy())
        rig.clock.advance(30)
        waiting = scraped(rig)
        assert waiting["proposals_pending"] == 1
        assert waiting["proposal_oldest_age_seconds"] == 30
        await rig.core.approvals.refuse(held.record.request.request_id, "test", "no")
        decided = scraped(rig)
        assert decided["proposals_pending"] == 0
        assert decided["proposal_oldest_age_seconds"] == 0
        assert decided.of("approval_wait_seconds_sum", outcome="refused") == 30
        assert decided.of("decisions_total", outcome="proposed") == 1

    play(tmp_path, scenario, APPROVE_EACH)


def test_live_orders_halt_and_narrowed_scopes_are_there_as_they_are(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        order_id(await rig.submit(buy("0.01", "49000")))
        resting = scraped(rig)
        assert resting.of("orders", state="open") == 1
        assert resting.of("limit_used_ratio", limit="open_orders_max") == 0.001
        assert 0.004 < resting.of("limit_used_ratio", limit="open_notional_max_pct") < 0.006
        assert resting["halted"] == 0
        await rig.core.stop_trading("test", "test")
        stopped = scraped(rig)
        assert stopped.of("orders", state="open") == 0
        assert stopped["halted"] == 1
        assert stopped.of("scopes_narrowed", state="halted") == 1
        assert stopped.of("trading_narrowed_total", state="halted") == 1

    play(tmp_path, scenario, ROOMY)


def test_worth_is_told_and_left_out_when_it_is_not_known(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert isinstance(await rig.submit(buy("1")), Placed)
        await rig.core.beat()
        rig.clock.advance(1)
        rig.quote("45000", "45010")
        known = scraped(rig)
        assert 94_000 < known.of("equity", asset="USDT") < 96_000
        assert 0.04 < known["drawdown_ratio"] < 0.06
        assert known.of("quote_age_seconds", symbol="BTC/USDT") == 0
        assert known.of("quote_trusted", symbol="BTC/USDT") == 1
        rig.clock.advance(3600)
        stale = scraped(rig)
        assert not stale.has("equity")
        assert not stale.has("drawdown_ratio")
        assert stale.of("quote_age_seconds", symbol="BTC/USDT") == 3600
        assert stale.of("quote_trusted", symbol="BTC/USDT") == 0
        assert stale.of("source_age_seconds", source="feed") == 3600

    play(tmp_path, scenario, ROOMY)


def test_a_journal_that_cannot_be_written_shows(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert scraped(rig)["journal_failed"] == 0
        rig.core.journal.failed = "the disk is full"
        assert scraped(rig)["journal_failed"] == 1
        rig.core.journal.failed = None

    play(tmp_path, scenario, ROOMY)


def test_no_label_is_what_an_agent_can_make_up(tmp_path: Path) -> None:
    """Agents, keys, requests, prices handed in: however many there are, there are no more series."""

    async def scenario(rig: Rig) -> None:
        await rig.submit(buy(), key="first")
        before = scraped(rig)
        for number in range(5):
            alice = await rig.agent(f"alice-{number}")
            rig.source(f"hers-{number}", supplier=f"alice-{number}")
            rig.quote(source=f"hers-{number}")
            await rig.submit(buy(), key=f"key-{number}", principal=alice)
        after = scraped(rig)
        assert after["agents"] == 5
        assert {key for key in after._figures if "denials" not in key[0]} == {
            key for key in before._figures if "denials" not in key[0]
        }

    play(tmp_path, scenario, ROOMY)


def test_a_reading_that_fails_costs_its_own_figures_alone(caplog: pytest.LogCaptureFixture) -> None:
    meter = Meter()
    metric = Metric(name="readytrader_orders", kind=Kind.GAUGE, doc="Live orders.", labels=("state",))

    def broken() -> list[Sample]:
        raise RuntimeError("no figures today")

    meter.read_from(broken)
    meter.read_from(lambda: [Sample(metric, Decimal("2"), ("open",))])
    assert Scrape(meter.text().decode()).of("orders", state="open") == 2
    assert "no figures today" in caplog.text


def test_what_has_too_many_series_is_cut_and_said_once_a_scrape(caplog: pytest.LogCaptureFixture) -> None:
    meter = Meter()
    meter.read_from(lambda: [Sample(ORDERS, 1, (f"s{number}",)) for number in range(SERIES_MAX + 3)])
    shown = [line for line in meter.text().decode().splitlines() if line.startswith("readytrader_orders{")]
    assert len(shown) == SERIES_MAX
    assert [record.getMessage() for record in caplog.records] == [
        f"metric readytrader_orders has more than {SERIES_MAX} series; 3 are left out"
    ]


def test_every_metric_is_prefixed_documented_and_of_a_lasting_name() -> None:
    assert len({metric.name for metric in CATALOG}) == len(CATALOG)
    for metric in CATALOG:
        assert metric.name.startswith("readytrader_")
        assert metric.doc.endswith(".")
        assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)
        assert list(metric.buckets) == sorted(set(metric.buckets))
    assert STAGE.labels == ("stage",)
    assert len(Stage) == 9


def test_json_tells_what_the_text_tells(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.submit(buy())
        told = snapshot(rig.core.telemetry.meter, rig.clock.now)
        assert told.at == rig.clock.now
        figures = {(one.name, frozenset(one.labels.items())): one.value for one in told.series}
        wanted = {key: value for key, value in scraped(rig)._figures.items() if not key[0].endswith("_bucket")}
        steady = {key for key in wanted if not key[0].startswith("process_") and "disk" not in key[0]}
        assert steady
        assert {key: figures[key] for key in steady} == {key: wanted[key] for key in steady}

    play(tmp_path, scenario, ROOMY)


def test_two_cores_in_one_process_measure_apart(tmp_path: Path) -> None:
    async def one(rig: Rig) -> None:
        await rig.submit(buy("100"))
        assert scraped(rig).of("decisions_total", outcome="denied") == 1

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        play(tmp_path / name, one, ROOMY)
