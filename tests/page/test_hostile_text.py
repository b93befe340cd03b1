"""Whatever an agent, a venue or a source writes: it is text on the page, and never code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.async_api import Route, WebSocketRoute, expect

from appliance.domain.operators import Role
from tests.operator_http.serving import PASSWORD, Caller, add_operator, served
from tests.page.browser import chromium_running, run
from tests.page.people import alone, order
from tests.page.test_views import VIEWS
from tests.transport.serving import new_token, quote_all

EVIL = (
    '<img src=x onerror="alert(1)"><script>alert(2)</script><svg onload=alert(3)>'
    '"><iframe srcdoc="<script>alert(4)</script>">{{7*7}}${alert(5)}'
)
TELL_VIOLATIONS = "document.addEventListener('securitypolicyviolation', it => tell(it.violatedDirective))"
MISSHAPEN = ("null", "7", "[", '{"type":"APPROVAL_UPDATE","data":null}', '{"type":"TICKER_UPDATE"}')
KEPT = {"seq", "at", "kind", "name", "scope", "state", "side", "id", "proof", "stored", "vkey", "checkpoint", "role"}
"""What the page computes with: another value there would show another page, not another text."""


def poisoned(value: Any, name: str = "") -> Any:
    """The same answer with hostile text wherever it has text that is only shown."""
    if isinstance(value, dict):
        return {key: poisoned(it, key) for key, it in value.items()}
    if isinstance(value, list):
        return [poisoned(it, name) for it in value]
    kept = name in KEPT or name.endswith(("_at", "_id", "_token", "expires_in"))
    return f"{value} {EVIL}" if isinstance(value, str) and not kept else value


def test_what_people_and_agents_write_is_text_wherever_it_is_shown(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            async with await Caller.signed_in(core, http, Role.OPERATOR, "bob") as bob:
                insight = {"symbol": "BTC/USDT", "signal": "<b>up</b>", "confidence": "0.9", "reasoning": EVIL}
                assert (await bob.post("/api/insights", **insight)).status_code == 200
                assert (await bob.post("/api/strategies", name="evil", text=EVIL)).status_code == 200
                assert (await bob.post("/api/halt", reason=EVIL[:200])).status_code == 200
            await add_operator(core, "alice", Role.ADMIN)
            alice = await browsers.visitor(http.port)
            await alice.open("insights")
            await alice.sign_in("alice", PASSWORD)
            await alice.sees("Halted: all trading.")
            for view, heading in (("insights", "Insights and strategies"), ("journal", "Journal"), ("now", "Now")):
                await alice.go(view, heading)
                await alice.settled()
                assert "<img src=x onerror=" in await alice.text()
                assert await alice.page.locator("main :is(script, iframe, img)").count() == 0
            assert not alice.complaints

    run(scenario())


def test_hostile_text_in_every_answer_and_push_of_the_appliance_never_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = {"READYTRADER_APPROVAL_NOTIONAL_MIN": "190"}
        async with served(tmp_path, **settings) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.ADMIN)
            await new_token(core, "scout")
            await order(core, amount="0.003")
            await order(core, amount="0.0033")
            alice = await browsers.visitor(http.port)
            violations: list[str] = []
            await alice.context.expose_function("tell", lambda told: violations.append(told))
            await alice.context.add_init_script(TELL_VIOLATIONS)
            await alice.open()
            await alice.sign_in("alice", PASSWORD)

            async def poison(route: Route) -> None:
                answer = await route.fetch()
                body = poisoned(json.loads(await answer.text())) if answer.ok else await answer.json()
                await route.fulfill(response=answer, body=json.dumps(body))

            def poison_pushes(line: WebSocketRoute) -> None:
                server = line.connect_to_server()

                def poison_push(said: str | bytes) -> None:
                    push = json.loads(said)
                    line.send(json.dumps(push | {"data": poisoned(push.get("data"))}))

                server.on_message(poison_push)

            await alice.page.route(lambda address: "/api/" in address and "/auth/" not in address, poison)
            await alice.page.route_web_socket("**/ws", poison_pushes)
            await alice.page.reload()
            await alice.sees("Live data")
            quote_all(core)
            await expect(alice.page.get_by_role("region", name="Markets")).to_contain_text("alert(2)")
            for view, heading in VIEWS.items():
                await alice.go(view, heading)
                await alice.settled()
                shown = await alice.page.locator("main").inner_text()
                assert "alert(2)" in shown or view in ("insights", "notices", "security", "plugins", "journal/1"), view
                assert await alice.page.locator("main :is(script, iframe, img)").count() == 0
            assert not violations
            assert not alice.complaints

    run(scenario())


def test_an_answer_of_another_shape_breaks_one_view_and_never_the_halt(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.OPERATOR) as (core, _browsers, alice):

            async def misshapen(route: Route) -> None:
                await route.fulfill(json={"holdings": 7, "equity": {}})

            def misshape_pushes(line: WebSocketRoute) -> None:
                server = line.connect_to_server()

                def misshape(said: str | bytes) -> None:
                    for push in MISSHAPEN:
                        line.send(push)
                    line.send(said)

                server.on_message(misshape)

            await alice.page.route("**/api/portfolio", misshapen)
            await alice.page.route_web_socket("**/ws", misshape_pushes)
            await alice.page.reload()
            await alice.sees("Live data")
            await alice.sees("This view could not be drawn")
            await alice.go("orders", "Orders and fills")
            await alice.press("Halt")
            await alice.page.get_by_label("Reason").fill("looks odd")
            await alice.answer("Halt now")
            await alice.sees("Halted: all trading.")
            assert core.halt.is_halted()
            assert not alice.complaints

    run(scenario())
