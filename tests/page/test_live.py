from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from appliance.domain.operators import Role
from tests.operator_http.serving import PASSWORD, add_operator, served
from tests.page.browser import Visitor, chromium_running, run
from tests.page.people import alone, order
from tests.transport.serving import quote_all

FIRST_VIEW_BYTES_MAX = 300_000


def test_prices_and_orders_show_up_by_themselves(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.VIEWER) as (core, _browsers, alice):
            await alice.sees("Live data")
            quote_all(core)
            await expect(alice.page.get_by_role("region", name="Markets")).to_contain_text("BTC/USDT")
            await order(core)
            await expect(alice.page.get_by_role("table", name="Open orders")).to_contain_text("0.005 BTC")
            assert not alice.complaints

    run(scenario())


def test_what_one_browser_halts_the_other_sees_and_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            visitors: list[Visitor] = []
            for name in ("alice", "bob"):
                await add_operator(core, name, Role.OPERATOR)
                visitors.append(await browsers.visitor(http.port))
                await visitors[-1].open()
                await visitors[-1].sign_in(name, PASSWORD)
                await visitors[-1].sees("Live data")
            alice, bob = visitors
            await alice.press("Halt")
            await alice.page.get_by_label("Reason").fill("looks odd")
            await alice.answer("Halt now")
            await bob.sees("Halted: all trading.")
            await expect(bob.page.locator("[aria-live=assertive]")).to_have_text("Trading is halted.")
            assert not alice.complaints + bob.complaints

    run(scenario())


def test_the_first_view_with_its_chart_is_light(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.VIEWER)
            alice = await browsers.visitor(http.port)
            session = await alice.context.new_cdp_session(alice.page)
            await session.send("Network.enable")
            received: list[float] = []
            session.on("Network.loadingFinished", lambda it: received.append(it["encodedDataLength"]))
            await alice.open()
            await alice.sign_in("alice", PASSWORD)
            await alice.settled()
            await alice.page.evaluate("import('/page/vendor/lightweight-charts.js')")
            assert len(received) > 20, "nothing was counted"
            assert sum(received) < FIRST_VIEW_BYTES_MAX, f"{sum(received)} bytes"

    run(scenario())
