"""A real core behind a real operators' listener, and people who sign in and call over a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from appliance.domain.operators import Role
from appliance.service.core import Core
from appliance.transport.operator_http.listener import OperatorHttp
from tests.transport.serving import running_core

PASSWORD = "correct horse battery"
CALLS_PER_MIN = 1_000_000


@asynccontextmanager
async def served(folder: Path, **settings: str) -> AsyncIterator[tuple[Core, OperatorHttp]]:
    """A running core and its operators' listener on a port of its own."""
    async with running_core(folder, **settings) as core, listening(core) as http:
        yield core, http


@asynccontextmanager
async def listening(
    core: Core, calls_per_min: int = CALLS_PER_MIN, *, metrics_open: bool = False, port: int = 0
) -> AsyncIterator[OperatorHttp]:
    http = OperatorHttp(core, "127.0.0.1", port, calls_per_min, metrics_open=metrics_open)
    await http.start()
    try:
        yield http
    finally:
        await http.aclose()


async def add_operator(core: Core, username: str, role: Role, uid: int | None = None) -> None:
    await core.operators.add(username, role, PASSWORD, uid, "test")


class Caller:
    """Somebody with an HTTP client, signed in or not."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.port = port
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.client = httpx.AsyncClient(base_url=f"http://localhost:{port}", headers=headers, timeout=30, verify=False)
        self.tokens: dict[str, Any] = {}

    @classmethod
    async def signed_in(cls, core: Core, http: OperatorHttp, role: Role, username: str | None = None) -> Self:
        """Somebody with an account of this role, which is made where there is none."""
        name = username or role.value
        if all(it.username != name for it in core.operators.all()):
            await add_operator(core, name, role)
        caller = cls(http.port)
        await caller.sign_in(name)
        return caller

    async def sign_in(self, username: str, password: str = PASSWORD, **more: str) -> None:
        body = {"username": username, "password": password, **more}
        answer = await self.client.post("/api/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        self.client.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        return await self.client.get(path, params=parameters)

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)

    async def close(self) -> None:
        await self.client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def error_code(answer: httpx.Response) -> str:
    """The code of an error reply, whose whole shape is looked at."""
    body = json.loads(answer.text)
    assert body.keys() == {"error"}, body
    assert {"code", "text"} <= body["error"].keys(), body
    return str(body["error"]["code"])
