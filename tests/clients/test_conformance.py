"""The protocol's own conformance suite, both sets of requirements, over our listener with the suite's fixtures."""

from __future__ import annotations

import subprocess

import pytest

from tests.clients.toolbox import CACHE, Served, node_environment


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_every_required_scenario_passes(revision: str, served: Served) -> None:
    command = ["conformance", "server", "--url", served.conformance_url, "--requirements", revision]
    environment = node_environment()
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=environment, check=False, cwd=CACHE)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
