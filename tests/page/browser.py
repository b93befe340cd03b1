"""A real Chromium on the operators' page of a real core: what a person does, and what the browser says about it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright, expect

ARGUMENTS = (
    "--no-sandbox",  # tests run as root, where Chromium has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",  # the page may ask nobody but its own appliance
)
DESK = (1360, 900)
PHONE = (360, 780)
PATIENCE_MS = 15_000

expect.set_options(timeout=PATIENCE_MS)


def chromium() -> str:
    """The program's path. Without it the test is skipped, out loud; in CI (`REQUIRE_ALL`) that is a failure."""
    found = shutil.which("chromium")
    if found is not None:
        return found
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail("chromium is missing: nobody looked at the page")
    pytest.skip("chromium is not installed (apt-get install chromium): this test of the page did not run")


class Visitor:
    """One browser profile of one person, and everything that the browser complained of."""

    def __init__(self, context: BrowserContext, page: Page, port: int) -> None:
        self.context = context
        self.page = page
        self.port = port
        self.complaints: list[str] = []
        self.bytes_received = 0
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self._note("uncaught", str(error)))
        page.on("dialog", lambda dialog: self._note("dialog", dialog.message))

    def _note(self, kind: str, text: str) -> None:
        expected = text.startswith("Failed to load resource") or "WebSocket connection" in text
        if kind in ("error", "warning", "uncaught", "dialog") and not expected:
            self.complaints.append(f"{kind}: {text}")

    async def open(self, view: str = "") -> None:
        await self.page.goto(f"http://localhost:{self.port}/{view and f'#/{view}'}")

    async def sign_in(self, username: str, password: str, code: str = "") -> None:
        """From the page of nobody to a view with its heading."""
        await self.page.get_by_label("Name").fill(username)
        await self.page.get_by_label("Password").fill(password)
        await self.press("Sign in")
        if code:
            await self.page.get_by_label("Code of your").fill(code)
            await self.press("Sign in")
        await self.page.get_by_role("heading", level=1).and_(self.page.locator("main h1")).first.wait_for()
        await self.page.get_by_role("navigation").first.wait_for()

    async def press(self, name: str, *, exact: bool = True) -> None:
        await self.page.get_by_role("button", name=name, exact=exact).click()

    async def answer(self, name: str) -> None:
        """Press a button of the dialog that is open, or opens now."""
        await self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()

    async def go(self, view: str, heading: str) -> None:
        """Show a view, and wait until its heading stands."""
        await self.page.evaluate("view => { location.hash = `#/${view}` }", view)
        await self.page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()

    async def sees(self, text: str) -> None:
        """Wait until this stands somewhere that is visible."""
        await self.page.get_by_text(text).filter(visible=True).first.wait_for()

    async def settled(self) -> None:
        """Wait until nothing is being loaded any more."""
        await self.page.locator(".loading").first.wait_for(state="detached")

    async def text(self) -> str:
        return str(await self.page.locator("body").inner_text())

    async def passkey_device(self) -> None:
        """Put a virtual authenticator into this browser (WebAuthn through the DevTools protocol)."""
        session = await self.context.new_cdp_session(self.page)
        await session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


class Browsers:
    """The Chromium of all tests, as one test has it: each visitor has a profile that ends with the test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    async def visitor(
        self, port: int, size: tuple[int, int] = DESK, look: Any = "light", motion: Any = "reduce"
    ) -> Visitor:
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=look, reduced_motion=motion
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        return Visitor(context, await context.new_page(), port)

    async def close(self) -> None:
        """End every profile of this test."""
        for context in self._contexts:
            await context.close()


class _Shared:
    """One event loop and one Chromium in it, for all tests of this process: a start takes longer than most tests."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        try:
            self._runner.run(self.browser())
        except BaseException:
            scenario.close()
            raise
        self._runner.run(_alone(scenario))

    async def browser(self) -> Browser:
        if self._playwright is None or self._browser is None or not self._browser.is_connected():
            path = chromium()
            self._playwright = self._playwright or await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        return self._browser

    def close(self) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()


async def _alone(scenario: Coroutine[Any, Any, None]) -> None:
    """What the scenario leaves running ends with it, as it would with a loop of its own."""
    before = asyncio.all_tasks()
    try:
        await scenario
    finally:
        left = asyncio.all_tasks() - before
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


shared = _Shared()


@asynccontextmanager
async def chromium_running() -> AsyncIterator[Browsers]:
    """The Chromium, with no profile yet."""
    browsers = Browsers(await shared.browser())
    try:
        yield browsers
    finally:
        await browsers.close()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """What a test of the page does with its scenario, in place of `asyncio.run`."""
    shared.run(scenario)
