"""How often one may call: by account, and for what is open to anybody, each its own share."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.domain.operators import Role
from appliance.transport.operator_http.call_rates import CallRates
from appliance.transport.operator_http.faults import TooMany
from tests.operator_http.serving import Caller, error_code, listening
from tests.transport.serving import running_core


def test_an_account_calls_as_often_as_is_allowed_and_takes_nothing_from_others() -> None:
    now = 1000.0
    rates = CallRates(60, lambda: now)
    for _ in range(60):
        rates.draw_account("alice")
    with pytest.raises(TooMany):
        rates.draw_account("alice")
    rates.draw_account("bob")
    rates.draw_anybody()
    now += 1.0
    rates.draw_account("alice")
    with pytest.raises(TooMany):
        rates.draw_account("alice")
    now += 3600.0
    for _ in range(60):
        rates.draw_account("alice")
    with pytest.raises(TooMany):
        rates.draw_account("alice")


@pytest.mark.parametrize("who", ["an account", "anybody"])
def test_whoever_calls_too_often_is_told_to_wait(tmp_path: Path, who: str) -> None:
    async def scenario() -> None:
        async with (
            running_core(tmp_path) as core,
            listening(core, calls_per_min=10, metrics_open=True) as http,
            await Caller.signed_in(core, http, Role.VIEWER) as viewer,
            Caller(http.port) as stranger,
        ):
            one, other = (viewer, stranger) if who == "an account" else (stranger, viewer)
            paths = {viewer: "/api/auth/me", stranger: "/metrics"}
            answers = [await one.get(paths[one]) for _ in range(20)]
            assert (answers[0].status_code, answers[-1].status_code) == (200, 429)
            assert error_code(answers[-1]) == "too_many"
            assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
            assert (await other.get(paths[other])).status_code == 200

    asyncio.run(scenario())
