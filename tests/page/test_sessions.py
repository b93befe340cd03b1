from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from appliance.domain.events import OperatorSignedOut
from appliance.domain.operators import Role
from tests.operator_http.serving import PASSWORD, add_operator, served
from tests.page.browser import Visitor, chromium_running, run

RENEW = """async () => {
  const main = document.querySelector("script").src;
  await (await import(new URL("core/session.js", main))).refresh();
}"""
"""Has the page renew its tokens now; its modules are those that it has loaded already."""


def test_somebody_signs_in_reloads_and_signs_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.ADMIN)
            alice = await browsers.visitor(http.port)
            await alice.open()
            await alice.sign_in("alice", PASSWORD)
            asked: list[str] = []
            alice.page.on("request", lambda request: asked.append(request.url))
            await alice.page.reload()
            await alice.sees("Signed in as alice")
            assert any("/api/auth/me" in url for url in asked)
            assert not any("/api/auth/refresh" in url for url in asked), "a second reload would lose the answer"
            assert not await alice.context.cookies()
            async with alice.page.expect_response("**/api/auth/logout") as ended:
                await alice.press("Sign out")
            assert (await ended.value).ok
            await alice.page.get_by_role("heading", name="Sign in").wait_for()
            await alice.page.reload()
            await alice.page.get_by_role("heading", name="Sign in").wait_for()
            assert not alice.complaints

    run(scenario())


def test_a_wrong_password_is_said_and_the_name_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.VIEWER)
            alice = await browsers.visitor(http.port)
            await alice.open()
            await alice.page.get_by_label("Name").fill("alice")
            await alice.page.get_by_label("Password").fill("wrong")
            await alice.press("Sign in")
            await expect(alice.page.get_by_role("alert")).to_contain_text("is wrong")
            await expect(alice.page.get_by_label("Name")).to_have_value("alice")

    run(scenario())


def test_the_access_token_is_renewed_before_it_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.VIEWER)
            alice = await browsers.visitor(http.port)
            await alice.page.clock.install()
            await alice.open()
            await alice.sign_in("alice", PASSWORD)
            async with alice.page.expect_response("**/api/auth/refresh") as renewed:
                await alice.page.clock.fast_forward("09:35")
            assert (await renewed.value).ok

    run(scenario())


def test_a_session_that_was_ended_elsewhere_leads_to_signing_in_and_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.ADMIN)
            alice = await browsers.visitor(http.port)
            await alice.open()
            await alice.sign_in("alice", PASSWORD)
            await core.operators.disable("alice", "test")
            await alice.page.evaluate("location.hash = '#/settings'")
            await alice.sees("Your session ended")
            stored = await alice.page.evaluate("JSON.stringify(sessionStorage)")
            assert stored == "{}", "a token of a session that is over is not kept"

    run(scenario())


def test_a_duplicated_tab_signs_in_for_itself_and_the_first_one_stays_signed_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.VIEWER)
            ended: list[str] = []
            core.recorder.listen(lambda it: ended.append(it.reason) if isinstance(it, OperatorSignedOut) else None)
            first = await browsers.visitor(http.port)
            await first.context.add_init_script("globalThis.storedAtFirst = sessionStorage.length")
            await first.open()
            await first.sign_in("alice", PASSWORD)
            # A window that a page opens begins with a copy of its sessionStorage, as a duplicated tab does.
            async with first.page.expect_popup() as opened:
                await first.page.evaluate("void open('/')")
            copy = Visitor(first.context, await opened.value, http.port)
            await copy.sees("Each tab signs in for itself.")
            assert await copy.page.evaluate("storedAtFirst") == 1, "nothing was copied, so nothing was tried"
            assert await copy.page.evaluate("sessionStorage.length") == 0
            await copy.sign_in("alice", PASSWORD)
            for tab in (first, copy):
                async with tab.page.expect_response("**/api/auth/refresh") as renewed:
                    await tab.page.evaluate(RENEW)
                assert (await renewed.value).ok
                await tab.page.reload()
                await tab.sees("Signed in as alice")
            assert not ended
            assert not first.complaints + copy.complaints

    run(scenario())
