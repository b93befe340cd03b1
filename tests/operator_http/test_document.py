"""The API against its own description, by a tester that reads nothing else: schemathesis."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from appliance.domain.operators import Role
from appliance.transport.operator_http.app import FAMILIES
from appliance.transport.operator_http.document import document
from appliance.transport.operator_http.document_words import EXAMPLES
from appliance.transport.operator_http.field_words import FIELD_WORDS
from tests.operator_http.serving import Caller, served

TRIES = 6
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
            max_examples=TRIES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
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


def test_every_field_and_parameter_is_described_and_no_words_are_left_over() -> None:
    routes = [route for family in FAMILIES for route in family.ROUTES]
    described = document(routes)
    used = set()
    for name, schema in described["components"]["schemas"].items():
        assert "." not in name, f"two types are called {name.rpartition('.')[2]}"
        used |= {(name, field) for field in schema.get("properties", {})}
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    for operation in operations:
        used |= {(operation["operationId"], it["name"]) for it in operation.get("parameters", ())}
    assert not [it for it in used if not {".".join(it), it[1]} & FIELD_WORDS.keys()]
    own = {f"{owner}.{field}" for owner, field in used} & FIELD_WORDS.keys()
    shared = {field for owner, field in used if f"{owner}.{field}" not in own}
    assert own | shared == FIELD_WORDS.keys()
    assert {it["operationId"] for it in operations} >= EXAMPLES.keys()


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_every_example_is_a_good_body(name: str) -> None:
    (route,) = (route for family in FAMILIES for route in family.ROUTES if route.fn.__name__ == name)
    msgspec.convert(EXAMPLES[name], get_type_hints(route.fn)["data"])
