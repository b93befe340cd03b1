from __future__ import annotations

import asyncio
import base64
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest

from appliance.domain.operators import Role
from appliance.service.core import Core
from appliance.service.passkeys import CHALLENGES_MAX, PasskeyRefused, Passkeys
from tests.operator_http.serving import PASSWORD, Caller, error_code, served
from tests.operator_http.software_key import SoftwareKey
from tests.service.rig import ManualClock


async def halted(core: Core, caller: Caller) -> None:
    assert (await caller.post("/api/halt", reason="test")).status_code == 200
    assert core.halt.is_halted()


async def resume(caller: Caller, factor: dict[str, Any] | None = None, scope: str = "global") -> tuple[int, str]:
    more = {} if factor is None else {"factor": factor}
    answer = await caller.post("/api/resume", scope=scope, reason="test", **more)
    return answer.status_code, "" if answer.status_code == 200 else error_code(answer)


async def with_codes(caller: Caller) -> pyotp.TOTP:
    """Set up one-time codes; what makes them."""
    begun = (await caller.post("/api/auth/totp/begin", password=PASSWORD)).json()
    codes = pyotp.TOTP(begun["secret"])
    assert (await caller.post("/api/auth/totp/confirm", code=codes.now())).status_code == 200
    return codes


def next_code(codes: pyotp.TOTP) -> str:
    """The code of the step to come, which is taken already: that of this step was used to set them up."""
    return codes.at(int(time.time()) + 30)


async def with_passkey(caller: Caller, key: SoftwareKey) -> None:
    options = (await caller.post("/api/auth/passkeys/begin", password=PASSWORD)).json()
    made = await caller.post("/api/auth/passkeys/finish", name="test", credential=key.create(options))
    assert made.status_code == 200, made.text


def test_resuming_needs_a_second_factor_and_halting_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR) as operator:
            await halted(core, operator)
            assert await resume(operator) == (401, "factor_needed")
            assert core.halt.is_halted()
            codes = await with_codes(operator)
            assert await resume(operator, {"totp": next_code(codes)}) == (200, "")
            assert not core.halt.is_halted()

    asyncio.run(scenario())


def test_a_one_time_code_is_good_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR) as operator:
            codes = await with_codes(operator)
            code = next_code(codes)
            await halted(core, operator)
            assert (await resume(operator, {"totp": code}))[0] == 200
            await halted(core, operator)
            assert await resume(operator, {"totp": code}) == (401, "factor_refused")
            again = await operator.post("/api/auth/login", username="operator", password=PASSWORD, totp=code)
            assert (again.status_code, error_code(again)) == (401, "bad_credentials")

    asyncio.run(scenario())


def test_signing_in_needs_the_code_once_it_is_set_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            codes = await with_codes(viewer)
            without = await viewer.post("/api/auth/login", username="viewer", password=PASSWORD)
            assert (without.status_code, error_code(without)) == (401, "totp_needed")
            await viewer.sign_in("viewer", totp=next_code(codes))

    asyncio.run(scenario())


def test_a_passkey_signs_one_act_of_one_person_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            served(tmp_path) as (core, http),
            await Caller.signed_in(core, http, Role.OPERATOR) as operator,
            await Caller.signed_in(core, http, Role.OPERATOR, "bob") as bob,
        ):
            key = SoftwareKey(f"http://localhost:{http.port}")
            await with_passkey(operator, key)
            await with_passkey(bob, bobs := SoftwareKey(f"http://localhost:{http.port}"))
            await halted(core, operator)

            async def challenge(**act: str) -> dict[str, Any]:
                options: dict[str, Any] = (await operator.post("/api/auth/challenge", **act)).json()
                return options

            other_act = key.get(await challenge(act="accept_drift", venue="kraken"))
            assert await resume(operator, {"passkey": other_act}) == (401, "factor_refused")
            other_terms = key.get(await challenge(act="resume", scope="symbol:BTC/USDT"))
            assert await resume(operator, {"passkey": other_terms}) == (401, "factor_refused")
            anothers_key = bobs.get(await challenge(act="resume", scope="global"))
            assert await resume(operator, {"passkey": anothers_key}) == (401, "factor_refused")
            anothers_challenge = bobs.get(await challenge(act="resume", scope="global"))
            assert await resume(bob, {"passkey": anothers_challenge}) == (401, "factor_refused")
            assert core.halt.is_halted()
            good = key.get(await challenge(act="resume", scope="global"))
            assert await resume(operator, {"passkey": good}) == (200, "")
            await halted(core, operator)
            assert await resume(operator, {"passkey": good}) == (401, "factor_refused")
            key.count -= 2
            copied = key.get(await challenge(act="resume", scope="global"))
            assert await resume(operator, {"passkey": copied}) == (401, "factor_refused")

    asyncio.run(scenario())


