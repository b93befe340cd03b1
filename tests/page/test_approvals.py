from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import expect

from appliance.domain.operators import Person, Role
from tests.operator_http.serving import PASSWORD, listening, served
from tests.page.browser import Visitor, chromium_running, run
from tests.page.people import Codes, order, with_codes
from tests.transport.serving import running_core

EACH = {"EXECUTION_APPROVAL_MODE": "approve_each"}
FOCUSABLE_MAX = 60
DEED = "Buy 0.005 BTC of BTC/USDT at binance"


async def approve(visitor: Visitor, codes: Codes) -> None:
    await visitor.press("Approve…")
    await visitor.page.get_by_label("Code of your authenticator app").fill(codes.next())
    await visitor.answer("Approve")


def test_a_proposal_shows_everything_and_is_approved_with_a_code(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, **EACH) as (core, http), chromium_running() as browsers:
            codes = await with_codes(core, "alice", Role.OPERATOR)
            alice = await browsers.visitor(http.port)
            await alice.open("approvals")
            await alice.sign_in("alice", PASSWORD, codes.next())
            await alice.sees("Nothing waits for you")
            request_id = await order(core)
            proposal = alice.page.get_by_role("article").filter(has_text=DEED)
            await proposal.wait_for()
            shown = await proposal.inner_text()
            record = core.state.proposals[request_id]  # type: ignore[index]
            parts = (
                "Worst price",
                "Pays at most",
                "Fees at most",
                "Time left",
                "Why it was held",
                "Limit ",
                "Market now",
            )
            assert all(part in shown for part in (*parts, record.proposal.intent_digest, "local"))
            closest = proposal.get_by_role("meter").first
            await expect(closest).to_have_accessible_name("Position BTC")
            await approve(alice, codes)
            await alice.sees("Approved: the order was sent.")
            await alice.sees("Nothing waits for you")
            assert core.state.orders[request_id].approved_by == "operator:alice"  # type: ignore[index]
            assert not alice.complaints

    run(scenario())


def test_a_proposal_is_approved_with_a_passkey(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, **EACH) as (core, http), chromium_running() as browsers:
            codes = await with_codes(core, "alice", Role.OPERATOR)
            alice = await browsers.visitor(http.port)
            await alice.passkey_device()
            await alice.open("security")
            await alice.sign_in("alice", PASSWORD, codes.next())
            await alice.press("Add…")
            await alice.page.get_by_role("dialog").get_by_label("Your password").fill(PASSWORD)
            await alice.page.get_by_role("dialog").get_by_label("Code of your").fill(codes.next())
            await alice.answer("Add")
            await alice.sees("The passkey is added.")
            request_id = await order(core)
            await alice.go("approvals", "Approvals")
            await alice.press("Approve…")
            await alice.answer("Use a passkey instead")
            await alice.sees("Approved: the order was sent.")
            yes = core.history.proposal(request_id).given[0]  # type: ignore[arg-type, union-attr]
            assert (yes.by, yes.factor) == ("operator:alice", "passkey")
            assert not alice.complaints

    run(scenario())


def test_two_people_must_agree_where_it_is_configured_and_each_sees_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = EACH | {"READYTRADER_APPROVAL_PEOPLE_MIN": "2"}
        async with served(tmp_path, **settings) as (core, http), chromium_running() as browsers:
            people = []
            for name in ("alice", "bob"):
                codes = await with_codes(core, name, Role.OPERATOR)
                visitor = await browsers.visitor(http.port)
                await visitor.open("approvals")
                await visitor.sign_in(name, PASSWORD, codes.next())
                people.append((visitor, codes))
            (alice, her_codes), (bob, his_codes) = people
            await order(core)
            await alice.sees("0 of 2 people")
            await approve(alice, her_codes)
            await alice.sees("Another person has to approve as well.")
            await alice.sees("Your yes would not count here")
            await expect(alice.page.get_by_role("button", name="Approve…")).to_have_count(0)
            await bob.sees("operator:alice approved.")
            assert not core.state.orders
            await approve(bob, his_codes)
            await bob.sees("Approved: the order was sent.")
            await alice.sees("Nothing waits for you")
            assert not alice.complaints + bob.complaints

    run(scenario())


