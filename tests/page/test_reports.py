from __future__ import annotations

import asyncio
import json
from pathlib import Path

from appliance.domain.operators import Role
from tests.page.browser import Visitor, run
from tests.page.people import alone
from tests.transport.serving import call


async def downloaded(visitor: Visitor, panel: str, button: str) -> tuple[str, str]:
    """The name and the content of the file behind a button of a panel."""
    region = visitor.page.get_by_role("region", name=panel)
    async with visitor.page.expect_download() as waiting:
        await region.get_by_role("button", name=button, exact=True).click()
    download = await waiting.value
    return download.suggested_filename, await asyncio.to_thread((await download.path()).read_text)


def test_a_day_is_read_and_files_for_others_are_downloaded(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.ADMIN) as (core, _browsers, alice):
            await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.002")
            await alice.go("reports", "Reports")
            await alice.sees("Worth at its beginning")
            figures = alice.page.get_by_role("region", name="A day (UTC)").locator("dl")
            assert "Whose money\nPaper" in await figures.inner_text()
            await alice.sees("operator alice added by test, with role admin")
            await alice.press("Average cost")
            name, content = await downloaded(alice, "Tax report", "Download CSV")
            assert (name.endswith(".csv"), "BTC" in content) == (True, True)
            name, content = await downloaded(alice, "Tax report", "Download JSON")
            assert (name.endswith(".jsonl"), json.loads(content.splitlines()[0])["method"]) == (True, "average")
            name, content = await downloaded(alice, "Audit export", "Download JSON lines")
            assert name.endswith(".jsonl")
            assert "order.permitted" in content
            assert not alice.complaints

    run(scenario())