@pytest.mark.parametrize("flaw", ["foreign origin", "nobody verified"])
def test_a_passkey_of_another_page_or_without_a_verified_person_is_not_taken(tmp_path: Path, flaw: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            origin = "http://localhost:1" if flaw == "foreign origin" else f"http://localhost:{http.port}"
            key = SoftwareKey(origin, verifies=flaw != "nobody verified")
            options = (await viewer.post("/api/auth/passkeys/begin", password=PASSWORD)).json()
            made = await viewer.post("/api/auth/passkeys/finish", name="test", credential=key.create(options))
            assert (made.status_code, error_code(made)) == (401, "factor_refused")

    asyncio.run(scenario())


def test_what_a_passkey_signed_is_good_once_and_only_where_it_verified_its_person(tmp_path: Path) -> None:
    """By the challenge alone: many passkeys count nothing, and show 0 ever after (WebAuthn Level 2, 6.1.1)."""

    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR) as operator:
            key = SoftwareKey(f"http://localhost:{http.port}", counts=False)
            await with_passkey(operator, key)
            await halted(core, operator)
            options = (await operator.post("/api/auth/challenge", act="resume", scope="global")).json()
            key.verifies = False
            assert await resume(operator, {"passkey": key.get(options)}) == (401, "factor_refused")
            key.verifies = True
            options = (await operator.post("/api/auth/challenge", act="resume", scope="global")).json()
            good = key.get(options)
            assert await resume(operator, {"passkey": good}) == (200, "")
            await halted(core, operator)
            assert await resume(operator, {"passkey": good}) == (401, "factor_refused")
            assert core.halt.is_halted()

    asyncio.run(scenario())


def test_a_challenge_is_good_for_two_minutes() -> None:
    clock = ManualClock()
    ceremonies = Passkeys(clock)
    key = SoftwareKey("http://localhost:1")
    passkey = ceremonies.created(
        "alice", "test", key.create(ceremonies.creation_options("alice", ())), "http://localhost:1"
    )
    in_time, late = (key.get(ceremonies.request_options("alice", "act", ())) for _ in range(2))
    clock.advance(119)
    assert ceremonies.proved("alice", "act", in_time, passkey, "http://localhost:1") == 1
    clock.advance(1)
    with pytest.raises(PasskeyRefused, match="too old"):
        ceremonies.proved("alice", "act", late, passkey, "http://localhost:1")


def test_a_stolen_session_adds_no_second_key(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            await with_codes(viewer)
            for path in ("/api/auth/totp/begin", "/api/auth/passkeys/begin"):
                wrong = await viewer.post(path, password="wrong horse battery")
                without = await viewer.post(path, password=PASSWORD)
                assert error_code(wrong) == "bad_credentials"
                assert (without.status_code, error_code(without)) == (401, "factor_needed")

    asyncio.run(scenario())


def test_as_many_challenges_are_outstanding_as_are_allowed() -> None:
    ceremonies = Passkeys(lambda: datetime(2026, 11, 28, tzinfo=UTC))
    asked = [ceremonies.request_options("alice", "act", ())["challenge"] for _ in range(CHALLENGES_MAX + 1)]
    outstanding = {base64.urlsafe_b64encode(key).rstrip(b"=").decode() for key in ceremonies._challenges}
    assert outstanding == set(asked[1:])
