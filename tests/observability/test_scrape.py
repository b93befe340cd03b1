"""Every name that a graph or an alert asks for is in a real scrape of a running appliance, and promtool likes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.telemetry.catalog import CATALOG
from tests.cli.test_live_venues import live, serving, trader, until
from tests.observability.shipped import metrics_of, promtool, queries
from tests.telemetry.scrape import Scrape

NOTIFIER = """
[[notifier]]
name = "desk"
plugin = "webhook"
settings = {url = "http://127.0.0.1:9/none"}
private_hosts = ["127.0.0.1:9"]
"""


@pytest.fixture(scope="module")
def scrape() -> Iterator[Scrape]:
    """Of a live appliance that has traded: real core, caged workers, a venue, a notifier."""
    with live(NOTIFIER) as (appliance, _venue):
        stored = appliance.run("plugin", "secret", "desk", "signing_key", "--from-file", "-", said="whsec_" + "A" * 32)
        assert stored.returncode == 0, stored
        serving(appliance)
        trader(appliance).order("buy", "0.002", exchange="play", order_type="limit", price="49000")
        until(lambda: "readytrader_venue_agreed_age_seconds{" in appliance.done("metrics"))
        yield Scrape(appliance.done("metrics"))


def test_every_name_in_the_alerts_and_the_dashboard_is_emitted(scrape: Scrape) -> None:
    asked = {name: title for title, expression in queries() for name in metrics_of(expression)}
    assert len(asked) > 40
    assert {name: title for name, title in asked.items() if name not in scrape.names} == {}


def test_every_metric_of_ours_is_graphed_or_alerted_on(scrape: Scrape) -> None:
    asked = {name for _, expression in queries() for name in metrics_of(expression)}
    asked = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in asked}
    assert {metric.name for metric in CATALOG} - asked - NOT_GRAPHED == set()
    assert scrape.of("stage_seconds_count", stage="send") == 1


NOT_GRAPHED = {"readytrader_worker_state"}
"""Beside `worker_ready`, which says what a graph needs."""


def test_promtool_finds_nothing_wrong_with_the_exposition(scrape: Scrape) -> None:
    judged = promtool("check", "metrics", said=scrape.text)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
