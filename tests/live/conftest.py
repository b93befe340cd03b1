"""What the simulations of a run add up."""

from __future__ import annotations

import pytest

from tests.live.tally import Tally


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    """What each lane has seen."""
    return {}
