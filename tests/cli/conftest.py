"""One fixture: the program in a fresh home, and none of its processes left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.appliances import Appliance, new_appliance


@pytest.fixture
def appliance() -> Iterator[Appliance]:
    """A configured home in which nothing runs yet."""
    with new_appliance() as fresh:
        yield fresh
