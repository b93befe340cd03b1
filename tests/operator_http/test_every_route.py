"""What holds for each route, whoever added it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import get
from litestar.handlers import HTTPRouteHandler

from appliance.domain.events import Event, JournalTakenOut, NavMarked
from appliance.domain.operators import Role
from appliance.service.core import Core
from appliance.transport.operator_http import app
from appliance.transport.operator_http.app import FAMILIES
from appliance.transport.operator_http.listener import OperatorHttp
from tests.operator_http.serving import Caller, error_code, served
from tests.transport.serving import call, new_token

ROUTES = tuple(
    (method, re.sub(r"\{\w+:\w+\}", "x", re.sub(r"\{\w+:int\}", "0", path)), route)
    for family in FAMILIES
    for route in family.ROUTES
    for path in route.paths
    for method in route.http_methods
    if method in ("GET", "POST")
)
"""Every way in: method, a path of its kind, and its handler."""
CLOSED = tuple(it for it in ROUTES if it[2].opt.get("public") is not True)
PUBLIC = {"/", "/page/x", "/openapi.json", "/api/health", "/api/auth/login", "/api/auth/refresh"}
LEAST = {Role.VIEWER: None, Role.OPERATOR: Role.VIEWER, Role.ADMIN: Role.OPERATOR}


async def ask(http: OperatorHttp, method: str, path: str, **more: Any) -> httpx.Response:
    async with Caller(http.port) as stranger:
        return await stranger.client.request(method, path, **more)


def test_only_these_are_open_to_everybody() -> None:
    assert {path for _, path, route in ROUTES if route.opt.get("public") is True} == PUBLIC


def test_every_other_route_says_who_may_call_it() -> None:
    assert all(isinstance(route.opt.get("role"), Role) for _, _, route in CLOSED)


def test_without_a_good_token_every_route_is_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http):
            tokens = ["", "Bearer", "Bearer x.y.z", f"Bearer {await new_token(core, 'alice')}", "Basic YTpi"]
            for method, path, _ in CLOSED:
                for token in tokens:
                    headers = {"Authorization": token} if token else {}
                    answer = await ask(http, method, path, headers=headers)
                    assert answer.status_code == 401, (path, token, answer.text)
                    assert error_code(answer) == "not_signed_in"

    asyncio.run(scenario())


@get("/api/forgotten")
async def forgotten() -> str:
    """A route whose author forgot to say who may call it."""
    return "open"


def test_a_route_that_says_nothing_nobody_may_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "FAMILIES", (*FAMILIES, SimpleNamespace(ROUTES=(forgotten,))))

    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.ADMIN) as admin:
            assert (await ask(http, "GET", "/api/forgotten")).status_code == 401
            assert error_code(await admin.get("/api/forgotten")) == "role_too_low"

    asyncio.run(scenario())


def test_a_lesser_role_than_a_route_asks_for_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http):
            people = {role: await Caller.signed_in(core, http, role) for role in Role}
            for method, path, route in CLOSED:
                lesser = LEAST[route.opt["role"]]
                if lesser is not None:
                    answer = await people[lesser].client.request(method, path)
                    assert answer.status_code == 403, (path, answer.text)
                    assert error_code(answer) == "role_too_low"
            for person in people.values():
                await person.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Origin": "http://evil.example"}, 403, "foreign_origin"),
        ({"Origin": "null"}, 403, "foreign_origin"),
        ({"Origin": "http://localhost:1"}, 403, "foreign_origin"),
        ({"Host": "evil.example"}, 421, "wrong_host"),
        ({"Host": "localhost"}, 421, "wrong_host"),
        ({"Host": "localhost:1"}, 421, "wrong_host"),
        ({"Content-Length": "65537"}, 413, "too_large"),
    ],
    ids=str,
)
def test_no_route_is_reached_by_another_name_from_another_page_or_with_too_much(
    tmp_path: Path, headers: dict[str, str], status: int, code: str
) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, http):
            for method, path, _route in ROUTES:
                content = b"x" * 65537 if "Content-Length" in headers else None
                answer = await ask(http, method, path, headers=headers, content=content)
                assert (answer.status_code, error_code(answer)) == (status, code), path

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/api/health", "//api/health", "/api//health", "/metrics"])
def test_another_site_is_answered_nothing_under_no_spelling_of_a_path(tmp_path: Path, path: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, http):
            url = f"http://localhost:{http.port}{path}"
            async with httpx.AsyncClient() as client:
                answer = await client.get(url, headers={"Sec-Fetch-Site": "same-site"})
            assert (answer.status_code, error_code(answer)) == (403, "foreign_origin")

    asyncio.run(scenario())


def test_what_is_nested_too_deeply_is_refused_and_makes_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, http):
            deep = b'{"username":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
            answer = await ask(http, "POST", "/api/auth/login", content=deep)
            assert (answer.status_code, error_code(answer)) == (400, "bad_request")
            assert not caplog.records

    asyncio.run(scenario())


def test_too_much_in_pieces_is_refused_as_well(tmp_path: Path) -> None:
    async def pieces() -> Any:
        for _ in range(70):
            yield b" " * 1024

    async def scenario() -> None:
        async with served(tmp_path) as (_, http):
            answer = await ask(http, "POST", "/api/auth/login", content=pieces())
            assert (answer.status_code, error_code(answer)) == (413, "too_large")

    asyncio.run(scenario())


def test_every_reply_carries_the_headers_and_no_cookie(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, http):
            for method, path in [(it[0], it[1]) for it in ROUTES] + [("GET", "/nothing"), ("DELETE", "/api/health")]:
                answer = await ask(http, method, path)
                assert "default-src 'none'" in answer.headers["content-security-policy"], path
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["referrer-policy"] == "no-referrer"
                assert answer.headers["cross-origin-resource-policy"] == "same-origin"
                assert answer.headers["cache-control"] in ("no-store", "no-cache")
                assert "set-cookie" not in answer.headers
                assert not [name for name in answer.headers if name.startswith("access-control-")]

    asyncio.run(scenario())


def test_looking_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.ADMIN) as admin:
            recorded: list[Event] = []
            core.recorder.listen(recorded.append)
            for method, path, _ in ROUTES:
                if method == "GET":
                    answer = await admin.client.request(method, path)
                    assert answer.status_code in (200, 400, 404, 409), (path, answer.text)
            # The clock marks the value, and whoever takes the journal out is written down: neither changes anything.
            assert [event for event in recorded if not isinstance(event, NavMarked | JournalTakenOut)] == []

    asyncio.run(scenario())


def test_no_reply_holds_a_secret(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.ADMIN) as admin:
            secrets = _secrets(core, tmp_path, admin)
            secrets.append(await new_token(core, "alice"))
            await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001")
            for method, path, _ in ROUTES:
                if method == "GET":
                    answer = await admin.client.request(method, path)
                    leaks = [secret[:6] for secret in secrets if secret in answer.text]
                    assert not leaks, path

    asyncio.run(scenario())


def _secrets(core: Core, home: Path, admin: Caller) -> list[str]:
    """What no reply may show: keys, hashes, tokens."""
    registry = core.operators._registry
    keys = [path.read_bytes() for path in (home / "keys").iterdir()]
    return [
        *(account.password_phc for account in registry.accounts.values()),
        *(session.refresh_sha256 for session in registry.sessions.values()),
        *registry.sessions,
        *(key.hex() for key in keys),
        *(key.decode("latin-1") for key in keys),
        admin.tokens["access_token"],
        admin.tokens["refresh_token"],
    ]


def test_an_operators_token_opens_nothing_at_the_agents_listener(tmp_path: Path) -> None:
    from appliance.transport.http import PATH, AgentHttp

    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.ADMIN) as admin:
            agents = AgentHttp(core, "127.0.0.1", 0)
            await agents.start()
            try:
                for token in (admin.tokens["access_token"], admin.tokens["refresh_token"]):
                    async with Caller(agents.port, token) as caller:
                        for path in (PATH, "/api/status", "/"):
                            assert (await caller.post(path)).status_code == 401
            finally:
                await agents.aclose()

    asyncio.run(scenario())


def test_every_route_is_in_the_description(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, http):
            described = (await ask(http, "GET", "/openapi.json")).json()["paths"]
            shown = {path for _, _, route in ROUTES if _is_described(route) for path in route.paths}
            assert {re.sub(r":\w+\}", "}", path) for path in shown} == set(described)

    asyncio.run(scenario())


def _is_described(route: HTTPRouteHandler) -> bool:
    return route.include_in_schema is not False
