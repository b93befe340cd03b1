from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from appliance.domain.operators import Role
from tests.page.browser import run
from tests.page.people import alone, order, with_app


def test_a_halt_takes_one_reason_and_one_confirmation_and_a_resume_the_second_factor(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with with_app(tmp_path, Role.OPERATOR) as (core, alice, codes):
            await order(core)
            await alice.press("Halt")
            await alice.page.get_by_label("Reason").fill("looks odd")
            await alice.answer("Halt now")
            await alice.sees("Halted: all trading.")
            assert core.halt.is_halted()
            assert not core.state.live_orders

            await alice.press("Resume…")
            await alice.page.get_by_label("Reason").fill("it was me")
            await alice.page.get_by_label("Code of your authenticator app").fill("000000")
            await alice.answer("Resume")
            await expect(alice.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("code is wrong")
            assert core.halt.is_halted()
            await alice.page.get_by_label("Code of your authenticator app").fill(codes.next())
            await alice.answer("Resume")
            await alice.sees("Resumed: all trading.")
            assert not core.halt.is_halted()
            assert not alice.complaints

    run(scenario())


def test_an_open_order_is_seen_and_cancelled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.OPERATOR) as (core, _browsers, alice):
            await order(core)
            await alice.go("orders", "Orders and fills")
            await alice.press("Cancel buy 0.005 BTC BTC/USDT")
            await alice.sees("No orders")
            assert not core.state.live_orders
            await alice.press("All")
            await alice.sees("Cancelled")
            await alice.sees("it was asked for")
            assert not alice.complaints

    run(scenario())


def test_an_agents_token_is_shown_once_and_revoked_for_good(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with with_app(tmp_path, Role.ADMIN) as (core, alice, codes):
            await alice.go("agents", "Agents")
            await alice.press("Add an agent…")
            await alice.page.get_by_label("Name").fill("scout")
            await alice.page.get_by_label("Code of your authenticator app").fill(codes.next())
            await alice.answer("Make its token")
            token = await alice.page.locator(".secret").inner_text()
            assert core.agents.authenticate(token).agent_id == "scout"
            await alice.answer("I have kept it")
            assert token not in await alice.page.content()
            await alice.press("Revoke scout")
            await alice.answer("Revoke")
            await alice.sees("Its token opens nothing any more.")
            assert core.state.agents["scout"].revoked_at is not None  # type: ignore[index]
            assert not alice.complaints

    run(scenario())


def test_a_limit_is_tightened_at_once_and_a_loosening_waits_and_is_taken_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with with_app(tmp_path, Role.OPERATOR) as (core, alice, codes):
            await alice.go("limits", "Limits")
            await alice.sees("What needs a person")
            assert "off USDT" not in await alice.text()
            await alice.page.get_by_label("Find a limit").fill("position_max_pct")
            await alice.press("Tighten Position, at most")
            await alice.page.get_by_label("New value").fill("4")
            await alice.page.get_by_label("Reason").fill("calm week")
            await alice.answer("Tighten now")
            await alice.sees("It is in force.")
            assert core.limits.position_max_pct == 4

            await alice.press("Loosen Position, at most")
            await alice.page.get_by_label("New value").fill("5")
            await alice.page.get_by_label("Reason").fill("calm week is over")
            await alice.page.get_by_label("Code of your authenticator app").fill(codes.next())
            await alice.answer("Loosen after the delay")
            await alice.sees("Will be loosened")
            assert core.limits.position_max_pct == 4
            await alice.press("Withdraw…")
            await alice.answer("Withdraw")
            await alice.page.get_by_role("heading", name="Will be loosened").wait_for(state="detached")
            await alice.sees("Withdrawn")
            assert core.limits.position_max_pct == 4
            assert not alice.complaints

    run(scenario())


def test_a_viewer_is_offered_nothing_that_acts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.VIEWER) as (core, _browsers, alice):
            await order(core)
            for view, heading in (("now", "Now"), ("orders", "Orders and fills"), ("agents", "Agents")):
                await alice.go(view, heading)
                await alice.settled()
                names = await alice.page.locator("main button, header button").all_inner_texts()
                acts = {"Halt", "Cancel", "Cancel all…", "Add an agent…", "Revoke…", "Tighten…", "Loosen…"}
                assert not acts & set(names)

    run(scenario())
