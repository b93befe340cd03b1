"""These tests download other people's clients, so they run only when asked for: `hatch run clients`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.toolbox import Served

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-clients", action="store_true", help="run foreign MCP clients, downloading them once")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-clients", default=False):
        return
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.skip(reason="foreign clients run with --run-clients"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The appliance in a process of its own, on its socket and over HTTP."""
    folder = tmp_path_factory.mktemp("home")
    child = subprocess.Popen([sys.executable, "-m", "tests.clients.server", str(folder)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        found = json.loads(child.stdout.readline())
        environment = {**os.environ, "READYTRADER_HOME": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
        yield Served(url=found["url"], token=found["token"], conformance_url=found["conformance"], env=environment)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
