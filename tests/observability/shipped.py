"""What is shipped for Prometheus and Grafana, as programs read it; and promtool, where it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "packaging" / "observability"
RULES = FOLDER / "alerts.yml"
_METRIC = re.compile(r"\b(?:readytrader|process)_[a-z0-9_]+\b")
_TEXTS = re.compile(r'"[^"]*"')


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    found = group["rules"]
    assert isinstance(found, list)
    return found


def dashboard() -> dict[str, Any]:
    found = json.loads((FOLDER / "dashboard.json").read_text())
    assert isinstance(found, dict)
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Every PromQL expression, with what it is for."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    board = dashboard()
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def metrics_of(expression: str) -> set[str]:
    return set(_METRIC.findall(_TEXTS.sub('""', expression)))


def promtool(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool (of the Debian package prometheus). Skips where it is not installed, unless all must run."""
    program = shutil.which("promtool")
    if program is None:
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail("promtool is not installed, and all tests are to run")
        pytest.skip("promtool is not installed (Debian: prometheus)")
    return subprocess.run(
        [program, *arguments], input=said, capture_output=True, text=True, timeout=60, check=False, cwd=FOLDER
    )
