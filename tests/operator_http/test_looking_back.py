"""Trades, entries, reports and insights over the operators' listener; what is taken out proves itself."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.domain.operators import Role
from appliance.service.core import Core
from appliance.store.export import verify_export
from appliance.store.proof import verify_proof
from appliance.store.seal import verify_sealed
from tests.operator_http.serving import Caller, error_code, served
from tests.transport.serving import call

ORDER = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.001"}


@asynccontextmanager
async def asking(folder: Path, role: Role, **settings: str) -> AsyncIterator[tuple[Core, Caller]]:
    """A core that has traded once, and somebody who is signed in."""
    async with served(folder, **settings) as (core, http):
        await call(core, "place_cex_order", **ORDER)
        async with await Caller.signed_in(core, http, role) as caller:
            yield core, caller


def play(folder: Path, role: Role, scenario: Callable[[Core, Caller], Awaitable[None]]) -> None:
    async def life() -> None:
        async with asking(folder, role) as (core, caller):
            await scenario(core, caller)

    asyncio.run(life())


def test_a_viewer_looks_back_at_trades_worth_and_entries_with_their_proofs(tmp_path: Path) -> None:
    async def scenario(core: Core, caller: Caller) -> None:
        await core.beat()
        (trade,) = (await caller.get("/api/trades/history", symbol="BTC/USDT", limit=1)).json()["trades"]
        assert (trade["quantity"], trade["price"], trade["agent"]) == ("0.001 BTC", "60010 USDT", "local")
        (point,) = (await caller.get("/api/equity", points=10)).json()["points"]
        assert point["equity"].endswith(" USDT")
        found = (await caller.get("/api/journal", kind="order", text=trade["order_id"], limit=1)).json()
        assert (found["entries"][0]["seq"], found["entries"][0]["kind"]) == (trade["entry"], "order.reported")
        shown = (await caller.get(f"/api/journal/{trade['entry']}")).json()
        checkpoint = (await caller.get("/api/journal/checkpoint")).json()
        assert verify_proof(shown["proof"], checkpoint["vkey"]).entry.seq == trade["entry"]
        assert (shown["verified"], shown["entry"]["kind"]) == (True, "order.reported")

    play(tmp_path, Role.VIEWER, scenario)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/trades/history?limit=0", 400),
        ("/api/trades/history?limit=201", 400),
        ("/api/trades/history?before=x", 409),
        ("/api/equity?points=3", 400),
        ("/api/equity?since=yesterday", 400),
        ("/api/equity?since=2026-01-01T00:00:00", 400),
        ("/api/approvals?limit=201", 400),
        ("/api/orders?limit=0", 400),
        ("/api/notices?limit=201", 400),
        (f"/api/orders?symbol={'x' * 41}", 400),
        ("/api/journal?before=-1", 400),
        ("/api/journal/99999", 409),
        ("/api/journal/x", 404),
        ("/api/reports/tax?method=best", 400),
        ("/api/reports/tax?year=1", 400),
        ("/api/reports/daily?day=2026-02-30", 400),
        ("/api/audit/export", 403),
    ],
)
def test_what_cannot_be_answered_is_said_in_the_shape_of_an_error(tmp_path: Path, path: str, status: int) -> None:
    async def scenario(_core: Core, caller: Caller) -> None:
        answer = await caller.client.get(path)
        assert answer.status_code == status, answer.text
        error_code(answer)

    play(tmp_path, Role.VIEWER, scenario)


def test_an_admin_takes_the_journal_out_as_files_that_prove_themselves_and_that_is_written_down(tmp_path: Path) -> None:
    async def scenario(core: Core, caller: Caller) -> None:
        vkey = core.archive.sealer.verifier.vkey
        whole = await caller.get("/api/audit/export")
        assert verify_export(io.BytesIO(whole.content), vkey).what.startswith("entries 0 to ")
        part = await caller.get("/api/audit/export", **{"from": 1, "to": 3})
        assert verify_export(io.BytesIO(part.content), vkey).what == "entries 1 to 3"
        assert part.headers["content-disposition"] == 'attachment; filename="journal-1.jsonl"'
        table = await caller.get("/api/audit/export", format="csv")
        assert verify_sealed(io.BytesIO(table.content), vkey)[0].what == "journal report"
        assert error_code(await caller.get("/api/audit/export", **{"from": 10_000})) == "refused"
        taken = (await caller.get("/api/journal", kind="journal.taken_out")).json()["entries"]
        assert [line["summary"] for line in taken][1] == "entries 1 to 3 taken out by operator:admin as jsonl"

    play(tmp_path, Role.ADMIN, scenario)


def test_reports_come_for_the_page_and_as_sealed_files(tmp_path: Path) -> None:
    async def scenario(core: Core, caller: Caller) -> None:
        vkey = core.archive.sealer.verifier.vkey
        await call(core, "place_cex_order", **ORDER | {"side": "sell"})
        report = (await caller.get("/api/reports/tax", method="hifo")).json()
        assert (report["method"], report["currency"], report["year"]) == ("hifo", "USDT", "all")
        assert [row["asset"] for row in report["disposals"]] == ["BTC"]
        for path, parameters in (
            ("/api/reports/tax", {"format": "csv", "year": core.clock().year}),
            ("/api/reports/tax", {"format": "jsonl"}),
            ("/api/reports/daily", {"format": "text"}),
            ("/api/reports/daily", {"format": "jsonl", "day": f"{core.clock():%Y-%m-%d}"}),
        ):
            answer = await caller.get(path, **parameters)
            assert answer.status_code == 200, answer.text
            verify_sealed(io.BytesIO(answer.content), vkey)
        assert (await caller.get("/api/reports/daily", day="9999-12-31")).status_code == 200
        day = (await caller.get("/api/reports/daily", day=f"{core.clock():%Y-%m-%d}")).json()
        assert (day["orders"], day["fills"], day["fees"]) == (2, 2, {"USDT": "0.12"})
        assert day["realised_gain"] == "-0.14"

    play(tmp_path, Role.VIEWER, scenario)


def test_insights_and_strategies_are_posted_by_operators_and_shown_as_untrusted(tmp_path: Path) -> None:
    async def scenario(_core: Core, caller: Caller) -> None:
        body = {"symbol": "BTC/USDT", "signal": "bullish", "confidence": "0.8", "reasoning": "<script>\u202e"}
        posted = (await caller.post("/api/insights", **body)).json()
        assert (posted["agent_id"], posted["came_by"], posted["untrusted"]) == ("operator:operator", "operator", True)
        assert posted["reasoning"] == "<script> "
        assert (await caller.get("/api/insights", symbol="BTC/USDT")).json()["insights"] == [posted]
        assert (await caller.get("/api/insights", symbol="ETH/USDT")).json()["insights"] == []
        for wrong in ({"confidence": "2"}, {"symbol": "NO/USDT"}):
            assert error_code(await caller.post("/api/insights", **body | wrong)) == "refused"
        assert error_code(await caller.post("/api/insights", **body, agent_id="bob")) == "bad_request"
        assert (await caller.post("/api/strategies", name="hold", text="do\nlittle")).json()["text"] == "do\nlittle"
        assert [it["name"] for it in (await caller.get("/api/strategies")).json()["strategies"]] == ["hold"]
        assert (await caller.post("/api/strategies/hold/withdraw")).status_code == 200
        assert (await caller.get("/api/strategies")).json() == {"strategies": []}
        assert error_code(await caller.post("/api/strategies/hold/withdraw")) == "refused"

    play(tmp_path, Role.OPERATOR, scenario)


def test_a_viewer_writes_nothing(tmp_path: Path) -> None:
    async def scenario(core: Core, caller: Caller) -> None:
        entries = core.journal.size
        body = {"symbol": "BTC/USDT", "signal": "up", "confidence": "1"}
        assert error_code(await caller.post("/api/insights", **body)) == "role_too_low"
        assert error_code(await caller.post("/api/strategies", name="x", text="y")) == "role_too_low"
        assert core.journal.size == entries

    play(tmp_path, Role.VIEWER, scenario)


def test_a_reader_who_hangs_up_leaves_nothing_open(tmp_path: Path) -> None:
    async def scenario(core: Core, caller: Caller) -> None:
        async with caller.client.stream("GET", "/api/audit/export") as answer:
            async for line in answer.aiter_lines():
                assert json.loads(line)["format"] == "readytrader-journal/v1"
                break
        assert (await caller.get("/api/status")).status_code == 200

    play(tmp_path, Role.ADMIN, scenario)
