from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from appliance.domain.events import OperatorChange, OperatorChanged
from appliance.domain.operators import Role
from tests.operator_http.serving import PASSWORD
from tests.page.browser import run
from tests.page.people import Codes, add_passkey, alone, with_app


def test_an_authenticator_app_is_set_up_and_asked_for_from_then_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.ADMIN) as (core, _browsers, alice):
            await alice.go("security", "My security")
            await alice.sees("You have no second factor yet")
            await alice.page.get_by_label("Your password").fill(PASSWORD)
            await alice.press("Set up an app")
            await alice.page.get_by_role("img", name="The same as a QR code").wait_for()
            codes = Codes(await alice.page.locator(".secret").inner_text(), core.clock)
            await alice.page.get_by_label("Code that the app shows").fill(codes.next())
            await alice.press("Confirm")
            await alice.sees("Your authenticator app is set up.")
            await alice.press("Sign out")
            await alice.sign_in("alice", PASSWORD, codes.next())
            assert not alice.complaints

    run(scenario())


def test_another_authenticator_app_takes_the_code_of_the_present_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with with_app(tmp_path, Role.OPERATOR) as (core, alice, codes):
            await alice.go("security", "My security")
            for code in ("000000", codes.next()):
                await alice.page.get_by_label("Your password").fill(PASSWORD)
                await alice.page.get_by_label("Code of your authenticator app").fill(code)
                await alice.press("Set up another app")
                await alice.sees("The same as an address" if code != "000000" else "code is wrong")
            changes: list[OperatorChange] = []
            core.recorder.listen(lambda it: changes.append(it.change) if isinstance(it, OperatorChanged) else None)
            another = Codes(await alice.page.locator(".secret").inner_text(), core.clock)
            await alice.page.get_by_label("Code that the app shows").fill(another.next())
            await alice.press("Confirm")
            await alice.sees("Your authenticator app is set up.")
            assert changes == [OperatorChange.TOTP]
            assert not alice.complaints

    run(scenario())


def test_a_passkey_is_added_signs_an_act_and_is_removed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.ADMIN) as (core, _browsers, alice):
            await add_passkey(alice)

            await core.stop_trading("operator:bob", "looks odd")
            await alice.page.reload()
            await alice.press("Resume…")
            await alice.page.get_by_label("Reason").fill("it was me")
            await alice.answer("Use a passkey")
            await alice.sees("Resumed: all trading.")
            assert not core.halt.is_halted()

            await alice.press("Remove This device")
            await alice.answer("Use a passkey")
            await alice.sees("No passkey yet")
            assert not alice.complaints

    run(scenario())


def test_a_password_is_changed_by_who_knows_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.VIEWER) as (_, _browsers, alice):
            await alice.go("security", "My security")
            for old, said in (("wrong", "The present password is wrong."), (PASSWORD, "Your password is changed.")):
                await alice.page.get_by_label("Present password").fill(old)
                await alice.page.get_by_label("New password", exact=True).fill("another correct horse")
                await alice.page.get_by_label("New password again").fill("another correct horse")
                await alice.press("Change the password")
                await alice.sees(said)
            await expect(alice.page.get_by_label("Present password")).to_have_value("")

    run(scenario())
