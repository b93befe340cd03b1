from __future__ import annotations

import asyncio
import json
from pathlib import Path

from playwright.async_api import Route, expect

from appliance.domain.events import OperatorSignedIn
from appliance.domain.operators import Role
from tests.page.browser import run
from tests.page.people import alone, order

PAGE = 50
"""Entries that the view asks for at once."""


def test_an_entry_is_found_and_verified_in_the_browser_and_its_proof_is_a_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.VIEWER) as (core, _browsers, alice):
            order_id = await order(core)
            await alice.go("journal", "Journal")
            await alice.page.get_by_label("Contains").fill(order_id)
            await alice.page.get_by_label("Kind").fill("order")
            await alice.press("Search")
            await alice.page.get_by_role("link").filter(has_text="order.").first.click()
            await alice.sees("Inclusion: verified in this browser.")
            await alice.sees("Checkpoint’s signature: verified in this browser")
            await alice.sees("Read from the bytes that were verified.")
            await expect(alice.page.locator("pre")).to_contain_text(order_id)
            async with alice.page.expect_download() as download:
                await alice.press("Download the proof")
            proof = (await asyncio.to_thread((await (await download.value).path()).read_bytes)).decode()
            assert proof.startswith("c2sp.org/tlog-proof@v1\n")
            assert not alice.complaints

    run(scenario())


def test_a_proof_that_was_tampered_with_is_not_believed_whatever_the_server_says_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.VIEWER) as (_, _browsers, alice):

            async def another_hash(route: Route) -> None:
                answer = await route.fetch()
                entry = await answer.json()
                lines = entry["proof"].split("\n")
                at = next(n for n, line in enumerate(lines) if n > 2)
                lines[at] = ("B" if lines[at][0] == "A" else "A") + lines[at][1:]
                await route.fulfill(response=answer, body=json.dumps(entry | {"proof": "\n".join(lines)}))

            await alice.page.route("**/api/journal/1", another_hash)
            await alice.page.evaluate("location.hash = '#/journal/1'")
            await alice.sees("the hashes do not lead to the checkpoint's root")
            await alice.sees("As the appliance shows it; not proven.")

    run(scenario())


def test_another_key_than_the_first_is_told_and_not_used(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.VIEWER) as (_, _browsers, alice):
            await alice.page.evaluate("location.hash = '#/journal/1'")
            await alice.sees("Compare it with what")
            other = "other+e1b0a3f4+AZPMoUEeArrnIEIvJ3Vt9sZ2Jq8d3Yc9Xr0bqk1hZ2uL"
            await alice.page.evaluate("key => localStorage.setItem('readytrader.journal.key', key)", other)
            await alice.page.reload()
            await alice.sees("The appliance shows another key")
            await alice.sees("Not proven")

    run(scenario())


def test_older_entries_stay_while_new_ones_come(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with alone(tmp_path, Role.VIEWER) as (core, _browsers, alice):
            await core.recorder.record(*[OperatorSignedIn(username="alice", factors=("password",))] * PAGE)
            await alice.go("journal", "Journal")
            lines = alice.page.get_by_role("list").locator(".journal-line")
            await expect(lines).to_have_count(PAGE)
            await alice.press("Older entries")
            await expect(lines.last).to_have_attribute("href", "#/journal/0")
            before = await lines.count()
            order_id = await order(core)
            await expect(lines.filter(has_text=order_id).first).to_be_visible()
            await expect(lines.last).to_have_attribute("href", "#/journal/0")
            assert await lines.count() > before
            await expect(alice.page.get_by_role("button", name="Older entries")).to_have_count(0)
            assert not alice.complaints

    run(scenario())
