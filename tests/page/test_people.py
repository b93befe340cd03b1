from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from appliance.domain.operators import Person, Role
from tests.operator_http.serving import PASSWORD, add_operator
from tests.page.browser import run
from tests.page.people import add_passkey, alone, with_app


def test_a_person_is_let_in_and_no_longer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.ADMIN) as (core, browsers, alice):
            await add_passkey(alice)
            await alice.go("settings", "Settings")
            port = alice.page.get_by_role("row").filter(has_text="agent.http_port")
            await expect(port).to_contain_text("8100")
            await alice.press("Add a person…")
            await alice.page.get_by_label("Name").fill("bob")
            await alice.press("Operator")
            await alice.page.get_by_label("First password").fill(PASSWORD)
            await alice.answer("Use a passkey")
            await alice.sees("Added. They change the password when they sign in.")
            bob = await browsers.visitor(alice.port)
            await bob.open()
            await bob.sign_in("bob", PASSWORD)
            await bob.sees("Signed in as bob, operator")

            await alice.press("Disable bob")
            await alice.answer("Use a passkey")
            await alice.sees("Disabled; their sessions ended.")
            await bob.sees("Your session ended")
            assert {it.username: it.disabled_at is None for it in core.operators.all()} == {"alice": True, "bob": False}
            assert not alice.complaints + bob.complaints

    run(scenario())


def test_somebody_agrees_to_what_another_wants_to_loosen(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = {"READYTRADER_APPROVAL_PEOPLE_MIN": "2"}
        async with with_app(tmp_path, Role.OPERATOR, **settings) as (core, alice, codes):
            await add_operator(core, "bob", Role.OPERATOR)
            bob = Person(name="operator:bob", role=Role.OPERATOR)
            change = await core.limit_book.loosen("limits.position_max_pct", "6", bob, "totp", "a calm week")
            await alice.go("limits", "Limits")
            await alice.sees("Asked for by operator:bob: a calm week")
            await alice.sees("A restart begins the delay anew.")
            await alice.press("Agree…")
            await alice.page.get_by_label("Code of your authenticator app").fill(codes.next())
            await alice.answer("Agree")
            await alice.sees("2 of 2 people")
            assert core.limit_book.waiting(change.change_id).people == {"operator:bob", "operator:alice"}
            assert core.limits.position_max_pct == 5
            assert not alice.complaints

    run(scenario())
