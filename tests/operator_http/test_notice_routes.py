"""Notices over HTTP: whoever may look sees them, an operator acts on them, and the status shows who was not told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from readytrader_sdk.errors import Misconfigured

from appliance.domain.notices import Route
from appliance.domain.operators import Role
from appliance.service.notices import Notices
from tests.operator_http.serving import Caller, error_code, served
from tests.plugin_host.rig import until
from tests.service.test_notices import QUICK, Kept, foreign


def test_a_notice_that_nobody_was_told_is_seen_sent_again_and_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http):
            phone = Kept(Misconfigured("x"), Misconfigured("x"))
            notices = core.notices = Notices(
                {"phone": phone}, core.clock, QUICK, routes={"phone": Route()}, state=core.state, recorder=core.recorder
            )  # fmt: skip
            core.recorder.accompany(notices.beside)
            core.recorder.listen(notices.hear)
            notices.start()
            await core.recorder.record(foreign("a"), foreign("b"))
            await until(lambda: len(notices.failed()) == 2)
            async with await Caller.signed_in(core, http, Role.VIEWER) as viewer:
                status = (await viewer.get("/api/status")).json()["notices"]
                assert (status["failed"], len(status["untold"])) == (2, 2)
                assert [it["name"] for it in status["notifiers"]] == ["phone"]
                failed = (await viewer.get("/api/notices", failed="true")).json()["notices"]
                assert [it["deliveries"][0]["state"] for it in failed] == ["given_up"] * 2
                refused = await viewer.post(f"/api/notices/{failed[0]['notice_id']}/resend")
                assert (refused.status_code, error_code(refused)) == (403, "role_too_low")
                assert (await viewer.get("/api/notices", limit=0)).status_code == 400
            async with await Caller.signed_in(core, http, Role.OPERATOR) as operator:
                first, second = (it["notice_id"] for it in failed)
                assert (await operator.post(f"/api/notices/{first}/resend")).json() == {"to": ["phone"]}
                await until(lambda: any(it.notice_id == first for it in phone.taken))
                assert (await operator.post(f"/api/notices/{second}/dismiss")).status_code == 200
                again = await operator.post(f"/api/notices/{second}/dismiss")
                assert (again.status_code, error_code(again)) == (409, "refused")
                assert (await operator.get("/api/notices", failed="true")).json() == {"notices": []}
                assert (await operator.get("/api/status")).json()["notices"].get("untold") is None
                tested = (await operator.post("/api/notifiers/phone/test")).json()
                assert tested == {"delivered": True}
                listed = (await operator.get("/api/notices")).json()["notices"]
                assert {it["about"] for it in listed} >= {"foreign_order.found", "notice.test"}
                assert next(it for it in listed if it["notice_id"] == second)["seen_by"] == "operator:operator"
            await notices.aclose()

    asyncio.run(scenario())