def test_what_one_refuses_while_another_is_about_to_approve_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, **EACH) as (core, http), chromium_running() as browsers:
            visitors = {}
            for name in ("alice", "bob"):
                codes = await with_codes(core, name, Role.OPERATOR)
                visitors[name] = await browsers.visitor(http.port)
                await visitors[name].open("approvals")
                await visitors[name].sign_in(name, PASSWORD, codes.next())
            alice, bob = visitors["alice"], visitors["bob"]
            await order(core)
            person = Person(name="operator:bob", role=Role.OPERATOR)
            await core.limit_book.tighten("limits.position_max_pct", "2", person, "thin market")
            await alice.page.reload()
            await alice.sees("Over a limit as things stand: Position BTC.")
            await alice.press("Approve…")
            await bob.press("Refuse…")
            await bob.page.get_by_label("Reason").fill("too early")
            await bob.answer("Refuse")
            await bob.sees("too early")
            await alice.sees("This proposal does not wait any more")
            await alice.page.get_by_label("Code of your authenticator app").fill(codes.next())
            await alice.answer("Approve")
            await alice.page.get_by_role("dialog").get_by_role("alert").last.wait_for()
            assert not core.state.orders

    run(scenario())


def test_a_restart_in_the_middle_of_an_approval_loses_nothing_and_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with chromium_running() as browsers:
            async with running_core(tmp_path, **EACH) as core, listening(core) as http:
                port = http.port
                codes = await with_codes(core, "alice", Role.OPERATOR)
                alice = await browsers.visitor(port)
                await alice.open("approvals")
                await alice.sign_in("alice", PASSWORD, codes.next())
                request_id = await order(core)
                await alice.press("Approve…")
                await alice.page.get_by_label("Code of your authenticator app").fill(codes.next())
            await alice.answer("Approve")
            await alice.sees("Whether it was done is not known")
            async with running_core(tmp_path, **EACH) as core, listening(core, port=port):
                await alice.sees("The appliance was restarted.")
                await alice.answer("Keep as it is")
                assert core.history.proposal(request_id) is not None  # type: ignore[arg-type]
                await alice.sees(DEED)
                await alice.press("Refuse…")
                await alice.page.get_by_label("Reason").fill("not in the middle of a restart")
                await alice.answer("Refuse")
                await alice.sees("Nothing waits for you")
                assert not core.state.orders

    run(scenario())


def test_the_keyboard_alone_approves_and_each_button_says_what_it_decides(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, **EACH) as (core, http), chromium_running() as browsers:
            codes = await with_codes(core, "alice", Role.OPERATOR)
            alice = await browsers.visitor(http.port)
            await alice.open("approvals")
            await alice.sign_in("alice", PASSWORD, codes.next())
            await order(core)
            button = alice.page.get_by_role("button", name="Approve…")
            await expect(button).to_have_accessible_description(f"{DEED}, for 295 USDT at most")
            keys = alice.page.keyboard
            for _ in range(FOCUSABLE_MAX):
                if await button.evaluate("it => it === document.activeElement"):
                    break
                await keys.press("Tab")
            await keys.press("Enter")
            dialog = alice.page.get_by_role("dialog", name="Approve exactly this?")
            await expect(dialog.get_by_role("timer")).to_have_text(re.compile(r"[12]:\d\d"))
            await expect(dialog).to_contain_text("Not above 59\u202f000 USDT.")
            await keys.type(codes.next())
            await keys.press("Enter")
            await alice.sees("Approved: the order was sent.")
            assert len(core.state.orders) == 1
            assert not alice.complaints

    run(scenario())
