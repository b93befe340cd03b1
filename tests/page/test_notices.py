from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect
from readytrader_sdk.errors import Misconfigured

from appliance.domain.notices import Route
from appliance.domain.operators import Role
from appliance.service.notices import Notices
from tests.page.browser import run
from tests.page.people import alone
from tests.plugin_host.rig import until
from tests.service.test_notices import QUICK, Kept, foreign


def test_what_nobody_was_told_stands_above_everything_until_it_is_sent_again_or_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.OPERATOR) as (core, _browsers, alice):
            phone = Kept(Misconfigured("no such number"), Misconfigured("no such number"))
            notices = core.notices = Notices(
                {"phone": phone}, core.clock, QUICK, routes={"phone": Route()}, state=core.state, recorder=core.recorder
            )  # fmt: skip
            core.recorder.accompany(notices.beside)
            core.recorder.listen(notices.hear)
            notices.start()
            await core.recorder.record(foreign("a"), foreign("b"))
            await until(lambda: len(notices.failed()) == 2)
            untold = alice.page.get_by_role("region", name="State").get_by_role("alert")
            await expect(untold).to_have_count(2)
            await untold.first.get_by_role("link", name="See notices").click()
            await expect(alice.page.get_by_role("table", name="Notices")).to_contain_text("no such number")
            await alice.page.get_by_role("button", name="Send again: ").first.click()
            await alice.sees("Sent again: phone.")
            await alice.page.get_by_role("button", name="I have read it: ").last.click()
            await alice.sees("Read by operator:alice")
            await expect(untold).to_have_count(0)
            await alice.press("Send a test through phone")
            await alice.sees("The test reached phone.")
            assert len(phone.taken) == 2, "the one that was sent again, and the test"
            phone.faults.append(Misconfigured("gone"))
            await alice.press("Send a test through phone")
            await alice.sees("The test did not arrive: ")
            assert not alice.complaints
            await notices.aclose()

    run(scenario())
