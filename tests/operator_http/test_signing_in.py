from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.domain.operators import Role
from tests.operator_http.serving import Caller, add_operator, error_code, served


def test_somebody_with_an_account_signs_in_and_sees_how_things_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            status = await viewer.get("/api/status")
            me = await viewer.get("/api/auth/me")
            assert status.status_code == 200, status.text
            assert status.json()["mode"] == "paper"
            assert me.json()["username"] == "viewer"
            assert viewer.tokens["expires_in"] <= 600
            assert viewer.tokens["factors"] == {"totp": False, "passkeys": 0}

    asyncio.run(scenario())


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), Caller(http.port) as stranger:
            await add_operator(core, "alice", Role.ADMIN)
            wrong = await stranger.post("/api/auth/login", username="alice", password="wrong horse battery")
            unknown = await stranger.post("/api/auth/login", username="bob", password="wrong horse battery")
            assert wrong.status_code == unknown.status_code == 401
            assert error_code(wrong) == "bad_credentials"
            assert wrong.content == unknown.content

    asyncio.run(scenario())


def test_signing_out_ends_the_session_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.ADMIN) as admin:
            assert (await admin.post("/api/auth/logout")).status_code == 200
            after = await admin.get("/api/status")
            renewed = await admin.post("/api/auth/refresh", refresh_token=admin.tokens["refresh_token"])
            assert (after.status_code, error_code(after)) == (401, "not_signed_in")
            assert renewed.status_code == 401

    asyncio.run(scenario())
