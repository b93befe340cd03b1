from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.domain.operators import Role
from appliance.service.core import Core
from appliance.store.journal import JournalUnavailable
from appliance.store.writer import Group
from tests.operator_http.serving import PASSWORD, Caller, error_code, served
from tests.transport.serving import call


def fill_the_disk(core: Core) -> None:
    """From now on the writer behaves as on a disk that is full."""

    def full(group: Group) -> str:
        raise JournalUnavailable("disk full")

    core.journal._writer.commit = full  # type: ignore[method-assign]


def test_with_a_full_disk_one_is_told_so_goes_on_looking_and_can_halt(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR) as operator:
            fill_the_disk(core)
            await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001")
            refused = await operator.post("/api/auth/login", username="operator", password=PASSWORD)
            assert (refused.status_code, error_code(refused)) == (503, "journal_unavailable")
            status = await operator.get("/api/status")
            assert "disk full" in status.json()["journal_failure"]
            assert not (await operator.get("/api/health")).json()["ok"]
            renewed = await operator.post("/api/auth/refresh", refresh_token=operator.tokens["refresh_token"])
            assert renewed.status_code == 200
            await operator.post("/api/halt", reason="disk full")
            assert core.halt.is_halted()

    asyncio.run(scenario())
