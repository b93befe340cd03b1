"""People with accounts on a core, and the codes that their authenticator apps show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pyotp

from appliance.domain.operators import Role
from appliance.service.core import Core
from tests.operator_http.serving import PASSWORD, add_operator, served
from tests.page.browser import Browsers, Visitor, chromium_running
from tests.transport.serving import call

STEP_S = 30


class Codes:
    """An authenticator app. Each code is good once, so it gives the next one that is good now."""

    def __init__(self, secret: str, clock: Callable[[], datetime]) -> None:
        self._generator = pyotp.HOTP(secret)
        self._clock = clock
        self._last = 0

    def next(self) -> str:
        """A code of the step before, of now, or of the step after: three in a row without waiting."""
        now = int(self._clock().timestamp()) // STEP_S
        self._last = max(self._last + 1, now - 1)
        assert self._last <= now + 1, "more codes than a minute has"
        return self._generator.at(self._last)


async def with_codes(core: Core, username: str, role: Role) -> Codes:
    """An account with an authenticator app."""
    await add_operator(core, username, role)
    secret, _ = core.operators.factors.begin_codes(username)
    codes = Codes(secret, core.clock)
    await core.operators.factors.confirm_codes(username, codes.next(), "test")
    return codes


@asynccontextmanager
async def alone(folder: Path, role: Role, **settings: str) -> AsyncIterator[tuple[Core, Browsers, Visitor]]:
    """Alice, without a second factor, at the page of a core of her own."""
    async with served(folder, **settings) as (core, http), chromium_running() as browsers:
        await add_operator(core, "alice", role)
        alice = await browsers.visitor(http.port)
        await alice.open()
        await alice.sign_in("alice", PASSWORD)
        yield core, browsers, alice


@asynccontextmanager
async def with_app(folder: Path, role: Role, **settings: str) -> AsyncIterator[tuple[Core, Visitor, Codes]]:
    """Alice with her authenticator app, at the page of a core of her own."""
    async with served(folder, **settings) as (core, http), chromium_running() as browsers:
        codes = await with_codes(core, "alice", role)
        alice = await browsers.visitor(http.port)
        await alice.open()
        await alice.sign_in("alice", PASSWORD, codes.next())
        yield core, alice, codes


async def add_passkey(visitor: Visitor) -> None:
    """Give somebody who has no second factor yet a passkey: it signs any number of acts without waiting."""
    await visitor.passkey_device()
    await visitor.go("security", "My security")
    await visitor.press("Add…")
    await visitor.page.get_by_role("dialog").get_by_label("Your password").fill(PASSWORD)
    await visitor.answer("Add")
    await visitor.sees("The passkey is added.")


async def order(core: Core, symbol: str = "BTC/USDT", price: str = "59000", amount: str = "0.005") -> str:
    """A limit order of the local agent below the market; its ID, or its proposal's."""
    asked = {"symbol": symbol, "side": "buy", "amount": amount, "order_type": "limit", "price": price}
    answer = await call(core, "place_cex_order", **asked)
    held = answer.get("proposal")
    assert answer["ok"] or held, answer
    return str(held["request_id"] if held else answer["order"]["order_id"])
