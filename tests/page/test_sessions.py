from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import expect

from appliance.domain.operators import Role
from tests.operator_http.serving import PASSWORD, add_operator, served
from tests.page.browser import chromium_running


def test_somebody_signs_in_reloads_and_signs_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), chromium_running() as browsers:
            await add_operator(core, "alice", Role.ADMIN)
            alice = await browsers.visitor(http.port)
            await alice.open()
            await alice.sign_in("alice", PASSWORD)
            await alice.page.reload()
            await alice.sees("Signed in as alice")
            assert not await alice.context.cookies()
            async with alice.page.expect_response("**/api/auth/logout") as ended:
                await alice.press("Sign out")
            assert (await ended.value).ok
            await alice.page.get_by_role("heading", name="Sign in").wait_for()
            await alice.page.reload()
            await alice.page.get_by_role("heading", name="Sign in").wait_for()
            assert not alice.complaints

    asyncio.run(scenario())


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

    asyncio.run(scenario())


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

    asyncio.run(scenario())


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

    asyncio.run(scenario())
