"""The API against its own description, by a tester that reads nothing else: schemathesis."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from appliance.domain.operators import Role
from tests.operator_http.serving import Caller, served

EXAMPLES = 6
LEFT_OUT = {"/api/auth/logout"}
"""Ends the session that the rest of the run needs; tested by itself."""


def try_all(port: int, headers: dict[str, str], mode: GenerationMode) -> list[str]:
    """Everything that the tester finds wrong, one line each."""
    base = f"http://localhost:{port}"
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    found: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue

        @seed(20261128)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            case.call_and_validate(base_url=base, headers=headers)

        try:
            check()
        except Unsatisfiable:
            continue  # nothing is asked of this one that could be asked wrongly
        except (Exception, BaseExceptionGroup) as fault:  # noqa: BLE001 - told with all others at the end
            found.append(f"{operation.label}: {''.join(traceback.format_exception(fault))}")
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_nothing_is_answered_that_the_description_does_not_say(
    tmp_path: Path, role: Role | None, mode: GenerationMode
) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http):
            headers = {}
            if role is not None:
                async with await Caller.signed_in(core, http, role) as caller:
                    headers = {"Authorization": f"Bearer {caller.tokens['access_token']}"}
            found = await asyncio.to_thread(try_all, http.port, headers, mode)
            assert not found, "\n\n".join(found)

    asyncio.run(scenario())
