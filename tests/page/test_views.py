"""Every view, in light and dark, on a desk and on a phone: nothing is cut off, and axe finds nothing serious."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from appliance.domain.operators import Role
from tests.operator_http.serving import PASSWORD, add_operator, served
from tests.page.browser import DESK, PHONE, Visitor, chromium_running, run
from tests.page.people import order
from tests.transport.serving import new_token

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
VIEWS = {
    "now": "Now",
    "approvals": "Approvals",
    "orders": "Orders and fills",
    "insights": "Insights and strategies",
    "journal": "Journal",
    "journal/1": "Entry 1",
    "notices": "Notices",
    "reports": "Reports",
    "limits": "Limits",
    "agents": "Agents",
    "plugins": "Plugins and venues",
    "settings": "Settings",
    "security": "My security",
}
SMALL = """() => [...document.querySelectorAll("button, .nav a, .tabs a, input:not([type=checkbox]), select")]
  .filter((it) => it.getClientRects().length && it.getBoundingClientRect().height < 44)
  .map((it) => it.outerHTML.slice(0, 120))"""


async def serious(visitor: Visitor) -> list[str]:
    """What axe calls serious or critical, in one line each."""
    if not await visitor.page.evaluate("'axe' in globalThis"):
        await visitor.page.evaluate(AXE)
    found: dict[str, Any] = await visitor.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{it['id']}: {it['help']}: {it['nodes'][0]['html'][:200]}"
        for it in found["violations"]
        if it["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_view_stands(tmp_path: Path, look: str, size: tuple[int, int]) -> None:
    async def scenario() -> None:
        settings = {"READYTRADER_APPROVAL_NOTIONAL_MIN": "190"}
        async with served(tmp_path, **settings) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.ADMIN)
            await new_token(core, "scout")
            await order(core, amount="0.003")
            await order(core, amount="0.0033")
            alice = await browsers.visitor(http.port, size, look)
            await alice.open()
            assert not await serious(alice), "sign in"
            await alice.sign_in("alice", PASSWORD)
            for view, heading in VIEWS.items():
                await alice.go(view, heading)
                await alice.settled()
                assert not await alice.page.locator("main .message.bad").all_inner_texts(), view
                width = await alice.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert width <= 0, f"{view} is {width} px too wide"
                assert not await alice.page.evaluate(SMALL), view
                assert not await serious(alice), view
            await alice.press("Halt")
            assert not await serious(alice), "a dialog"
            assert not alice.complaints

    run(scenario())


def test_the_keyboard_alone_leads_from_signing_in_to_a_halt(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.OPERATOR)
            alice = await browsers.visitor(http.port)
            await alice.open()
            keys = alice.page.keyboard
            await alice.page.get_by_label("Name").wait_for()
            await keys.type("alice")
            await keys.press("Tab")
            await keys.type(PASSWORD)
            await keys.press("Enter")
            await alice.page.get_by_role("navigation").first.wait_for()
            for _ in range(3):
                await keys.press("Tab")  # past the way to the view, and the name
            await keys.press("Enter")
            await alice.page.get_by_role("dialog").wait_for()
            await keys.type("by keyboard")
            await keys.press("Enter")
            await alice.sees("Halted: all trading.")
            assert core.halt.is_halted()

    run(scenario())
