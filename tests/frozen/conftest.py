"""Nothing here runs against a build of another source."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.appliances import Appliance, new_appliance
from tests.frozen.builds import UNPACKED, require_build


@pytest.fixture(scope="session", autouse=True)
def _build() -> None:
    require_build()


@pytest.fixture
def appliance() -> Iterator[Appliance]:
    """A configured home for the unpacked program."""
    with new_appliance(command=[str(UNPACKED)]) as fresh:
        yield fresh
