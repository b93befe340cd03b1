"""Figures over HTTP: to whoever is signed in, and to anybody on this host only where that was opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.config import load
from appliance.domain.operators import Role
from tests.operator_http.serving import Caller, error_code, listening, served
from tests.telemetry.scrape import Scrape


def test_a_viewer_sees_the_same_figures_as_text_and_as_json(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            text = await viewer.get("/metrics")
            told = await viewer.get("/api/metrics")
            assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert Scrape(text.text)["halted"] == 0
            entries = [one for one in told.json()["series"] if one["name"] == "readytrader_journal_entries"]
            assert [one["value"] for one in entries] == [core.journal.size]

    asyncio.run(scenario())


def test_nobody_scrapes_without_signing_in_until_it_was_opened(tmp_path: Path) -> None:
    assert not load(None, {}).operator_listener.metrics_open

    async def scenario() -> None:
        async with served(tmp_path) as (core, http), Caller(http.port) as stranger:
            for path in ("/metrics", "/api/metrics"):
                refused = await stranger.get(path)
                assert (refused.status_code, error_code(refused)) == (401, "not_signed_in")
            async with listening(core, metrics_open=True) as opened, Caller(opened.port) as scraper:
                assert (await scraper.get("/metrics")).status_code == 200
                assert (await scraper.get("/api/metrics")).status_code == 401

    asyncio.run(scenario())
